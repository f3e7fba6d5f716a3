"""``%token login``, in each of its ways."""

from __future__ import annotations

import hmac
import json
import os
import re
import struct
import threading
import time
from collections.abc import Iterator

import pytest
from false_provider import FalseProvider
from shells import Run
from testbed import Home, Quickstart

import freshkey


@pytest.fixture
def provider() -> Iterator[FalseProvider]:
    provider = FalseProvider()
    yield provider
    provider.end()


def test_with_a_code_that_any_browser_can_enter(run: Run, provider: FalseProvider) -> None:
    run("%load_ext freshkey")

    def approve() -> None:
        provider.asked.wait(60)
        provider.approved.set()

    threading.Thread(target=approve).start()
    told = run(f"%token login lab --issuer {provider.issuer} --client-id c")
    assert f"Open {provider.issuer}/activate in any browser, and enter the code WDJB-MJHT\n" in told
    assert f"or open {provider.issuer}/activate?c=WDJB-MJHT\n" in told
    # What a provider says moves no cursor.
    assert "Signed in as \\u{1b}[31mada; the profile is lab.\n" in told
    assert os.environ["AUTH_TOKEN"] == provider.token == freshkey.token()


def test_a_sign_in_that_is_interrupted_is_none(run: Run, provider: FalseProvider, home: Home) -> None:
    import _thread

    run("%load_ext freshkey")

    def interrupt() -> None:
        provider.asked.wait(60)
        _thread.interrupt_main()

    threading.Thread(target=interrupt).start()
    with pytest.raises(AssertionError, match="KeyboardInterrupt"):
        run(f"%token login lab --issuer {provider.issuer} --client-id c")
    provider.approved.set()
    assert "AUTH_TOKEN" not in os.environ
    assert run("%token").startswith("No token: there is no profile yet")


def test_with_a_link_for_a_browser_of_this_machine_where_there_is_no_other_way(run: Run) -> None:
    import _thread

    provider = FalseProvider(offers_device=False)
    run("%load_ext freshkey")
    threading.Timer(1.5, _thread.interrupt_main).start()
    with pytest.raises(AssertionError, match=re.escape(f"{provider.issuer}/authorize?response_type=code&client_id=c")):
        run(f"%token login lab --issuer {provider.issuer} --client-id c")
    provider.end()


def test_with_a_password_a_refresh_token_or_a_file_of_tokens(run: Run, home: Home, quickstart: Quickstart, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def password(prompt: str) -> str:
        asked.append(prompt)
        return quickstart.value("KC_PASSWORD")

    monkeypatch.setattr("freshkey.ipython.extension.getpass", password)
    monkeypatch.setenv("EZUA_DOMAIN_CA_CERT_PATH", quickstart.ca_file)
    run("%load_ext freshkey")
    where = f"--issuer {quickstart.issuer} --client-id ua-grant"
    assert run(f"%token login {where}") == (
        f"Not signed in: {quickstart.issuer} offers no sign-in by a link. "
        "To cure it: sign in with --username NAME, or with --refresh-token-file PATH\n"
    )
    assert run(f"%token login {where} --username demo") == "Signed in as demo; the profile is ua.\n"
    assert asked == ["Password of demo: "]
    first = os.environ["AUTH_TOKEN"]
    assert first == home.freshkey("token")
    (home.path / "refresh-token.txt").write_text(quickstart.value("REFRESH_TOKEN") + "\n")
    told = run(f"%token login again {where} --refresh-token-file {home.path}/refresh-token.txt")
    assert told == "Signed in as demo; the profile is again.\n"
    assert first != os.environ["AUTH_TOKEN"] == home.freshkey("token", "again")
    (home.path / "token").write_text(first)
    told = run(f"%token login platform --from-token-file {home.path}/token")
    assert told.endswith("which is kept fresh by others; the profile is platform.\n")
    assert os.environ["AUTH_TOKEN"] == first == freshkey.token()
    assert "(kind: from a file, profile: platform)" in run("%token")
    assert run("%update_token").startswith("Token not refreshed: the token in ")
    for line, why in (
        (f"%token login x {where} --refresh-token-file {home.path}/nothing", "there is no file"),
        (f"%token login x {where} --username demo --ca {home.path}/token", "CA file"),
        ("%token login x --username demo", "--issuer is needed"),
        ("%token login x --issuer http://sso.example.org --client-id c", "https"),
    ):
        told = run(line)
        assert told.startswith("Not signed in: "), told
        assert why in told
        assert told.count("\n") == 1


def test_with_a_one_time_code_beside_the_password(run: Run, home: Home, quickstart: Quickstart, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "the-secret-of-the-device"
    data = {"subType": "totp", "digits": 6, "period": 30, "algorithm": "HmacSHA1"}
    device = {"type": "otp", "userLabel": "phone", "credentialData": json.dumps(data), "secretData": json.dumps({"value": secret})}
    user = {"username": "eve", "enabled": True, "credentials": [{"type": "password", "value": "open sesame"}, device]}
    client = {"clientId": "app", "publicClient": True, "directAccessGrantsEnabled": True}
    (home.path / "codes.json").write_text(json.dumps({"realm": "codes", "enabled": True, "users": [user], "clients": [client]}))
    quickstart.admin("realm", "import", str(home.path / "codes.json"))

    def code() -> str:
        tag = hmac.digest(secret.encode(), struct.pack(">Q", int(time.time()) // 30), "sha1")
        at = tag[-1] & 15
        return f"{(int.from_bytes(tag[at : at + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"

    def answer(prompt: str) -> str:
        return {"Password of eve: ": "open sesame", "One-time code: ": code()}[prompt]

    monkeypatch.setattr("freshkey.ipython.extension.getpass", answer)
    monkeypatch.setenv("EZUA_DOMAIN_CA_CERT_PATH", quickstart.ca_file)
    run("%load_ext freshkey")
    line = f"%token login codes --issuer https://{quickstart.address}/realms/codes --client-id app --username eve"
    end = time.monotonic() + 30
    while "there is no discovery document" in (told := run(line)):
        assert time.monotonic() < end, "a realm is served within a second of its import"
    assert "did not accept the name and password" in told
    assert told.endswith("To cure it: check both; an account with one-time codes needs --one-time-code, too\n")
    assert run(f"{line} --one-time-code") == "Signed in as eve; the profile is codes.\n"
    assert os.environ["AUTH_TOKEN"] == home.freshkey("token", "codes")


def test_help_is_help_and_a_slip_is_told(run: Run) -> None:
    run("%load_ext freshkey")
    assert "--refresh-token-file" in run("%token login --help")
    slips = ["%token login --user x", "%token logout", "%update_token now", "%token login a b", "%token login --username x --from-token-file y"]
    for slip in (*slips, "%token login x --one-time-code"):
        with pytest.raises(AssertionError, match="UsageError"):
            run(slip)
