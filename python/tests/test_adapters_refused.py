"""A token that is refused, a redirect, and an address that gets no token: what the adapters for HTTP send, from the wire."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import httpx
import pytest
import requests
import urllib3
from at_home import at_home
from recorder import Answer, Arrived, Recorder
from testbed import Home, Quickstart

import freshkey
from freshkey.adapters.aiohttp import FreshkeyMiddleware
from freshkey.adapters.httpx import FreshkeyAuth as HttpxAuth
from freshkey.adapters.requests import FreshkeyAuth as RequestsAuth
from freshkey.adapters.urllib3 import FreshkeyPoolManager

Send = Callable[..., int]
# Where to put the answer itself.
Kept = list[Any] | None


def _status(answer: Any, kept: Kept) -> int:
    if kept is not None:
        kept.append(answer)
    return answer.status if hasattr(answer, "status") else answer.status_code


def _requests(url: str, origins: list[str], body: Any = None, proxy: str | None = None, kept: Kept = None) -> int:
    method = "GET" if body is None else "POST"
    proxies = {"http": proxy} if proxy else None
    with requests.Session() as http:
        http.trust_env = False
        return _status(http.request(method, url, data=body, auth=RequestsAuth(origins=origins), proxies=proxies), kept)


def _httpx(url: str, origins: list[str], body: Any = None, proxy: str | None = None, kept: Kept = None) -> int:
    method = "GET" if body is None else "POST"
    with httpx.Client(auth=HttpxAuth(origins=origins), proxy=proxy, follow_redirects=True, trust_env=False) as client:
        return _status(client.request(method, url, content=body), kept)


def _later(parts: Any) -> Any:
    async def stream() -> Any:
        for part in parts:
            yield part

    return stream()


def _httpx_async(url: str, origins: list[str], body: Any = None, proxy: str | None = None, kept: Kept = None) -> int:
    method = "GET" if body is None else "POST"

    async def send() -> int:
        content = _later(body) if isinstance(body, Iterator) else body
        async with httpx.AsyncClient(auth=HttpxAuth(origins=origins), proxy=proxy, follow_redirects=True, trust_env=False) as client:
            return _status(await client.request(method, url, content=content), kept)

    return asyncio.run(send())


def _aiohttp(url: str, origins: list[str], body: Any = None, proxy: str | None = None, kept: Kept = None) -> int:
    method = "GET" if body is None else "POST"

    async def send() -> int:
        data = _later(body) if isinstance(body, Iterator) else body
        async with (
            aiohttp.ClientSession(middlewares=[FreshkeyMiddleware(origins=origins)]) as http,
            http.request(method, url, data=data, proxy=proxy) as response,
        ):
            return _status(response, kept)

    return asyncio.run(send())


def _urllib3(url: str, origins: list[str], body: Any = None, proxy: str | None = None, kept: Kept = None) -> int:
    if proxy is not None:
        # The same lines, before a manager that goes through a proxy.
        class Proxied(FreshkeyPoolManager, urllib3.ProxyManager):
            pass

        return Proxied(origins=origins, proxy_url=proxy).request("GET", url).status
    return _status(FreshkeyPoolManager(origins=origins).request("GET" if body is None else "POST", url, body=body), kept)


SENDERS: dict[str, Send] = {"requests": _requests, "httpx": _httpx, "httpx, async": _httpx_async, "aiohttp": _aiohttp, "urllib3": _urllib3}
each = pytest.mark.parametrize("send", SENDERS.values(), ids=SENDERS.keys())


@pytest.fixture(scope="module")
def account(quickstart: Quickstart) -> Iterator[freshkey.Session]:
    """Yield a session of somebody who is signed in for all of these tests."""
    with at_home() as home:
        home.sign_in(quickstart)
        yield freshkey.Session()


class Refuser(Recorder):
    """Refuses one token, or all."""

    def __init__(self, refused: str | None = None) -> None:
        super().__init__(lambda arrived: Answer(status=401 if refused is None or arrived.token == refused else 200))


@each
@pytest.mark.parametrize("body", [None, b"a body", "a text"])
def test_t_083_a_refused_request_is_sent_once_more_with_a_new_token(send: Send, body: Any, account: freshkey.Session) -> None:
    rejected = account.token()
    with Refuser(rejected) as server:
        assert send(server.origin, [server.origin], body) == 200
        first, second = server.arrived
    assert (first.token, second.token) == (rejected, account.token())
    assert first.body == second.body == (b"" if body is None else body if isinstance(body, bytes) else body.encode())
    assert first.method == second.method


@each
def test_t_083_what_is_refused_again_stays_refused(send: Send, account: freshkey.Session) -> None:
    rejected = account.token()
    with Refuser() as server:
        assert send(server.origin, [server.origin], b"a body") == 401
        assert [arrived.token for arrived in server.arrived] == [rejected, account.token()]


@each
def test_t_083_a_body_that_is_gone_is_not_sent_again(send: Send, account: freshkey.Session) -> None:
    with Refuser(account.token()) as server:
        assert send(server.origin, [server.origin], iter([b"a ", b"stream"])) == 401
        assert [arrived.body for arrived in server.arrived] == [b"a stream"]


def test_t_083_a_file_is_sent_again_from_where_it_was(account: freshkey.Session) -> None:
    with Refuser(account.token()) as server:
        file = io.BytesIO(b"0123456789")
        file.seek(4)
        assert _requests(server.origin, [server.origin], file) == 200
        assert [arrived.body for arrived in server.arrived] == [b"456789"] * 2


@each
def test_t_083_without_another_token_the_refusal_is_the_answer(send: Send, quickstart: Quickstart, home: Home) -> None:
    home.sign_in(quickstart)

    def signs_out(_: Arrived) -> Answer:
        home.freshkey("logout", "ua")
        return Answer(status=401)

    with Recorder(signs_out) as server:
        assert send(server.origin, [server.origin]) == 401
        assert len(server.arrived) == 1


@each
def test_t_082_a_redirect_elsewhere_takes_no_token_along_and_renews_none(send: Send, account: freshkey.Session) -> None:
    token = account.token()
    with Refuser() as elsewhere, Recorder(lambda _: Answer(status=307, headers={"Location": f"{elsewhere.origin}/x"})) as server:
        assert send(server.origin, [server.origin]) == 401
        assert [arrived.token for arrived in server.arrived] == [token]
        assert [arrived.token for arrived in elsewhere.arrived] == [None]
    assert account.token() == token


@each
def test_t_082_a_redirect_within_the_address_keeps_the_token_and_repeats_nothing(send: Send, account: freshkey.Session) -> None:
    def moved(arrived: Arrived) -> Answer:
        return Answer(status=200) if arrived.path == "/there" else Answer(status=303, headers={"Location": "/there"})

    token = account.token()
    with Recorder(moved) as server:
        assert send(f"{server.origin}/here", [server.origin], b"a body") == 200
        assert [(arrived.method, arrived.path, arrived.token) for arrived in server.arrived] == [("POST", "/here", token), ("GET", "/there", token)]


@each
def test_t_083_what_was_redirected_and_then_refused_is_not_posted_again(send: Send, account: freshkey.Session) -> None:
    def moved(arrived: Arrived) -> Answer:
        return Answer(status=401) if arrived.path == "/there" else Answer(status=303, headers={"Location": "/there"})

    with Recorder(moved) as server:
        assert send(f"{server.origin}/here", [server.origin], b"a body") == 401
        assert [arrived.method for arrived in server.arrived].count("POST") == 1
        assert len(server.arrived) <= 3


@each
def test_t_082_addresses_that_nobody_named_and_http_to_other_machines_get_no_token(send: Send, account: freshkey.Session) -> None:
    with Refuser() as server:
        assert send(server.origin, []) == 401
        assert send("http://api.example.org/x", ["https://api.example.org"], proxy=server.origin) == 401
        assert [arrived.token for arrived in server.arrived] == [None, None]
        with pytest.raises(ValueError, match="token"):
            send("http://api.example.org/x", ["http://api.example.org"], proxy=server.origin)
        assert len(server.arrived) == 2
