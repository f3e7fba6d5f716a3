"""What the Jupyter server answers, without a browser."""

from __future__ import annotations

import asyncio
import threading

import pytest
from testbed import Home, Quickstart

import freshkey
from freshkey.jupyter.answers import Answer, look, renew
from freshkey.jupyter.handlers import Work


def test_work_that_hangs_is_told_in_time_and_begun_once() -> None:
    begun, go_on = threading.Semaphore(0), threading.Event()
    done: Answer = {"account": None, "trouble": None}

    def hang() -> Answer:
        begun.release()
        go_on.wait()
        return done

    async def ask() -> None:
        work = Work(hang, answer_s_max=0.01)
        for answer in [await work.answer(), *await asyncio.gather(work.answer(), work.answer())]:
            assert answer["trouble"] is not None
            assert answer["trouble"]["kind"] == "away"
            assert "0.01 seconds" in answer["trouble"]["cause"]
        assert begun.acquire(blocking=False)
        assert not begun.acquire(blocking=False)
        go_on.set()
        work = Work(hang)
        assert await work.answer() == done

    asyncio.run(ask())


def test_what_is_kept_is_told_with_an_agent_and_without(signed_in: Home) -> None:
    status, error = freshkey.Session().look()
    assert error is None
    assert (status.profile, status.subject, status.client_id, status.kind) == ("ua", "demo", "ua-grant", "session")
    assert 0 < status.seconds_left <= status.lifetime
    assert look()["trouble"] is None


def test_where_only_the_agent_has_the_key_the_agent_is_asked(home: Home, quickstart: Quickstart, monkeypatch: pytest.MonkeyPatch) -> None:
    home.sign_in(quickstart)
    home.start_agent()
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    with pytest.raises(freshkey.KeyUnavailable):
        freshkey.Session(agent=False).look()
    assert freshkey.Session().look()[0].subject == "demo"


def test_a_token_of_a_file_is_told_as_the_file_has_it(home: Home, quickstart: Quickstart) -> None:
    home.sign_in(quickstart)
    path = home.path / "token"
    path.write_text(home.freshkey("token"))
    home.freshkey("login", "of-a-file", "--from-token-file", str(path))
    status, error = freshkey.Session("of-a-file").look()
    assert error is None
    assert (status.profile, status.kind) == ("of-a-file", "from a file")
    assert status.seconds_left > 0


def test_a_provider_that_is_away_and_a_sign_in_that_is_over_are_told_apart(home: Home, own_quickstart: Quickstart) -> None:
    home.sign_in(own_quickstart)
    own_quickstart.stop()
    for answer in (renew(), look()):
        assert answer["account"] is not None
        assert answer["account"]["seconds_left"] > 0
        assert answer["trouble"] is not None
        assert answer["trouble"]["kind"] == "away"
    own_quickstart.restart()
    own_quickstart.admin("session", "end", "--realm", "UA", "--user", "demo")
    for answer in (renew(), look()):
        assert answer["account"] is None
        assert answer["trouble"] is not None
        assert answer["trouble"]["kind"] == "signed-out"
        assert "freshkey login ua" in (answer["trouble"]["cure"] or "")
