"""A real JupyterHub with our authenticator before its own: what a server that it starts is given, and who has to sign in again."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from at_home import at_home
from recorder import Recorder, expiry
from testbed import Home, Quickstart

from freshkey.adapters.jupyterhub import profile_of

_KEY = "the-administrator-of-this-test"
# The proxy is not there, and a server is one request to the recorder with what the server was given.
_CONFIGURATION = """
import subprocess, sys
from freshkey.adapters.jupyterhub import FreshTokens
from jupyterhub.auth import DummyAuthenticator
from jupyterhub.proxy import Proxy
from jupyterhub.spawner import Spawner
from traitlets import Any


class NoProxy(Proxy):
    should_start = False

    async def add_route(self, routespec, target, data):
        pass

    async def delete_route(self, routespec):
        pass

    async def get_all_routes(self):
        return {}


class Authenticator(FreshTokens, DummyAuthenticator):
    async def authenticate(self, handler, data):
        return {"name": data["username"], "auth_state": {"access_token": "that of the sign-in", "kept": "by the hub"}}


ask = "import os, urllib.request as u; u.urlopen(u.Request(%r, headers={'Authorization': 'Bearer ' + os.environ['AUTH_TOKEN']})).read()"


class OneRequest(Spawner):
    is_up = False

    async def start(self):
        subprocess.run([sys.executable, "-c", ask % "RECORDER/started"], env=self.get_env(), check=True)
        self.is_up = True
        return "RECORDER"

    async def poll(self):
        return None if self.is_up else 0

    async def stop(self, now=False):
        self.is_up = False


c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.authenticator_class = Authenticator
c.JupyterHub.spawner_class = OneRequest
c.JupyterHub.bind_url = "http://127.0.0.1:1"
c.JupyterHub.hub_bind_url = "http://127.0.0.1:PORT"
c.JupyterHub.db_url = "sqlite:///FOLDER/hub.sqlite"
c.JupyterHub.cookie_secret_file = "FOLDER/cookie"
c.JupyterHub.services = [{"name": "test", "api_token": "KEY"}]
c.JupyterHub.load_roles = [{"name": "all", "scopes": ["admin:users", "admin:auth_state", "admin:servers", "access:servers"], "services": ["test"]}]
c.Authenticator.enable_auth_state = True
c.Authenticator.allow_all = True
c.Authenticator.auth_refresh_age = 1
c.Authenticator.refresh_pre_spawn = True
c.Authenticator.auth_refresh_strict = True
"""


class Hub:
    """JupyterHub on a port of its own."""

    def __init__(self, folder: Path, home: Home, recorder: Recorder) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        text = _CONFIGURATION
        for word, value in {"RECORDER": recorder.origin, "PORT": str(self._port), "FOLDER": str(folder), "KEY": _KEY}.items():
            text = text.replace(word, value)
        (folder / "config.py").write_text(text)
        command = [sys.executable, "-m", "jupyterhub", "-f", folder / "config.py"]
        variables = {**home.environment, "JUPYTERHUB_CRYPT_KEY": "0" * 64}
        self.log = folder / "log"
        self._log = self.log.open("w")
        self._process = subprocess.Popen(command, cwd=folder, env=variables, stdout=self._log, stderr=self._log)
        deadline = time.monotonic() + 120
        while self.status("GET", "/health", root="/hub") != 200:
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def ask(self, method: str, path: str, body: object = None, root: str = "/hub/api") -> dict:
        """Ask its interface, as its administrator."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self._port}{root}{path}", data, {"Authorization": f"token {_KEY}"}, method=method)
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.loads(response.read() or b"{}")

    def status(self, method: str, path: str, body: object = None, root: str = "/hub/api") -> int:
        """Return the status alone."""
        try:
            self.ask(method, path, body, root)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0
        return 200

    def end(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait()
        self._log.close()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[tuple[Hub, Home, Quickstart, Recorder]]:
    """Yield a hub whose provider issues short tokens."""
    quickstart = Quickstart()
    with at_home() as home, Recorder() as recorder:
        hub = Hub(tmp_path, home, recorder)
        yield hub, home, quickstart, recorder
        hub.end()
    quickstart.remove()


def _sign_in_at_the_hub(quickstart: Quickstart) -> str:
    """Return the refresh token that an authenticator would have got."""
    form = {"grant_type": "password", "client_id": "ua-grant", "username": "demo", "password": quickstart.value("KC_PASSWORD")}
    answer = requests.post(f"{quickstart.issuer}/protocol/openid-connect/token", form, verify=quickstart.ca_file)
    return answer.json()["refresh_token"]


def _keep(home: Home, quickstart: Quickstart, refresh_token: str) -> None:
    """Do what the guide says."""
    where = ["--issuer", quickstart.issuer, "--client-id", "ua-grant", "--ca", quickstart.ca_file]
    home.freshkey("login", profile_of("demo"), *where, "--refresh-token-file", "-", text=refresh_token)


def test_each_server_starts_with_a_token_that_lives_and_who_is_signed_out_starts_none(hub: tuple[Hub, Home, Quickstart, Recorder]) -> None:
    at, home, quickstart, recorder = hub
    home.sign_in_to_short_lives(quickstart, 6)
    _keep(home, quickstart, _sign_in_at_the_hub(quickstart))
    at.ask("POST", "/users/demo")
    at.ask("PATCH", "/users/demo", {"auth_state": {"access_token": "that of the sign-in", "kept": "by the hub"}})

    def started() -> str:
        at.ask("POST", "/users/demo/server")
        at.ask("DELETE", "/users/demo/server")
        return [arrived.token or "" for arrived in recorder.arrived if arrived.path == "/started"][-1]

    first = started()
    while time.time() <= expiry(first):
        time.sleep(0.1)
    second = started()
    assert expiry(second) > expiry(first)
    state = at.ask("GET", "/users/demo")["auth_state"]
    assert state == {"access_token": second, "kept": "by the hub"}

    quickstart.stop()
    while time.time() <= expiry(second):
        time.sleep(0.1)
    assert started() == second, "nobody is thrown out because the provider is away"
    quickstart.restart()

    home.freshkey("logout", profile_of("demo"))
    assert at.status("POST", "/users/demo/server") == 403
    log = at.log.read_text()
    assert "demo has to sign in again" in log
    assert first not in log
    assert second not in log


def test_t_081_no_two_users_of_a_hub_have_the_same_profile() -> None:
    names = ["ann", "Ann", "ANN", "ann ", "../ann", "ann/", "-ann", ".ann", "user-ann", "ünn", "a" * 48, "a" * 49, "", "hub-ann", "ann@example.org"]
    assert len({profile_of(name).lower() for name in names}) == len(names)
    for name in names:
        assert len(profile_of(name)) <= 64
        assert profile_of(name).isascii()
        assert profile_of(name).replace("-", "").replace(".", "").replace("_", "").isalnum()
