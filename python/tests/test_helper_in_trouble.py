"""An agent that is dead, hangs or lies, and a provider that is away: no cell is broken, held up or run again by it."""

from __future__ import annotations

import pytest
from false_agents import BROKEN_OFF, LIES, FalseAgent
from kernels import Notebook, find_tokens
from testbed import Home, Quickstart

import freshkey

# What a hook costs is taken several times: the least is what it costs where nothing else is in its way.
HOOKS = """
import time
def cost(event, *arguments):
    times = []
    for _ in range(5):
        begin = time.monotonic()
        for hook in get_ipython().events.callbacks[event]:
            if hook.__module__.startswith("freshkey"):
                hook(*arguments)
        times.append(time.monotonic() - begin)
    return min(times)
class Result:
    error_in_exec = ValueError("the token has expired")
print(cost("pre_run_cell", None) < 0.2, cost("post_run_cell", Result) < 0.2)
"""
CELLS = ["%load_ext freshkey", "runs = 0", "runs += 1", HOOKS, "runs += 1\nraise ValueError('token has expired')", "runs += 1\n1 / 0", "print(runs)"]


@pytest.mark.parametrize("trouble", ["is dead", "hangs", "half a frame", "a token that is a header"])
def test_t_083_with_an_agent_in_trouble_each_cell_runs_once_and_is_not_held_up(trouble: str, home: Home, quickstart: Quickstart) -> None:
    home.sign_in(quickstart)
    agent = FalseAgent(home, {**LIES, **BROKEN_OFF}.get(trouble))
    if trouble == "is dead":
        agent.end()
    notebook = Notebook(CELLS, home, allow_errors=True).run()
    agent.end()
    cells = enumerate(notebook.nb.cells)
    errors = {index: output.ename for index, cell in cells for output in cell.outputs if output.output_type == "error"}
    assert errors == {4: "ValueError", 5: "ZeroDivisionError"}
    assert notebook.printed(6) == "3\n"
    assert notebook.printed(3) == "True True\n"
    assert "Traceback" not in "".join(notebook.printed(index, "stderr") for index in range(len(CELLS)))
    assert "expired or was refused" in notebook.printed(4, "stderr")
    assert notebook.printed(5, "stderr") == ""
    assert (agent.asked > 0) == (trouble != "is dead")
    # One that is gone, or ends while it is asked, is done without.
    is_done_without = trouble == "is dead" or trouble in BROKEN_OFF
    assert ("No token yet: " in notebook.printed(0, "stderr")) == (not is_done_without)
    assert find_tokens(notebook.everything()) == []


@pytest.mark.parametrize("lie", list(LIES))
def test_t_083_a_lie_of_the_agent_is_no_token(lie: str, home: Home, quickstart: Quickstart) -> None:
    home.sign_in(quickstart)
    agent = FalseAgent(home, LIES[lie])
    session = freshkey.Session("ua")
    for ask in (session.token, session.renew, session.status):
        with pytest.raises(freshkey.AgentUnavailable, match="freshkey agent stop"):
            ask()
    agent.end()


@pytest.mark.parametrize("answer", list(BROKEN_OFF))
def test_t_083_an_agent_that_ends_while_it_is_asked_is_done_without(answer: str, home: Home, quickstart: Quickstart) -> None:
    home.sign_in(quickstart)
    agent = FalseAgent(home, BROKEN_OFF[answer])
    session = freshkey.Session("ua")
    first = session.token()
    assert len(first.split(".")) == 3
    session.renew()
    assert session.token() != first
    assert session.status().seconds_left > 0
    assert agent.asked >= 3
    agent.end()


def test_t_083_a_caller_who_waits_for_a_hanging_agent_can_be_interrupted(home: Home, quickstart: Quickstart) -> None:
    import _thread
    import threading

    home.sign_in(quickstart)
    agent = FalseAgent(home, None)
    threading.Timer(0.3, _thread.interrupt_main).start()
    with pytest.raises(KeyboardInterrupt):
        freshkey.token("ua")
    assert agent.asked == 1
    agent.end()
