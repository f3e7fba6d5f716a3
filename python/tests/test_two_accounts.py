"""Two accounts in one process."""

from __future__ import annotations

import asyncio
import os
import random
import threading

import pytest
from testbed import Home, Quickstart

import freshkey

CALLS = 10_000
THREADS = 8
TASKS = 50


@pytest.fixture(params=["without an agent", "with an agent"])
def tokens(request: pytest.FixtureRequest, home: Home, quickstart: Quickstart) -> dict[str, str]:
    """Return the tokens of two accounts, both signed in."""
    name = f"ada-{home.path.name.rpartition('-')[2].lower()}"
    home.sign_in(quickstart, "demo")
    home.sign_in(quickstart, "ada", name, quickstart.add_user(name))
    home.freshkey("profiles", "default", "demo")
    if request.param == "with an agent":
        home.start_agent()
    return {name: home.freshkey("token", name) for name in ("demo", "ada")}


def test_t_081_ten_thousand_interleaved_calls_of_two_accounts_carry_no_wrong_token(tokens: dict[str, str]) -> None:
    assert tokens["demo"] != tokens["ada"]
    shared = {name: freshkey.Session(name) for name in tokens}
    environment = dict(os.environ)
    wrong: list[str] = []
    done: list[int] = []

    def check(name: str, token: str) -> None:
        if token != tokens[name]:
            wrong.append(name)

    def in_a_thread(seed: int) -> None:
        lots = random.Random(seed)
        for _ in range(CALLS // 2 // THREADS):
            name = lots.choice(("demo", "ada"))
            other = "ada" if name == "demo" else "demo"
            with shared[name]:
                with freshkey.Session(other):
                    check(other, freshkey.token())
                check(name, freshkey.token())
        done.append(seed)

    async def in_a_task(seed: int) -> None:
        lots = random.Random(seed)
        for _ in range(CALLS // TASKS):
            name = lots.choice(("demo", "ada"))
            with shared[name]:
                await asyncio.sleep(0)
                check(name, await freshkey.token_async())
        check("demo", await freshkey.token_async())
        done.append(seed)

    async def all_tasks() -> None:
        await asyncio.gather(*(in_a_task(seed) for seed in range(TASKS)))

    threads = [threading.Thread(target=in_a_thread, args=(seed,)) for seed in range(THREADS)]
    threads.append(threading.Thread(target=lambda: asyncio.run(all_tasks())))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert len(done) == THREADS + TASKS
    assert dict(os.environ) == environment


def test_t_081_another_default_does_not_make_a_session_another_account(tokens: dict[str, str], home: Home) -> None:
    session = freshkey.Session()
    assert session.token() == tokens["demo"]
    home.freshkey("profiles", "default", "ada")
    assert session.token() == tokens["demo"]
    assert session.renew() != tokens["ada"]
    assert session.profile == "demo"
    assert freshkey.token() == tokens["ada"]
