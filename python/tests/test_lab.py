"""JupyterLab in a real browser: the wheel's own extension, a real Jupyter server, and our server as the provider."""

from __future__ import annotations

import json
import re
import ssl
import urllib.request
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest
from notebook_page import JupyterServer, LabPage, browser_of, shades
from playwright.sync_api import Browser, expect, sync_playwright
from testbed import Home, Quickstart

# Long enough for a page to come up on a machine that does other things beside; what is left of it after some minutes less is still told apart.
_LIFE_S = 600
_FRESH = r"([5-9]|10)"
_JWT = re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}\.")


@pytest.fixture(scope="module")
def provider() -> Iterator[Quickstart]:
    quickstart = Quickstart()
    yield quickstart
    quickstart.remove()


@pytest.fixture(scope="module")
def user() -> Iterator[Home]:
    home = Home()
    yield home
    home.remove()


@pytest.fixture(scope="module")
def server(user: Home) -> Iterator[JupyterServer]:
    server = JupyterServer(user)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = browser_of(playwright)
        yield browser
        browser.close()


def let_tokens_live(provider: Quickstart, seconds: int) -> None:
    """Set the life of access tokens, and wait until those that are issued have it."""
    provider.admin("realm", "set", "UA", "--set", f"accessTokenLifespan={seconds}")
    form = {"grant_type": "password", "client_id": "ua-grant", "username": "demo", "password": provider.value("KC_PASSWORD")}
    trust = ssl.create_default_context(cafile=provider.ca_file)
    for _ in range(1000):
        with urllib.request.urlopen(f"{provider.issuer}/protocol/openid-connect/token", urlencode(form).encode(), context=trust) as answer:
            if json.load(answer)["expires_in"] == seconds:
                return
    raise AssertionError("the setting of the realm is not taken up")


def refreshes_after(provider: Quickstart, before: int) -> int:
    """Return how many refreshes there were, once there is one more than before. Those that change nothing are written down a little later."""
    for _ in range(200):
        if (refreshes := provider.refreshes()) > before:
            return refreshes
    return before


@pytest.fixture
def signed_in_user(user: Home, provider: Quickstart) -> Home:
    """Return the user, signed in anew with a new token."""
    let_tokens_live(provider, _LIFE_S)
    user.sign_in(provider)
    return user


@pytest.fixture
def lab(browser: Browser, server: JupyterServer, signed_in_user: Home) -> Iterator[LabPage]:
    """Yield a page of JupyterLab that has asked once."""
    lab = LabPage(browser, server)
    expect(lab.button).to_contain_text("min")
    yield lab
    lab.close()


def test_the_item_says_how_long_the_token_lives_and_for_whom(lab: LabPage) -> None:
    expect(lab.button).to_have_text(re.compile(rf"^Token: {_FRESH} min$"))
    expect(lab.item).to_have_attribute("data-state", "fresh")
    expect(lab.button).to_have_attribute("title", re.compile(rf"lives for {_FRESH} more minutes\.\ndemo, profile ua$"))
    # In the status bar, at the foot of the page, and something is to be seen of it.
    box = lab.button.bounding_box()
    assert box is not None
    assert box["y"] > 720 - 40
    assert box["width"] > 40
    assert shades(lab.button.screenshot()) > 20
    lab.photograph("item")


@pytest.mark.parametrize("way", ["without an agent", "with an agent"])
def test_the_button_renews_once_and_the_minutes_go_up(lab: LabPage, provider: Quickstart, signed_in_user: Home, way: str) -> None:
    if way == "with an agent":
        signed_in_user.start_agent()
    let_tokens_live(provider, 3600)
    before = provider.refreshes()
    lab.button.click()
    renew = lab.popup.get_by_role("button", name="Renew")
    expect(renew).to_be_focused()
    expect(lab.button).to_have_attribute("aria-expanded", "true")
    lab.photograph(f"popup-{way.replace(' ', '-')}")
    renew.click()
    expect(lab.button).to_have_text(re.compile(r"^Token: [3-6]\d min$"))
    expect(lab.spoken).to_have_text(re.compile(r"^The token was renewed\. The token lives for [3-6]\d more minutes\.$"))
    assert refreshes_after(provider, before) == before + 1
    # The kernels of this user have it from the same place.
    assert int(signed_in_user.freshkey("token", "--field", "expires_in")) > _LIFE_S
    assert lab.asked("renew") == 1


