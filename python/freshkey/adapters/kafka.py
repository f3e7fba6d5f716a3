"""kafka-python: a fresh token for each sign-in at a broker (OAUTHBEARER).

>>> from kafka import KafkaProducer
>>> from freshkey.adapters.kafka import configuration
>>> producer = KafkaProducer(**configuration("kafka.example.org:9093"))  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from freshkey.adapters._base import chosen
from freshkey.adapters._kafka import protocol
from freshkey.session import Session

try:
    from kafka.net.sasl.oauth import AbstractTokenProvider
except ImportError:  # kafka-python 2
    from kafka.sasl.oauth import AbstractTokenProvider


class FreshkeyTokenProvider(AbstractTokenProvider):
    """The value of ``sasl_oauth_token_provider``. Use it as it is only with ``security_protocol`` ``SASL_SSL``, as `configuration` does."""

    def __init__(self, session: Session | None = None) -> None:
        super().__init__()
        self._session = chosen(session)

    def token(self) -> str:
        """Return a token."""
        return self._session.token()


def configuration(servers: str | Sequence[str], session: Session | None = None) -> dict[str, Any]:
    """Return the part of a configuration that is about these brokers and signing in to them: by TLS, unless they are on this machine."""
    brokers = servers.split(",") if isinstance(servers, str) else list(servers)
    return {
        "bootstrap_servers": brokers,
        "security_protocol": protocol(brokers),
        "sasl_mechanism": "OAUTHBEARER",
        "sasl_oauth_token_provider": FreshkeyTokenProvider(session),
    }
