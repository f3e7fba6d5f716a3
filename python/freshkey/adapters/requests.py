"""requests: ``auth=FreshkeyAuth()`` for a request or a session of requests.

>>> import requests
>>> from freshkey.adapters.requests import FreshkeyAuth
>>> http = requests.Session()
>>> http.auth = FreshkeyAuth(origins=["https://api.example.org"])
>>> http.get("https://api.example.org/runs")  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from requests import PreparedRequest, Response
from requests.auth import AuthBase
from requests.cookies import extract_cookies_to_jar
from requests.utils import rewind_body

from freshkey.adapters._base import chosen, replacement, sent
from freshkey.session import Session


class FreshkeyAuth(AuthBase):
    """A fresh token for each request to an address that may get one; other requests go as they are."""

    def __init__(self, session: Session | None = None, *, origins: Iterable[str] = ()) -> None:
        self._session = chosen(session, origins)

    def __call__(self, request: PreparedRequest) -> PreparedRequest:
        """Add the header, and look at the answer."""
        header = self._session.authorization(request.url or "")
        if header is not None:
            request.headers.update(header)
            request.register_hook("response", self._answered)
        return request

    def _answered(self, response: Response, **how: Any) -> Response:
        # A request that was sent on to another place has no token of ours any more: requests takes it away.
        rejected = sent(response.request.headers.get("Authorization"))
        url = response.request.url or ""
        if response.status_code != 401 or rejected is None or not self._session.covers(url):
            return response
        again = response.request.copy()
        if not _rewound(again):
            return response
        header = replacement(self._session, rejected)
        if header is None:
            return response
        response.close()
        # The first too: of it, requests makes the next one if this is redirected.
        again.headers["Authorization"] = response.request.headers["Authorization"] = header
        cookies: Any = again._cookies  # type: ignore[attr-defined]
        extract_cookies_to_jar(cookies, response.request, response.raw)
        again.headers.pop("Cookie", None)
        again.prepare_cookies(cookies)
        answer: Response = response.connection.send(again, **how)
        answer.history.append(response)
        answer.request = again
        return answer


def _rewound(request: PreparedRequest) -> bool:
    """Tell whether the body can be sent again, and make it ready for that."""
    if request.body is None or isinstance(request.body, (bytes, str)):
        return True
    if not isinstance(request._body_position, int):
        return False
    rewind_body(request)
    return True
