"""Our own programs as their users run them, each ended with its test: a server, and a user with a home of its own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(os.environ.get("FRESHKEY_TEST_PROGRAMS", ROOT / "target/debug"))


class Quickstart:
    """A quickstart on a port of its own, with its own authority."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="freshkey-quickstart-"))
        self._begin("127.0.0.1:0")

    def _begin(self, listen: str) -> None:
        arguments = [
            "quickstart",
            "--listen",
            listen,
            "--management",
            "127.0.0.1:0",
            "--data",
            self.folder / "data",
            "--env-file",
            self.folder / "env",
        ]
        self._log = (self.folder / "log").open("a")
        self._process = subprocess.Popen(
            [PROGRAMS / "freshkey-server", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("ready: "):
                return
        raise AssertionError("the quickstart ended before it was ready")

    def stop(self) -> None:
        """End it, as with ``kill -9``."""
        self._process.kill()
        self._process.communicate()
        self._log.close()

    def restart(self) -> None:
        """Start it again on the same port, after `stop`."""
        self._begin(f"127.0.0.1:{self.address.rpartition(':')[2]}")

    def remove(self) -> None:
        """Leave nothing of it."""
        self.stop()
        shutil.rmtree(self.folder)

    def value(self, name: str) -> str:
        """Return a value of its env-file: `KC_ADDR`, `KC_CACERT`, `KC_USERNAME`, `KC_PASSWORD`, …."""
        lines = (self.folder / "env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)[name].strip("'")

    @property
    def address(self) -> str:
        """Host and port."""
        return self.value("KC_ADDR")

    @property
    def issuer(self) -> str:
        """The issuer of the realm `UA`."""
        return f"https://{self.address}/realms/UA"

    @property
    def userinfo(self) -> str:
        """An API that takes a token which has not expired, and answers 401 to any other."""
        return f"{self.issuer}/protocol/openid-connect/userinfo"

    @property
    def ca_file(self) -> str:
        """The file of its authority."""
        return self.value("KC_CACERT")

    def admin(self, *arguments: str) -> str:
        """Run ``freshkey-server admin`` on its data, and return what it printed."""
        command = [PROGRAMS / "freshkey-server", "admin", "--data", self.folder / "data", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def add_user(self, name: str) -> str:
        """Add a user to the realm `UA`, and return their password."""
        return self.admin("user", "add", name, "--realm", "UA", "--add-role", "member", "--generate").strip()

    def refreshes(self) -> int:
        """Return how many refreshes of the realm `UA` its events tell of. What was refused is none."""
        events = json.loads(self.admin("--json", "events", "--realm", "UA", "--limit", "1000"))
        return sum(event["kind"] == "REFRESH_TOKEN" and event.get("reason") is None for event in events)


class Home:
    """A user of ``freshkey``: a home of its own, with nothing of the machine's own settings in it."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="freshkey-home-"))
        for name in ("run", "credentials"):
            (self.path / name).mkdir(mode=0o700)
        (self.path / "credentials/freshkey").write_bytes(bytes([7]) * 32)

    @property
    def variables(self) -> dict[str, str]:
        """What makes a process one of this user's. The key of the accounts comes as systemd would hand it over."""
        return {
            "HOME": str(self.path),
            "XDG_RUNTIME_DIR": str(self.path / "run"),
            "CREDENTIALS_DIRECTORY": str(self.path / "credentials"),
            "NO_PROXY": "*",
        }

    @property
    def environment(self) -> dict[str, str]:
        """Everything that a process of this user finds."""
        return {"PATH": os.environ["PATH"], **self.variables}

    def freshkey(self, *arguments: str, text: str | None = None) -> str:
        """Run ``freshkey``, which must succeed, and return what it printed."""
        command = [PROGRAMS / "freshkey", *arguments]
        ended = subprocess.run(command, env=self.environment, input=text, capture_output=True, text=True)
        assert ended.returncode == 0, f"freshkey {arguments}: {ended.stderr}"
        return ended.stdout.rstrip("\n")

    def sign_in(self, quickstart: Quickstart, profile: str = "ua", username: str = "demo", password: str | None = None) -> None:
        """Sign in to the realm `UA` of a quickstart."""
        where = ["--issuer", quickstart.issuer, "--client-id", "ua-grant", "--ca", quickstart.ca_file]
        secret = password or quickstart.value("KC_PASSWORD")
        self.freshkey("login", profile, *where, "--username", username, "--password-stdin", text=secret)

    def sign_in_to_short_lives(self, quickstart: Quickstart, seconds: int) -> None:
        """Have the realm's access tokens live so long, and sign in."""
        quickstart.admin("realm", "set", "UA", "--set", f"accessTokenLifespan={seconds}")
        self.sign_in(quickstart)
        # Configuration follows within a second; until then a token of the old life can be issued.
        while int(self.freshkey("token", "--no-agent", "--field", "lifetime")) != seconds:
            time.sleep(0.2)
            self.sign_in(quickstart)

    def start_agent(self) -> None:
        """Let an agent hold the accounts from now on."""
        self.freshkey("token", "--field", "expires_in")
        assert (self.path / "run/freshkey/agent.sock").exists()

    def remove(self) -> None:
        """Leave nothing of it. An agent that does not run is as good as one that has ended."""
        subprocess.run([PROGRAMS / "freshkey", "agent", "stop"], env=self.environment, capture_output=True)
        shutil.rmtree(self.path)
