"""Notebooks in a real kernel, against a real server whose tokens live for seconds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from kernels import Notebook, find_tokens
from testbed import Home, Quickstart

LIFE_S = 10

# As a notebook of the platform does it: whoever calls reads the variable.
CALL = """
import os, ssl, time, urllib.request

def call():
    request = urllib.request.Request(os.environ["API"], headers={"Authorization": "Bearer " + os.environ["AUTH_TOKEN"]})
    with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=os.environ["CA"])) as answer:
        return answer.status
"""
# What a user of hooks that are off writes.
NO_HOOKS = "c = get_ipython().config\nc.Freshkey.hooks = False"


def wait(lives: float) -> str:
    """Return a line that lasts so many lives of a token."""
    return f"time.sleep({lives * LIFE_S})"


@pytest.fixture
def short_lived(own_quickstart: Quickstart, home: Home) -> Quickstart:
    """Return a server whose tokens live for seconds."""
    home.sign_in_to_short_lives(own_quickstart, LIFE_S)
    return own_quickstart


def variables_of(quickstart: Quickstart, token: str) -> dict[str, str]:
    return {"API": quickstart.userinfo, "CA": quickstart.ca_file, "AUTH_TOKEN": token}


def test_a_notebook_that_fails_of_an_expired_token_runs_over_five_lifetimes(short_lived: Quickstart, home: Home) -> None:
    with_agent = Home()
    with_agent.sign_in(short_lived)
    with_agent.start_agent()
    token = home.freshkey("token", "--no-agent")
    variables = variables_of(short_lived, token)
    cells = [CALL, "print(call())", wait(1.2), "print(call())"]
    # One cell over two lives, calling all the time; and three lives with nobody at the keyboard.
    long = f"end = time.monotonic() + {2.2 * LIFE_S}\nseen = set()\nwhile time.monotonic() < end:\n    assert call() == 200\n"
    long += "    seen.add(os.environ['AUTH_TOKEN'])\n    time.sleep(0.25)\nprint(len(seen) > 2)"
    held_cells = ["%load_ext freshkey", *cells, long, wait(1.7), "print(call())"]
    try:
        with ThreadPoolExecutor(3) as together:
            without = together.submit(Notebook(cells, home, variables, allow_errors=True).run)
            held = [together.submit(Notebook(held_cells, user, variables).run) for user in (home, with_agent)]
        assert without.result().printed(1) == "200\n"
        assert "401" in without.result().said(3)
        for notebook in (one.result() for one in held):
            assert [notebook.printed(index) for index in (2, 4, 5, 7)] == ["200\n", "200\n", "True\n", "200\n"]
            assert find_tokens(notebook.everything(), token, home.freshkey("token", "--no-agent"), with_agent.freshkey("token")) == []
    finally:
        with_agent.remove()


def test_with_hooks_off_update_token_cures_a_notebook_and_says_so(short_lived: Quickstart, home: Home) -> None:
    token = home.freshkey("token", "--no-agent")
    cells = [NO_HOOKS, "%load_ext freshkey", CALL, "print(call())", wait(1.2), "print(call())", "%update_token", "print(call())", "%token"]
    notebook = Notebook(cells, home, variables_of(short_lived, token), allow_errors=True).run()
    assert notebook.printed(3) == "200\n"
    assert "401" in notebook.said(5)
    assert notebook.printed(6) == "Token successfully refreshed.\n"
    assert notebook.printed(7) == "200\n"
    assert "demo at https://localhost" in notebook.printed(8)
    assert "seconds left (kind: session, profile: ua)" in notebook.printed(8)
    assert notebook.printed(5, "stderr") == ""
    assert find_tokens(notebook.everything(), token) == []


def test_a_cell_that_failed_of_a_token_is_explained_and_not_run_again(home: Home, quickstart: Quickstart) -> None:
    home.sign_in(quickstart)
    old = home.freshkey("token", "--no-agent")
    cells = [
        "%load_ext freshkey",
        CALL + "\nruns = 0\nold = os.environ['AUTH_TOKEN']",
        # A library that keeps what it has read, and wraps what goes wrong.
        "runs += 1\nos.environ['AUTH_TOKEN'] = 'e' + old\n"
        "try:\n    call()\nexcept Exception as error:\n    raise RuntimeError('upload failed') from error",
        "print(runs, call())\nsecond = os.environ['AUTH_TOKEN']",
        "raise ValueError('Signature has expired')",
        "print(len({old, second, os.environ['AUTH_TOKEN']}), call())",
        "1 / 0",
        "import urllib.error\nraise urllib.error.HTTPError('https://x', 403, 'no', {}, None)",
    ]
    notebook = Notebook(cells, home, variables_of(quickstart, old), allow_errors=True).run()
    hint = "run the cell again"
    assert hint in notebook.printed(2, "stderr")
    assert "RuntimeError" in notebook.said(2)
    assert "401" in notebook.said(2)
    assert notebook.printed(3) == "1 200\n"
    assert hint in notebook.printed(4, "stderr")
    assert notebook.printed(5) == "3 200\n"
    for index in (6, 7):
        assert notebook.printed(index, "stderr") == ""
        assert notebook.nb.cells[index].outputs[-1].output_type == "error"
