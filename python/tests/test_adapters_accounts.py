"""Two accounts through the same libraries at the same time: whose token each request carries, from the wire."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterator
from typing import Any

import aiohttp
import httpx
import pytest
import requests
from at_home import at_home
from recorder import Recorder, subject
from testbed import Quickstart

import freshkey
from freshkey.adapters.aiohttp import FreshkeyMiddleware
from freshkey.adapters.httpx import FreshkeyAuth as HttpxAuth
from freshkey.adapters.requests import FreshkeyAuth as RequestsAuth

CALLS = 1_800
THREADS = 4
TASKS = 10


@pytest.fixture
def people(quickstart: Quickstart) -> Iterator[dict[str, str]]:
    """Sign in two people, each in a profile of their own, and yield their names by profile."""
    with at_home() as home:
        ada = f"ada-{home.path.name.rpartition('-')[2].lower()}"
        home.sign_in(quickstart, "demo")
        home.sign_in(quickstart, "ada", ada, quickstart.add_user(ada))
        home.freshkey("profiles", "default", "demo")
        yield {"demo": "demo", "ada": ada}


def test_t_081_interleaved_requests_of_two_accounts_carry_no_wrong_token(people: dict[str, str]) -> None:
    with Recorder() as server:
        sessions = {profile: freshkey.Session(profile) for profile in people}
        failures: list[BaseException] = []

        def in_a_thread(seed: int) -> None:
            lots = random.Random(seed)
            with requests.Session() as http:
                http.trust_env = False
                for _ in range(CALLS // 3 // THREADS):
                    profile = lots.choice(list(people))
                    # Every second one says whose it is by the block that it is in.
                    with sessions[profile]:
                        auth = RequestsAuth(None if lots.random() < 0.5 else sessions[profile], origins=[server.origin])
                    http.get(server.origin, headers={"X-Account": people[profile]}, auth=auth).raise_for_status()

        async def in_a_task(seed: int, client: httpx.AsyncClient, session: aiohttp.ClientSession, adapters: dict[str, Any]) -> None:
            lots = random.Random(seed)
            for _ in range(CALLS // 3 // TASKS):
                profile = lots.choice(list(people))
                headers = {"X-Account": people[profile]}
                by_httpx, by_aiohttp = adapters[profile]
                (await client.get(server.origin, headers=headers, auth=by_httpx)).raise_for_status()
                async with session.get(server.origin, headers=headers, middlewares=[by_aiohttp]) as response:
                    response.raise_for_status()

        async def all_tasks() -> None:
            adapters = {
                profile: (HttpxAuth(account, origins=[server.origin]), FreshkeyMiddleware(account, origins=[server.origin]))
                for profile, account in sessions.items()
            }
            async with httpx.AsyncClient(trust_env=False) as client, aiohttp.ClientSession() as session:
                await asyncio.gather(*(in_a_task(seed, client, session, adapters) for seed in range(TASKS)))

        def attempt(work: Any) -> None:
            try:
                work()
            except BaseException as error:
                failures.append(error)

        works = [lambda seed=seed: in_a_thread(seed) for seed in range(THREADS)] + [lambda: asyncio.run(all_tasks())]
        threads = [threading.Thread(target=attempt, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert len(server.arrived) == CALLS
        wrong = [arrived for arrived in server.arrived if arrived.token is None or subject(arrived.token) != arrived.headers["x-account"]]
        assert wrong == []
        assert {arrived.headers["x-account"] for arrived in server.arrived} == set(people.values())
