"""What somebody has put in our way: a program of our name, an authority that is another's."""

from __future__ import annotations

from pathlib import Path

import pytest
from false_provider import FalseProvider
from kernels import Notebook
from testbed import Home, Quickstart

import freshkey

CELLS = [
    "%load_ext freshkey",
    "%update_token",
    "import freshkey\nlen(freshkey.token()), freshkey.Session().renew(), await freshkey.token_async()",
    "%token",
    "raise ValueError('token expired')",
    "%token login",
    "%unload_ext freshkey",
]


def test_t_086_a_program_of_our_name_is_never_started(home: Home, quickstart: Quickstart) -> None:
    home.sign_in(quickstart)
    marks = home.path / "started"
    for name in ("freshkey", "freshkey-agent", "xdg-open", "bin/freshkey", "bin/xdg-open"):
        planted = home.path / name
        planted.parent.mkdir(exist_ok=True)
        planted.write_text(f"#!/bin/sh\necho $0 >> '{marks}'\n")
        planted.chmod(0o755)
    provider = FalseProvider()
    # Nobody enters the code: the sign-in is interrupted.
    login = f"import threading, _thread\nthreading.Timer(3, _thread.interrupt_main).start()\n%token login x --issuer {provider.issuer} --client-id c"
    cells = [login if cell == "%token login" else cell for cell in CELLS]
    notebook = Notebook(cells, home, {"PATH": f".:bin::{home.environment['PATH']}", "DISPLAY": ":0"}, allow_errors=True).run()
    provider.end()
    assert notebook.printed(1) == "Token successfully refreshed.\n"
    assert "enter the code" in notebook.printed(5, "stderr")
    assert not marks.exists()


def test_t_086_a_wrong_authority_is_an_error_that_names_its_variable(
    home: Home, quickstart: Quickstart, own_quickstart: Quickstart, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = home.path / "platform-ca.pem"
    login = f"%token login --issuer {quickstart.issuer} --client-id ua-grant"
    named = {"EZUA_DOMAIN_CA_CERT_PATH": str(place)}

    def told(content: str | None) -> str:
        place.unlink(missing_ok=True)
        if content is not None:
            place.write_text(content)
        return Notebook(["%load_ext freshkey", login], home, named).run().printed(1)

    wrong = Path(own_quickstart.ca_file).read_text()
    for content in (wrong, "nothing", None):
        line = told(content)
        assert line.startswith("Not signed in: "), line
        assert f"EZUA_DOMAIN_CA_CERT_PATH={place}" in line or f"EZUA_DOMAIN_CA_CERT_PATH names {place}" in line, line
        assert line.count("\n") == 1
    # The same where it went wrong after the sign-in.
    place.write_text(Path(quickstart.ca_file).read_text())
    home.freshkey(
        *("login", "ua", "--issuer", quickstart.issuer, "--client-id", "ua-grant", "--ca", str(place), "--username", "demo", "--password-stdin"),
        text=quickstart.value("KC_PASSWORD"),
    )
    place.write_text(wrong)
    monkeypatch.setenv("EZUA_DOMAIN_CA_CERT_PATH", str(place))
    with pytest.raises(freshkey.ProviderUntrusted, match="EZUA_DOMAIN_CA_CERT_PATH"):
        freshkey.Session("ua").renew()