def test_everything_can_be_done_by_keyboard(lab: LabPage) -> None:
    lab.button.focus()
    lab.page.keyboard.press("Enter")
    expect(lab.popup.get_by_role("button", name="Renew")).to_be_focused()
    for fact in ("demo", "ua", "ua-grant", "/realms/UA", "session"):
        expect(lab.popup).to_contain_text(fact)
    lab.page.keyboard.press("Enter")
    expect(lab.spoken).to_contain_text("The token was renewed.")
    expect(lab.popup.get_by_role("button", name="Renew")).to_be_focused()
    lab.page.keyboard.press("Escape")
    expect(lab.popup).to_have_count(0)
    expect(lab.button).to_be_focused()
    lab.run("freshkey:renew")
    expect(lab.popup).to_be_visible()
    expect(lab.popup.get_by_role("button", name="Renew")).to_be_focused()
    assert lab.asked("renew") == 2


def test_the_time_that_is_left_is_counted_down_and_the_server_asked_when_a_fifth_is_left(lab: LabPage) -> None:
    lab.page.clock.fast_forward("05:00")
    expect(lab.button).to_have_text(re.compile(r"^Token: [2-4] min$"))
    assert lab.asked("status") == 1
    # The clock of the server has not moved: it tells of the token as it is.
    lab.page.clock.fast_forward("03:01")
    expect(lab.button).to_have_text(re.compile(rf"^Token: {_FRESH} min$"))
    assert lab.asked("status") == 2


def test_a_token_that_nobody_renews_is_soon_over_and_then_over(lab: LabPage) -> None:
    lab.context.set_offline(True)
    lab.page.clock.fast_forward("08:15")
    expect(lab.button).to_have_text(re.compile(r"^Token: \d+ s, soon over$"))
    expect(lab.item).to_have_attribute("data-state", "soon")
    expect(lab.spoken).to_contain_text("It is soon over.")
    expect(lab.button).to_have_attribute("title", re.compile("the Jupyter server does not answer"))
    lab.page.clock.fast_forward("02:00")
    expect(lab.button).to_have_text("Token: over")
    expect(lab.item).to_have_attribute("data-state", "over")
    expect(lab.spoken).to_contain_text("The token is over.")


def test_a_provider_that_is_away_is_told_and_the_token_stays(lab: LabPage, provider: Quickstart) -> None:
    provider.stop()
    try:
        lab.button.click()
        lab.popup.get_by_role("button", name="Renew").click()
        expect(lab.item).to_have_attribute("data-state", "away")
        expect(lab.button).to_have_text(re.compile(rf"^Token: {_FRESH} min, provider away$"))
        expect(lab.spoken).to_contain_text("The token was not renewed.")
        expect(lab.popup).to_contain_text("you stay signed in")
        lab.photograph("provider-away")
    finally:
        provider.restart()
    lab.popup.get_by_role("button", name="Renew").click()
    expect(lab.item).to_have_attribute("data-state", "fresh")


def test_a_sign_out_is_seen_when_the_page_is_looked_at_and_a_sign_in_too(lab: LabPage, signed_in_user: Home, provider: Quickstart) -> None:
    signed_in_user.freshkey("logout", "ua")
    lab.come_back()
    expect(lab.button).to_have_text("Token: not signed in")
    expect(lab.item).to_have_attribute("data-state", "signed-out")
    expect(lab.spoken).to_have_text("Nobody is signed in.")
    lab.button.click()
    expect(lab.popup).to_contain_text("freshkey login ua")
    lab.photograph("signed-out")
    signed_in_user.sign_in(provider)
    lab.popup.get_by_role("button", name="Look again").click()
    expect(lab.item).to_have_attribute("data-state", "fresh")
    expect(lab.popup).to_contain_text("demo")


