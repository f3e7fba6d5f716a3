"""gRPC, blocking or not: call credentials that ask for a token for each call.

>>> import grpc
>>> from freshkey.adapters.grpc import call_credentials
>>> fresh = call_credentials(origins=["https://api.example.org"])
>>> channel = grpc.secure_channel("api.example.org:443", grpc.composite_channel_credentials(grpc.ssl_channel_credentials(), fresh))

gRPC sends call credentials over channels that are encrypted or do not leave this machine, and over no other.
"""

from __future__ import annotations

from collections.abc import Iterable

import grpc

from freshkey.adapters._base import authorization, chosen
from freshkey.errors import FreshkeyError
from freshkey.session import Session


class FreshkeyPlugin(grpc.AuthMetadataPlugin):
    """What gRPC asks for the metadata of a call, in a thread of its own."""

    def __init__(self, session: Session | None = None, *, origins: Iterable[str] = ()) -> None:
        self._session = chosen(session, origins)

    def __call__(self, context: grpc.AuthMetadataContext, callback: grpc.AuthMetadataPluginCallback) -> None:
        """Answer with a fresh token, or let the call fail with the reason why there is none."""
        # The address has no scheme on a channel that is not encrypted: gRPC asks there only if it does not leave this machine, and so do we.
        url = f"http{context.service_url}" if context.service_url.startswith("://") else context.service_url
        try:
            metadata = (("authorization", authorization(self._session, url)),)
        except FreshkeyError as error:
            callback((), error)
        else:
            callback(metadata, None)


def call_credentials(session: Session | None = None, *, origins: Iterable[str] = ()) -> grpc.CallCredentials:
    """Return credentials for calls to addresses that may get a token."""
    return grpc.metadata_call_credentials(FreshkeyPlugin(session, origins=origins), name="freshkey")
