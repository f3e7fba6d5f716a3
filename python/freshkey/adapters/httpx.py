"""httpx: ``auth=FreshkeyAuth()`` for a request or a client, blocking or not.

>>> import httpx
>>> from freshkey.adapters.httpx import FreshkeyAuth
>>> client = httpx.AsyncClient(auth=FreshkeyAuth(origins=["https://api.example.org"]))
>>> await client.get("https://api.example.org/runs")  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterable

import httpx

from freshkey.adapters._base import chosen, replacement, replacement_async
from freshkey.session import Session, bearer


class FreshkeyAuth(httpx.Auth):
    """A fresh token for each request to an address that may get one; other requests go as they are.

    The header is taken out of the request again when there is an answer, so that no token stays in a `httpx.Response` that is kept or pickled.
    """

    def __init__(self, session: Session | None = None, *, origins: Iterable[str] = ()) -> None:
        self._session = chosen(session, origins)

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send it, and send it once more if it was refused."""
        if not self._session.covers(str(request.url)):
            yield request
            return
        token = self._session.token()
        request.headers["Authorization"] = bearer(token)
        try:
            response = yield request
            header = replacement(self._session, token) if _is_refused(request, response) else None
            _forget(response)
            if header is not None:
                request.headers["Authorization"] = header
                _forget((yield request))
        finally:
            request.headers.pop("Authorization", None)

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Do the same, without holding up the loop."""
        if not self._session.covers(str(request.url)):
            yield request
            return
        token = await self._session.token_async()
        request.headers["Authorization"] = bearer(token)
        try:
            response = yield request
            header = await replacement_async(self._session, token) if _is_refused(request, response) else None
            _forget(response)
            if header is not None:
                request.headers["Authorization"] = header
                _forget((yield request))
        finally:
            request.headers.pop("Authorization", None)


def _is_refused(request: httpx.Request, response: httpx.Response) -> bool:
    """Tell whether this very request was refused, not one that a redirect has made of it, and can be sent again."""
    return response.status_code == 401 and response.request is request and isinstance(request.stream, httpx.ByteStream)


def _forget(response: httpx.Response) -> None:
    for request in (response.request, response.next_request, *(earlier.request for earlier in response.history)):
        if request is not None:
            request.headers.pop("Authorization", None)
