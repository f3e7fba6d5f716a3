"""Agents that are none: they hang, lie, or are gone."""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
from pathlib import Path

from testbed import Home


class FalseAgent:
    """Listens where a user's agent would, and gives the same answer to all; with none it says nothing, ever."""

    def __init__(self, home: Home, answer: bytes | None) -> None:
        folder = Path(home.path / "run/freshkey")
        folder.mkdir(mode=0o700, exist_ok=True)
        self._answer = answer
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / "agent.sock"))
        self._listener.listen(100)
        self._callers: list[socket.socket] = []
        self.asked = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._listener.accept()
            except OSError:
                return
            self.asked += 1
            if self._answer is None:
                self._callers.append(caller)
                continue
            caller.recv(65536)
            caller.sendall(self._answer)
            caller.close()

    def end(self) -> None:
        """Leave the socket behind, as an agent that was killed does."""
        # Without it whoever waits in `accept` would keep it open.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for caller in self._callers:
            caller.close()


def frame(body: bytes) -> bytes:
    return struct.pack("<I", len(body)) + body


def done(data: bytes) -> bytes:
    return frame(b"\0" + struct.pack("<H", 0) + data)


TOKEN = {"profile": "ua", "issuer": "https://x", "client_id": "c", "expires_at": 1, "expires_in": 1}
# As of an agent that ends while it is asked.
BROKEN_OFF = {
    "nothing at all": b"",
    "half a header": b"\xff\xff",
    "half a frame": frame(b"\0\0\0{}")[:-1],
}
LIES = {
    "a frame without an end": struct.pack("<I", 2**32 - 1),
    "an unknown failure": frame(b"\xfa\0\0\0\0"),
    "no text": done(b"\xff\xfe"),
    "no token": done(b"{}"),
    "a token that is a header": done(json.dumps({**TOKEN, "access_token": "x\r\nHost: y"}).encode()),
    "another profile's token": done(json.dumps({**TOKEN, "profile": "other", "access_token": "x"}).encode()),
}
