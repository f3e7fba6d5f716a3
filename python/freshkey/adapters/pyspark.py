"""Spark Connect: a channel whose calls have a fresh token, instead of ``;token=``, with which a session ends when the token does.

>>> from pyspark.sql.connect.session import SparkSession
>>> from freshkey.adapters.pyspark import FreshkeyChannelBuilder
>>> builder = FreshkeyChannelBuilder("sc://spark.example.org:443")
>>> spark = SparkSession.builder.channelBuilder(builder).getOrCreate()  # doctest: +SKIP
"""

from __future__ import annotations

from typing import Any

import grpc
from pyspark.sql.connect.client import DefaultChannelBuilder

from freshkey.adapters._base import LOOPBACK, chosen
from freshkey.adapters.grpc import call_credentials
from freshkey.session import Session


class FreshkeyChannelBuilder(DefaultChannelBuilder):
    """Builds a channel to the server that the connection string names, with TLS unless that is on this machine and ``use_ssl`` is not set."""

    def __init__(self, url: str, session: Session | None = None, *, root_certificates: bytes | None = None, **options: Any) -> None:
        """Take a connection string; `root_certificates` are the authorities to trust, in PEM, if not those of gRPC."""
        super().__init__(url, **options)
        if self._params.pop(self.PARAM_TOKEN, None) is not None:
            raise ValueError("the connection string has a token in it, which would not stay fresh: leave it out")
        self._root_certificates = root_certificates
        self._local = not self.use_ssl and self.host.strip("[]") in LOOPBACK
        self._session = chosen(session, [f"{'http' if self._local else 'https'}://{self.endpoint}"])

    def toChannel(self) -> grpc.Channel:  # noqa: N802 - Spark's name
        """Return the channel."""
        channel = grpc.local_channel_credentials() if self._local else grpc.ssl_channel_credentials(self._root_certificates)
        credentials = grpc.composite_channel_credentials(channel, call_credentials(self._session))
        opened: grpc.Channel = self._secure_channel(self.endpoint, credentials)
        return opened
