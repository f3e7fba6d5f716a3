"""A token, by whichever way there is."""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
import threading

import pytest
from testbed import Home, Quickstart

import freshkey


def test_a_token_is_had_with_an_agent_and_without(signed_in: Home) -> None:
    token = freshkey.token()
    assert token == freshkey.Session("ua").token() == signed_in.freshkey("token")
    status = freshkey.Session().status()
    assert (status.profile, status.subject, status.client_id, status.kind) == ("ua", "demo", "ua-grant", "session")
    assert 0 < status.seconds_left <= status.lifetime


def test_a_thousand_who_were_refused_with_one_token_are_one_refresh(signed_in: Home, quickstart: Quickstart) -> None:
    session = freshkey.Session()
    rejected = session.token()
    before = quickstart.refreshes()
    start = threading.Barrier(50)
    renewed: list[str] = []

    def refused() -> None:
        start.wait()
        renewed.extend(session.renew(rejected) for _ in range(20))

    threads = [threading.Thread(target=refused) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(renewed) == 1000
    assert len(set(renewed)) == 1
    assert rejected not in renewed
    assert quickstart.refreshes() == before + 1


def test_a_loop_is_not_held_up_and_a_cancelled_caller_harms_nobody(signed_in: Home) -> None:
    async def ask() -> None:
        session = freshkey.Session()
        tasks = [asyncio.create_task(session.renew_async()) for _ in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(end, asyncio.CancelledError) for end in ended[::2])
        assert all(isinstance(end, str) for end in ended[1::2])
        assert await freshkey.token_async() == await session.token_async()

    asyncio.run(ask())


def test_the_child_of_a_fork_asks_by_threads_of_its_own(signed_in: Home) -> None:
    token = freshkey.token()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        # Nothing of pytest may end in this process too.
        os.write(writer, freshkey.Session().token().encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        assert answer.read().decode() == token
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert freshkey.token() == token


def test_an_error_names_cause_and_cure(home: Home, quickstart: Quickstart) -> None:
    with pytest.raises(freshkey.ProfileUnusable) as nobody:
        freshkey.token()
    assert "no profile" in nobody.value.cause
    assert nobody.value.cure is not None
    assert "login" in nobody.value.cure
    home.sign_in(quickstart)
    home.freshkey("logout", "ua")
    with pytest.raises(freshkey.SignInNeeded, match="freshkey login ua"):
        freshkey.token()
    for wish in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="min_ttl"):
            freshkey.token(min_ttl=wish)


def test_t_084_nothing_that_is_shown_or_pickled_holds_a_token(signed_in: Home) -> None:
    session = freshkey.Session("ua")
    with session:
        token = freshkey.token()
    header = session.authorization(session.status().issuer)
    assert header is not None
    assert header["Authorization"] == f"Bearer {token}"
    shown = [repr(thing) for thing in (session, token, header, session.status(), [token], session._account, session._account.token(None))]
    for thing in (session._account, session._account.token(None)):
        with pytest.raises(TypeError):
            vars(thing)
    assert pickle.loads(pickle.dumps(session)) == session
    unnamed = freshkey.Session()
    assert pickle.loads(pickle.dumps(unnamed)) == unnamed
    assert unnamed.token() == token
    assert repr(pickle.loads(pickle.dumps(unnamed))) == "freshkey.Session('ua')"
    for frozen in (token, header, {"headers": [header]}):
        with pytest.raises(TypeError, match="Session"):
            pickle.dumps(frozen)
        assert copy.deepcopy(frozen) == frozen
    for place in (*shown, pickle.dumps(session).decode("latin-1"), str(vars(freshkey)), str([getattr(session, name) for name in session.__slots__])):
        assert not any(token[at : at + 12] in place for at in range(0, len(token) - 12, 6)), place


def test_t_082_only_the_addresses_of_the_account_and_those_that_were_named_get_a_token(signed_in: Home, quickstart: Quickstart) -> None:
    session = freshkey.Session(origins=["https://api.example.org/v1", "http://127.0.0.1:7777"])
    own = quickstart.address
    for url in (f"https://{own}/anything", "https://API.example.org:443/x?y", "http://127.0.0.1:7777/z"):
        assert session.covers(url), url
    for url in (
        f"http://{own}/anything",
        "https://example.org/",
        "https://api.example.org.evil.example/",
        "https://api.example.org:8443/",
        "http://api.example.org/",
        "https://api.example.org@evil.example/",
        "https://user@api.example.org/",
        "http://127.0.0.1:7778/",
        "http://127.0.0.1.evil.example:7777/",
        "//api.example.org/",
        "ftp://api.example.org/",
        "",
    ):
        assert not session.covers(url), url
        assert session.authorization(url) is None, url
    for url in ("http://api.example.org", "api.example.org", "https://user:pw@api.example.org"):
        with pytest.raises(ValueError, match="token"):
            freshkey.Session(origins=[url])
