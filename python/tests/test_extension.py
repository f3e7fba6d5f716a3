"""What the extension does to the process that it is loaded in."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest
from IPython.core.interactiveshell import InteractiveShell
from shells import Run
from testbed import Home, Quickstart

from freshkey._native import Handed
from freshkey.ipython.publishing import Publisher

REFRESHED = "Token successfully refreshed.\n"


def test_variables_and_file_are_published_and_restored(
    run: Run, shell: InteractiveShell, home: Home, quickstart: Quickstart, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.sign_in(quickstart)
    place = home.path / "run/token"
    monkeypatch.setenv("AUTH_TOKEN", "what was there")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA0")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    shell.config.Freshkey.token_file = str(place)
    shell.config.Freshkey.s3 = "always"
    shell.config.Freshkey.variables = ["AUTH_TOKEN", "MLFLOW_TRACKING_TOKEN", "TRINO_TOKEN"]
    assert run("%load_ext freshkey") == ""
    token = home.freshkey("token", "--no-agent")
    for name in ("AUTH_TOKEN", "MLFLOW_TRACKING_TOKEN", "TRINO_TOKEN", "AWS_ACCESS_KEY_ID"):
        assert os.environ[name] == token, name
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == "s3"
    assert "AWS_SESSION_TOKEN" not in os.environ
    assert (place.read_text(), stat.S_IMODE(place.stat().st_mode)) == (token, 0o600)
    monkeypatch.setenv("TRINO_TOKEN", "changed by its user")
    run("%unload_ext freshkey")
    assert os.environ["AUTH_TOKEN"] == "what was there"
    assert "MLFLOW_TRACKING_TOKEN" not in os.environ
    assert os.environ["TRINO_TOKEN"] == "changed by its user"
    assert [os.environ[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")] == ["AKIA0", "secret", "session"]
    assert "AWS_CREDENTIAL_EXPIRATION" not in os.environ
    assert not place.exists()
    assert shell.find_line_magic("update_token") is None
    assert "pre_run_cell" not in shell.events.callbacks or shell.events.callbacks["pre_run_cell"] == []


def test_a_key_of_somebody_else_is_not_touched(run: Run, home: Home, quickstart: Quickstart, monkeypatch: pytest.MonkeyPatch) -> None:
    home.sign_in(quickstart)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA0")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    run("%load_ext freshkey")
    assert (os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]) == ("AKIA0", "secret")
    assert "AWS_CREDENTIAL_EXPIRATION" not in os.environ
    run("%unload_ext freshkey")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3")
    run("%load_ext freshkey")
    assert os.environ["AWS_ACCESS_KEY_ID"] == os.environ["AUTH_TOKEN"]


def test_a_session_of_aws_that_lives_reads_the_next_token(run: Run, home: Home, own_quickstart: Quickstart, monkeypatch: pytest.MonkeyPatch) -> None:
    import botocore.session

    home.sign_in_to_short_lives(own_quickstart, 300)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3")
    run("%load_ext freshkey")
    credentials = botocore.session.Session().get_credentials()
    first = credentials.get_frozen_credentials()
    assert first.access_key == os.environ["AUTH_TOKEN"]
    assert run("%update_token") == REFRESHED
    second = credentials.get_frozen_credentials()
    assert second.access_key == os.environ["AUTH_TOKEN"] != first.access_key
    assert second.token is None


def test_t_085_success_is_told_only_when_variables_and_file_hold_a_new_token(
    run: Run, shell: InteractiveShell, home: Home, own_quickstart: Quickstart
) -> None:
    home.sign_in(own_quickstart)
    folder = home.path / "tokens"
    folder.mkdir(mode=0o700)
    shell.config.Freshkey.token_file = str(folder / "token")
    run("%load_ext freshkey")

    def refresh(why: str) -> None:
        before = os.environ.get("AUTH_TOKEN")
        told = run("%update_token")
        assert told.startswith("Token not refreshed: "), told
        assert why in told
        assert "To cure it: " in told
        assert told.count("\n") == 1
        assert before is None or os.environ["AUTH_TOKEN"]

    before = os.environ["AUTH_TOKEN"]
    assert run("%update_token") == REFRESHED
    assert before != os.environ["AUTH_TOKEN"] == (folder / "token").read_text()
    # Somebody has put something else there: what counts is what is there afterwards.
    os.environ["AUTH_TOKEN"] = "stale"
    del os.environ["MLFLOW_TRACKING_TOKEN"]
    (folder / "token").write_text("stale")
    assert run("%update_token") == REFRESHED
    assert os.environ["AUTH_TOKEN"] == os.environ["MLFLOW_TRACKING_TOKEN"] == (folder / "token").read_text() == home.freshkey("token", "--no-agent")
    shutil.rmtree(folder)
    refresh(str(folder))
    folder.mkdir(mode=0o700)
    assert run("%update_token") == REFRESHED
    # A token that can't live for ten minutes is as good as its provider makes it.
    own_quickstart.admin("realm", "set", "UA", "--set", "accessTokenLifespan=60")
    assert run("%update_token") == REFRESHED
    own_quickstart.stop()
    refresh("cannot be reached")
    own_quickstart.restart()
    home.freshkey("logout", "ua", "--no-agent")
    refresh("nobody is signed in")
    assert run("%update_token").endswith("To cure it: %token login\n")


def test_without_a_sign_in_loading_says_what_to_do_and_a_later_one_is_noticed(run: Run, home: Home, quickstart: Quickstart) -> None:
    told = run("%load_ext freshkey")
    assert told == "No token yet: there is no profile yet. To cure it: %token login --issuer URL --client-id ID\n"
    assert run("%token").startswith("No token: there is no profile yet")
    home.sign_in(quickstart)
    run("pass")
    assert run("import os; print(os.environ['AUTH_TOKEN'])").strip() == home.freshkey("token", "--no-agent")
    assert run("%token").startswith(f"demo at {quickstart.issuer} through ua-grant: 59 minutes left (kind: session")


def test_other_hooks_and_other_variables_stay(run: Run, shell: InteractiveShell, home: Home, quickstart: Quickstart) -> None:
    home.sign_in(quickstart)
    seen: list[str] = []

    def before(_info: object) -> None:
        seen.append("before")

    def after(_result: object) -> None:
        seen.append("after")

    shell.events.register("pre_run_cell", before)
    shell.events.register("post_run_cell", after)
    environment = dict(os.environ)
    run("%load_ext freshkey")
    run("1 + 1")
    assert seen[-2:] == ["before", "after"]
    changed = {name for name in {*environment, *os.environ} if environment.get(name) != os.environ.get(name)}
    assert changed == {"AUTH_TOKEN", "MLFLOW_TRACKING_TOKEN"}
    run("%unload_ext freshkey")
    assert dict(os.environ) == environment
    run("1 + 1")
    assert seen[-2:] == ["before", "after"]


def test_a_file_in_an_unfit_place_is_told_and_nothing_else_is_broken(run: Run, shell: InteractiveShell, home: Home, quickstart: Quickstart) -> None:
    home.sign_in(quickstart)
    shell.config.Freshkey.token_file = "token"
    assert "absolute path" in run("%load_ext freshkey")
    assert Path("token").exists() is False


def test_t_085_what_could_not_be_put_there_is_no_success(run: Run, home: Home, quickstart: Quickstart, monkeypatch: pytest.MonkeyPatch) -> None:
    home.sign_in(quickstart)
    run("%load_ext freshkey")
    put = Publisher.publish

    def lose(self: Publisher, handed: Handed, *, at_wish: bool = True) -> None:
        put(self, handed, at_wish=at_wish)
        os.environ["AUTH_TOKEN"] = "somebody else's"

    monkeypatch.setattr(Publisher, "publish", lose)
    assert run("%update_token").startswith("Token not refreshed: something else keeps changing the variables")
    monkeypatch.undo()
