"""As much of a Kafka broker as a client needs to sign in (SASL/OAUTHBEARER) and to stay connected.

It writes down the tokens that arrive, and refuses those that have ended, as a broker does: librdkafka looks once a second whether it needs another.
"""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
import time

from recorder import expiry

_METADATA, _HANDSHAKE, _API_VERSIONS, _AUTHENTICATE = 3, 17, 18, 36
_KNOWN = {_METADATA: (0, 4), _HANDSHAKE: (0, 1), _API_VERSIONS: (0, 0), _AUTHENTICATE: (0, 1)}
_UNSUPPORTED_VERSION, _AUTHENTICATION_FAILED = 35, 58
_BEARER = re.compile(rb"auth=Bearer ([^\x01]+)\x01")


def _text(text: str) -> bytes:
    return struct.pack(">h", len(text)) + text.encode()


class Broker:
    """One broker on loopback."""

    def __init__(self) -> None:
        self.tokens: list[tuple[str, float]] = []
        self._connections: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def drop(self) -> None:
        """End all connections, so that the client has to sign in again."""
        for connection in self._connections[:]:
            self._connections.remove(connection)
            # `shutdown` wakes the thread that reads; `close` alone would not.
            # One that the client has left already is not connected any more.
            with connection, contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Accept nothing more."""
        self._listener.close()
        self.drop()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection.makefile("rb") as stream:
                while len(size := stream.read(4)) == 4:
                    request = stream.read(struct.unpack(">i", size)[0])
                    key, version = struct.unpack(">hh", request[:4])
                    answer = request[4:8] + self._answer(key, version, request)
                    connection.sendall(struct.pack(">i", len(answer)) + answer)
        except OSError:
            return

    def _answer(self, key: int, version: int, request: bytes) -> bytes:
        if key == _API_VERSIONS:
            # Later versions are answered in the form of the first, by which a client learns to ask in it.
            known = b"".join(struct.pack(">hhh", api, *versions) for api, versions in _KNOWN.items())
            return struct.pack(">hi", 0 if version == 0 else _UNSUPPORTED_VERSION, len(_KNOWN)) + known
        if key == _HANDSHAKE:
            return struct.pack(">hi", 0, 1) + _text("OAUTHBEARER")
        if key == _AUTHENTICATE:
            return self._signed_in(request) + struct.pack(">hi", -1, 0) + (struct.pack(">q", 0) if version == 1 else b"")
        return self._metadata(version)

    def _signed_in(self, request: bytes) -> bytes:
        found = _BEARER.search(request)
        token = found[1].decode() if found else ""
        if not found or expiry(token) <= time.time():
            return struct.pack(">h", _AUTHENTICATION_FAILED)
        self.tokens.append((token, time.time()))
        return struct.pack(">h", 0)

    def _metadata(self, version: int) -> bytes:
        parts = [struct.pack(">i", 0)] if version >= 3 else []
        parts += [struct.pack(">ii", 1, 1), _text("127.0.0.1"), struct.pack(">i", self.port)]
        if version >= 1:
            parts.append(struct.pack(">h", -1))
        if version >= 2:
            parts.append(_text("recorder"))
        if version >= 1:
            parts.append(struct.pack(">i", 1))
        return b"".join([*parts, struct.pack(">i", 0)])
