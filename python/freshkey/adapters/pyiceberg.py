"""PyIceberg (0.10 or later): an authentication of its own for a REST catalog.

>>> from pyiceberg.catalog import load_catalog
>>> catalog = load_catalog(  # doctest: +SKIP
...     "lake",
...     type="rest",
...     uri="https://iceberg.example.org",
...     auth={
...         "type": "custom",
...         "impl": "freshkey.adapters.pyiceberg.FreshkeyAuthManager",
...         "custom": {"uri": "https://iceberg.example.org"},
...     },
... )

or the same in ``.pyiceberg.yaml``. PyIceberg does not say which address it asks a header for. So the one of the catalog is named here too, and must
be by https or on this machine; requests, which PyIceberg uses, takes the header away when it is redirected elsewhere.
"""

from __future__ import annotations

from pyiceberg.catalog.rest.auth import AuthManager

from freshkey.adapters._base import authorization, chosen
from freshkey.session import Session


class FreshkeyAuthManager(AuthManager):
    """A fresh token for each request to the catalog."""

    def __init__(self, uri: str, profile: str | None = None) -> None:
        self._uri = uri
        self._session = chosen(None if profile is None else Session(profile), [uri])

    def auth_header(self) -> str:
        """Return the header."""
        return authorization(self._session, self._uri)
