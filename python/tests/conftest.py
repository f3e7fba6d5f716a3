"""What the tests share: one server for all, and a user for each."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell
from shells import Run, runner
from testbed import Home, Quickstart
from traitlets.config import Config


@pytest.fixture(scope="session")
def quickstart() -> Iterator[Quickstart]:
    """Yield a server that no test stops or changes for others."""
    quickstart = Quickstart()
    yield quickstart
    quickstart.remove()


@pytest.fixture
def own_quickstart() -> Iterator[Quickstart]:
    """Yield a server for this test alone."""
    quickstart = Quickstart()
    yield quickstart
    quickstart.remove()


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """Yield a user, whom this process now works for; nobody is signed in."""
    home = Home()
    for name, value in home.variables.items():
        monkeypatch.setenv(name, value)
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "FRESHKEY_PROFILE", "EZUA_DOMAIN_CA_CERT_PATH"):
        monkeypatch.delenv(name, raising=False)
    yield home
    home.remove()


@pytest.fixture(params=["without an agent", "with an agent"])
def signed_in(request: pytest.FixtureRequest, home: Home, quickstart: Quickstart) -> Home:
    """Return a user who is signed in as `ua`: once without an agent, once with one."""
    home.sign_in(quickstart)
    if request.param == "with an agent":
        home.start_agent()
    return home


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, home: Home) -> Iterator[InteractiveShell]:
    """Yield a shell in this process, with none of our variables set."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name in ("AUTH_TOKEN", "MLFLOW_TRACKING_TOKEN"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("IPYTHONDIR", str(home.path / "ipython"))
    shell = InteractiveShell(config=Config({"HistoryManager": {"enabled": False}}))
    yield shell
    shell.run_cell("%unload_ext freshkey")


@pytest.fixture
def run(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return what runs a cell, which must succeed, and gives back what it printed."""
    return runner(shell, capsys)
