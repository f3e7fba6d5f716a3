"""What both Kafka libraries share: a connection that a token may go over."""

from __future__ import annotations

from collections.abc import Iterable

from freshkey.adapters._base import LOOPBACK


def protocol(servers: Iterable[str]) -> str:
    """Return the protocol for these brokers: with TLS, unless all of them are on this machine."""
    hosts = [server.strip().rpartition("://")[2].rpartition(":")[0].strip("[]") for server in servers]
    return "SASL_PLAINTEXT" if hosts and all(host in LOOPBACK for host in hosts) else "SASL_SSL"
