"""urllib3 (2.0 or later): a ``PoolManager`` whose requests have a token.

>>> from freshkey.adapters.urllib3 import FreshkeyPoolManager
>>> http = FreshkeyPoolManager(origins=["https://api.example.org"])
>>> http.request("GET", "https://api.example.org/runs")  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import urllib3

from freshkey.adapters._base import chosen, replacement
from freshkey.session import Session, bearer


class FreshkeyPoolManager(urllib3.PoolManager):
    """A fresh token for each request to an address that may get one; other requests go as they are."""

    def __init__(self, session: Session | None = None, *, origins: Iterable[str] = (), **pools: Any) -> None:
        super().__init__(**pools)
        self._session = chosen(session, origins)

    def urlopen(self, method: str, url: str, redirect: bool = True, **how: Any) -> urllib3.BaseHTTPResponse:  # type: ignore[override]
        """Send it, and send it once more if it was refused. urllib3 calls this for each step of a redirect too."""
        covered = self._session.covers(url)
        headers = urllib3.HTTPHeaderDict(how.pop("headers", None) or self.headers)
        if _history(how.get("retries")):
            # A redirect: what urllib3 has left in the headers goes on, and nothing is added.
            if not covered:
                headers.discard("Authorization")
            return super().urlopen(method, url, redirect, headers=headers, **how)
        if not covered:
            return super().urlopen(method, url, redirect, headers=headers, **how)
        token = self._session.token()
        headers["Authorization"] = bearer(token)
        response = super().urlopen(method, url, redirect, headers=headers, **how)
        if response.status != 401 or _history(response.retries) or not isinstance(how.get("body"), (bytes, str, type(None))):
            return response
        header = replacement(self._session, token)
        if header is None:
            return response
        response.drain_conn()
        response.release_conn()
        headers["Authorization"] = header
        return super().urlopen(method, url, redirect, headers=headers, **how)


def _history(retries: object) -> bool:
    return isinstance(retries, urllib3.Retry) and any(step.redirect_location for step in retries.history)
