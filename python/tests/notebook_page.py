"""A Jupyter server as its users run it, and a browser that looks at it and writes down what goes to and fro."""

from __future__ import annotations

import http.cookiejar
import json
import queue
import re
import secrets
import shutil
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import zlib
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, Locator, Page, Playwright, Request, Response, WebSocket, expect
from testbed import Home

_BROWSER_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)/")
# JupyterLab is many megabytes of programs, on a machine that does other things beside.
_PAGE_MS_MAX = 120_000
SCREENSHOTS = Path(__file__).resolve().parents[2] / "target/screenshots"


class JupyterServer:
    """``jupyter lab`` of one user, on a port of its own."""

    def __init__(self, home: Home) -> None:
        self.token = secrets.token_hex(16)
        settings = home.path / ".jupyter/lab/user-settings/@jupyterlab/apputils-extension"
        settings.mkdir(parents=True)
        # Its question about news would lie over the popup.
        (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
        command = [
            Path(sys.prefix) / "bin/jupyter-lab",
            "--no-browser",
            "--allow-root",
            "--expose-app-in-browser",
            "--ServerApp.ip=127.0.0.1",
            "--ServerApp.port=0",
            f"--IdentityProvider.token={self.token}",
            f"--ServerApp.root_dir={home.path}",
        ]
        self._process = subprocess.Popen(command, env=home.environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.lines: list[str] = []
        addresses: queue.Queue[str | None] = queue.Queue()
        # Read to its end, since a server that can't log stands still.
        self._reader = threading.Thread(target=self._read, args=[addresses])
        self._reader.start()
        address = addresses.get()
        assert address is not None, "".join(self.lines)
        self.url = address

    def _read(self, addresses: queue.Queue[str | None]) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self.lines.append(line)
            if found := _ADDRESS.search(line):
                addresses.put(f"http://127.0.0.1:{found[1]}")
        addresses.put(None)

    def ask(self, path: str, method: str = "GET", *, authorization: bool = True) -> tuple[int, str]:
        """Ask as a program does, and return status and text."""
        headers = {"Authorization": f"token {self.token}"} if authorization else {}
        request = urllib.request.Request(f"{self.url}/{path}", method=method, headers=headers)
        return _answered(urllib.request.build_opener(), request)

    def ask_as_a_page_elsewhere(self, path: str, method: str) -> int:
        """Ask as another site's page would, in the browser of somebody who is signed in: with the cookies, and no more. Return the status."""
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        opener.open(f"{self.url}/lab?token={self.token}").read()
        return _answered(opener, urllib.request.Request(f"{self.url}/{path}", method=method))[0]

    def account(self) -> dict[str, object]:
        """Return what the page is told of the account."""
        account = json.loads(self.ask("freshkey/status")[1])["account"]
        assert isinstance(account, dict)
        return account

    def stop(self) -> None:
        """End it, with whatever it has started."""
        self._process.terminate()
        self._reader.join()
        self._process.wait()


def _answered(opener: urllib.request.OpenerDirector, request: urllib.request.Request) -> tuple[int, str]:
    try:
        with opener.open(request) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def browser_of(playwright: Playwright) -> Browser:
    """Start the machine's own browser: none is fetched."""
    expect.set_options(timeout=_PAGE_MS_MAX)
    program = shutil.which("chromium")
    assert program is not None, "there is no chromium; hint: sudo apt-get install --no-install-recommends chromium"
    return playwright.chromium.launch(executable_path=program, args=_BROWSER_FLAGS)


class LabPage:
    """JupyterLab in a browser, its time in our hands, with everything that went to and fro."""

    def __init__(self, browser: Browser, server: JupyterServer) -> None:
        self._server = server
        self.context: BrowserContext = browser.new_context(viewport={"width": 1280, "height": 720})
        self.page: Page = self.context.new_page()
        self.messages: list[str] = []
        self._responses: list[Response] = []
        self._requests: list[Request] = []
        self.page.on("request", lambda request: self._requests.append(request))
        self.page.on("response", lambda response: self._responses.append(response))
        self.page.on("websocket", self._listen)
        self.page.set_default_timeout(_PAGE_MS_MAX)
        self.page.clock.install()
        self.page.goto(f"{server.url}/lab?token={server.token}")
        self.item: Locator = self.page.locator(".freshkey-Item")
        self.button: Locator = self.item.get_by_role("button")
        self.spoken: Locator = self.item.get_by_role("status")
        self.popup: Locator = self.page.get_by_role("dialog", name="Token of this Jupyter server")
        self.button.wait_for()
        # The last that a new page does is to put the focus on its launcher.
        expect(self.page.locator(".jp-Launcher")).to_be_focused()
        expect(self.page.locator("#jupyterlab-splash")).to_have_count(0)

    def _listen(self, socket: WebSocket) -> None:
        def note(frame: str | bytes) -> None:
            self.messages.append(frame if isinstance(frame, str) else frame.decode(errors="replace"))

        socket.on("framesent", note)
        socket.on("framereceived", note)

    def asked(self, what: str) -> int:
        """Return how often the server was asked for `what`."""
        return sum(request.url.partition("?")[0].endswith(f"/freshkey/{what}") for request in self._requests)

    def come_back(self) -> None:
        """Be looked at again, after a while."""
        self.page.clock.fast_forward("00:10")
        self.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")

    def run(self, command: str, arguments: dict[str, object] | None = None) -> None:
        """Run a command of JupyterLab."""
        self.page.evaluate("([command, args]) => void window.jupyterapp.commands.execute(command, args)", [command, arguments or {}])

    def everything_said(self) -> list[str]:
        """Return every address, header and body of every message, and the page as it is now."""
        said = [*self.messages, self.page.content()]
        for request in self._requests:
            said += [request.url, json.dumps(request.all_headers()), request.post_data or ""]
        for response in self._responses:
            said.append(json.dumps(response.all_headers()))
            # The programs of JupyterLab are the same for everybody.
            if "/static/" not in response.url and response.ok and response.status != 204:
                said.append(response.body().decode(errors="replace"))
        said.append(json.dumps(self.context.storage_state()))
        return said

    def photograph(self, name: str) -> None:
        """Write down what is seen."""
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENSHOTS / f"{name}.png")

    def close(self) -> None:
        """Leave the page."""
        self.context.close()


def shades(png: bytes) -> int:
    """Return how many different bytes the pixels of a picture have: an empty one has a handful at most."""
    pixels, place = b"", 8
    while place < len(png):
        length = int.from_bytes(png[place : place + 4], "big")
        if png[place + 4 : place + 8] == b"IDAT":
            pixels += png[place + 8 : place + 8 + length]
        place += 12 + length
    return len(set(zlib.decompress(pixels)))
