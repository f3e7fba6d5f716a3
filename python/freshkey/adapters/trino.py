"""Trino: ``auth=FreshkeyAuthentication()`` for a connection that may live longer than a token: each request of each query asks for one.

>>> import trino
>>> from freshkey.adapters.trino import FreshkeyAuthentication
>>> connection = trino.dbapi.connect(
...     host="trino.example.org", port=443, http_scheme="https", auth=FreshkeyAuthentication(origins=["https://trino.example.org"])
... )
>>> connection.cursor().execute("SELECT 1").fetchall()  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import requests
from trino.auth import Authentication

from freshkey.adapters._base import chosen
from freshkey.adapters.requests import FreshkeyAuth
from freshkey.session import Session


class FreshkeyAuthentication(Authentication):
    """A fresh token for each request. A coordinator that sends its client elsewhere for a result gets none there."""

    def __init__(self, session: Session | None = None, *, origins: Iterable[str] = ()) -> None:
        self._session = chosen(session, origins)

    def set_http_session(self, http_session: requests.Session) -> requests.Session:
        """Let the connection's session of requests ask for tokens."""
        http_session.auth = FreshkeyAuth(self._session)
        return http_session

    def get_exceptions(self) -> tuple[Any, ...]:
        """Return no further errors to try again after."""
        return ()

    def __eq__(self, other: object) -> bool:
        """Tell whether it is the same account."""
        return isinstance(other, FreshkeyAuthentication) and self._session == other._session

    def __hash__(self) -> int:
        """Hash the account."""
        return hash(self._session)
