"""aiohttp (3.12 or later): ``middlewares=[FreshkeyMiddleware()]`` for a request or a session of aiohttp.

>>> import aiohttp
>>> from freshkey.adapters.aiohttp import FreshkeyMiddleware
>>> http = aiohttp.ClientSession(middlewares=[FreshkeyMiddleware(origins=["https://api.example.org"])])  # doctest: +SKIP
>>> await http.get("https://api.example.org/runs")  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Iterable

from aiohttp import BytesPayload, ClientHandlerType, ClientRequest, ClientResponse, hdrs

from freshkey.adapters._base import chosen, replacement_async
from freshkey.session import Session, bearer


class FreshkeyMiddleware:
    """A fresh token for each request to an address that may get one; other requests go as they are."""

    def __init__(self, session: Session | None = None, *, origins: Iterable[str] = ()) -> None:
        self._session = chosen(session, origins)

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Send it, and send it once more if it was refused. Each step of a redirect comes here, as a question of its own."""
        if not self._session.covers(str(request.url)):
            return await handler(request)
        token = await self._session.token_async()
        request.headers[hdrs.AUTHORIZATION] = bearer(token)
        response = await handler(request)
        # Only what lies in memory can be sent again for sure: of anything else, a part may still be on its way.
        if response.status != 401 or not (request.body == b"" or isinstance(request.body, BytesPayload)):
            return response
        header = await replacement_async(self._session, token)
        if header is None:
            return response
        response.close()
        request.headers[hdrs.AUTHORIZATION] = header
        return await handler(request)
