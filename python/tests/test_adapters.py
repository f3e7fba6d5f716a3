"""Each adapter across the end of a token, from the wire. They share one expiry."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from at_home import at_home
from recorder import expiry
from testbed import Quickstart
from wires import WIRES, Tokens, Wire

# A token with a fifth of this left is still handed out, and has to arrive in time on a machine that is busy.
_LIFE_S = 10
Crossed = dict[str, "tuple[Tokens, Tokens] | BaseException"]


@pytest.fixture(scope="module")
def crossed() -> Iterator[Crossed]:
    """Let every adapter send a request, wait until the last of the tokens has ended, and let every adapter send another one."""
    quickstart = Quickstart()
    with at_home() as home:
        home.sign_in_to_short_lives(quickstart, _LIFE_S)
        yield _cross()
    quickstart.remove()


def _cross() -> Crossed:
    crossed: Crossed = {}
    at_work: dict[str, Wire] = {}

    def attempt(name: str, step: Callable[[], None]) -> None:
        try:
            step()
        except BaseException as error:
            crossed[name] = error

    def begin(name: str) -> None:
        wire = WIRES[name]()
        at_work[name] = wire
        wire.call()

    def go_on(name: str) -> None:
        wire = at_work[name]
        wire.call()
        crossed[name] = (before[name], wire.server.tokens[len(before[name]) :])

    for name in WIRES:
        attempt(name, partial(begin, name))
    last = max((expiry(wire.server.tokens[-1][0]) for wire in at_work.values() if wire.server.tokens), default=0)
    while time.time() < last + 0.1:
        time.sleep(0.1)
        for wire in at_work.values():
            wire.idle()
    before = {name: list(wire.server.tokens) for name, wire in at_work.items()}
    for name in [name for name in at_work if name not in crossed]:
        attempt(name, partial(go_on, name))
    for wire in at_work.values():
        wire.close()
    return crossed


@pytest.mark.parametrize("name", WIRES)
def test_t_084_the_second_request_after_expiry_carries_a_new_token(name: str, crossed: Crossed) -> None:
    across = crossed[name]
    if isinstance(across, BaseException):
        raise across
    before, after = across
    assert before, "the first request had no token"
    assert after, "the second request had no token"
    assert {token for token, _ in before}.isdisjoint(token for token, _ in after)
    for token, arrived in (*before, *after):
        assert arrived < expiry(token), "a token had ended before it arrived"
