"""confluent-kafka: a fresh token for each sign-in at a broker (OAUTHBEARER).

>>> from confluent_kafka import Producer
>>> from freshkey.adapters.confluent_kafka import configuration
>>> producer = Producer(configuration("kafka.example.org:9093") | {"linger.ms": 5})

librdkafka asks again when four fifths of a token's life are over, while the program polls or flushes.
"""

from __future__ import annotations

from typing import Any

from freshkey.adapters._base import chosen, token_and_expiry
from freshkey.adapters._kafka import protocol
from freshkey.session import Session


class OauthCallback:
    """The value of ``oauth_cb``. Use it as it is only with ``security.protocol`` ``SASL_SSL``, as `configuration` does."""

    def __init__(self, session: Session | None = None) -> None:
        self._session = chosen(session)

    def __call__(self, _config: str) -> tuple[str, float]:
        """Return a token and the time at which it ends."""
        token, expires_at = token_and_expiry(self._session)
        return token, float(expires_at)


def configuration(servers: str, session: Session | None = None) -> dict[str, Any]:
    """Return the part of a configuration that is about these brokers and signing in to them: by TLS, unless they are on this machine."""
    return {
        "bootstrap.servers": servers,
        "security.protocol": protocol(servers.split(",")),
        "sasl.mechanisms": "OAUTHBEARER",
        "oauth_cb": OauthCallback(session),
    }
