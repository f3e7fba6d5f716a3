"""Arrow Flight: a client whose calls have a fresh token.

>>> from freshkey.adapters.flight import connect
>>> client = connect("grpc+tls://flight.example.org:443")
>>> list(client.list_flights())  # doctest: +SKIP
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from pyarrow import flight

from freshkey.adapters._base import authorization, chosen
from freshkey.session import Session

_SCHEMES = {"grpc+tls": "https", "grpc": "http", "grpc+tcp": "http"}


class FreshkeyMiddlewareFactory(flight.ClientMiddlewareFactory):
    """For ``FlightClient(location, middleware=[...])``, which is not said where a call goes: so the location is named here too."""

    def __init__(self, location: str, session: Session | None = None) -> None:
        """Take a location with TLS or on this machine; any other is a `ValueError`."""
        super().__init__()
        where = urlsplit(location)
        self._origin = f"{_SCHEMES.get(where.scheme, where.scheme)}://{where.netloc}"
        self._session = chosen(session, [self._origin])

    def start_call(self, info: object) -> flight.ClientMiddleware:
        """Return what adds the header to one call."""
        return _Call(self._session, self._origin)


class _Call(flight.ClientMiddleware):
    def __init__(self, session: Session, origin: str) -> None:
        super().__init__()
        self._session, self._origin = session, origin

    def sending_headers(self) -> dict[str, str]:
        return {"authorization": authorization(self._session, self._origin)}


def connect(location: str, session: Session | None = None, **options: Any) -> flight.FlightClient:
    """Return a client; `options` are those of `pyarrow.flight.FlightClient`."""
    further = options.pop("middleware", None) or []
    return flight.FlightClient(location, middleware=[FreshkeyMiddlewareFactory(location, session), *further], **options)