def test_the_words_are_legible_in_every_theme(lab: LabPage) -> None:
    lab.button.click()
    lab.page.mouse.move(0, 0)
    for theme in ("JupyterLab Dark", "JupyterLab Dark High Contrast", "JupyterLab Light"):
        lab.run("apputils:change-theme", {"theme": theme})
        expect(lab.page.locator("body")).to_have_attribute("data-jp-theme-name", theme)
        expect(lab.page.locator("#jupyterlab-splash")).to_have_count(0)
        expect(lab.popup).to_be_visible()
        lab.photograph(theme.lower().replace(" ", "-"))
        for place in (lab.button, lab.popup.locator(".freshkey-Heading"), lab.popup.locator("dt").first):
            # WCAG 2.2, 1.4.3.
            assert place.evaluate(_CONTRAST) >= 4.5, theme


_CONTRAST = """element => {
  const parts = colour => colour.match(/[\\d.]+/g).map(Number);
  const luminance = colour => {
    const [r, g, b] = parts(colour).map(part => part / 255).map(part => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  let behind = element;
  while (parts(getComputedStyle(behind).backgroundColor)[3] === 0) {
    behind = behind.parentElement;
  }
  const two = [luminance(getComputedStyle(element).color), luminance(getComputedStyle(behind).backgroundColor)].sort((a, b) => b - a);
  return (two[0] + 0.05) / (two[1] + 0.05);
}"""


def test_t_080_neither_the_page_nor_what_it_says_to_the_server_holds_a_token(lab: LabPage, signed_in_user: Home, server: JupyterServer) -> None:
    tokens = [signed_in_user.freshkey("token")]
    lab.button.click()
    lab.popup.get_by_role("button", name="Renew").click()
    expect(lab.spoken).to_contain_text("The token was renewed.")
    lab.come_back()
    tokens.append(signed_in_user.freshkey("token"))
    assert tokens[0] != tokens[1]
    said = lab.everything_said()
    assert any('"seconds_left"' in text for text in said)
    for text in said + server.lines:
        assert _JWT.search(text) is None
        assert not any(token in text for token in tokens)


def test_only_who_is_signed_in_to_the_server_is_answered_and_no_page_elsewhere_renews(
    server: JupyterServer, provider: Quickstart, signed_in_user: Home
) -> None:
    before = provider.refreshes()
    assert server.ask("freshkey/status", authorization=False)[0] == 403
    assert server.ask("freshkey/renew", "POST", authorization=False)[0] == 403
    assert server.ask_as_a_page_elsewhere("freshkey/renew", "POST") == 403
    assert server.ask("freshkey/renew", "GET")[0] == 405
    # Of all of them only this one reaches the provider.
    assert server.ask("freshkey/renew", "POST")[0] == 200
    assert refreshes_after(provider, before) == before + 1


def test_looking_renews_nothing_and_counts_as_no_work(server: JupyterServer, provider: Quickstart, user: Home) -> None:
    let_tokens_live(provider, 2)
    user.sign_in(provider)
    before = provider.refreshes()
    active = json.loads(server.ask("api/status")[1])["last_activity"]
    # Until it is over, which a renewal would put off for ever.
    assert any(server.account()["seconds_left"] == 0 for _ in range(3000))
    assert json.loads(server.ask("api/status")[1])["last_activity"] == active
    # The first refresh of all is the one that is asked for now.
    assert server.ask("freshkey/renew", "POST")[0] == 200
    assert refreshes_after(provider, before) == before + 1
