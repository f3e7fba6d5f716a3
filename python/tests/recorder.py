"""A server on loopback that writes down what arrives, and answers what it was told to."""

from __future__ import annotations

import base64
import json
import re
import ssl
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import trustme

_CREDENTIAL = re.compile(r"Credential=([^/]+)/")


def expiry(token: str) -> int:
    """Return the second since 1970 at which a token ends, as its server reads it."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"]


def subject(token: str) -> str:
    """Return whose token it is."""
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["preferred_username"]


@dataclass
class Arrived:
    """A request as it came over the wire."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.time)

    @property
    def token(self) -> str | None:
        """Return the token in it: as bearer, as access key of S3, or in the form of a token service."""
        authorization = self.headers.get("authorization", "")
        if authorization.startswith("Bearer "):
            return authorization.removeprefix("Bearer ")
        if (signed := _CREDENTIAL.search(authorization)) and signed[1].count(".") == 2:
            return signed[1]
        return next(iter(parse_qs(self.body.decode("latin-1")).get("WebIdentityToken", [])), None)


@dataclass
class Answer:
    """What to answer."""

    status: int = 200
    body: bytes | str | dict | list = b"{}"
    headers: dict[str, str] = field(default_factory=dict)


class Recorder:
    """An HTTP/1.1 server. `answer` decides what each request gets. With TLS it has an authority of its own, in `ca_file`."""

    def __init__(self, answer: Callable[[Arrived], Answer] | None = None, *, tls: bool = False) -> None:
        self.answer = answer or (lambda _: Answer())
        self.arrived: list[Arrived] = []
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def __getattr__(self, name: str) -> Callable[[], None]:
                if name.startswith("do_"):
                    return self.serve
                raise AttributeError(name)

            def serve(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                arrived = Arrived(self.command, self.path, headers, self.read_body(headers))
                recorder.arrived.append(arrived)
                answer = recorder.answer(arrived)
                body = answer.body.encode() if isinstance(answer.body, str) else answer.body
                body = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(answer.status)
                for name, value in {"Content-Type": "application/json", **answer.headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def read_body(self, headers: dict[str, str]) -> bytes:
                if headers.get("transfer-encoding") != "chunked":
                    return self.rfile.read(int(headers.get("content-length", 0)))
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self.origin = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self._folder = tempfile.TemporaryDirectory(prefix="freshkey-recorder-")
        self.ca_file = str(Path(self._folder.name) / "ca.pem")
        if tls:
            authority = trustme.CA()
            authority.cert_pem.write_to_path(self.ca_file)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert("127.0.0.1").configure_cert(context)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def tokens(self) -> list[tuple[str, float]]:
        """Return the tokens that arrived, and when."""
        return [(arrived.token, arrived.at) for arrived in self.arrived if arrived.token]

    def close(self) -> None:
        """Accept nothing more."""
        self._server.shutdown()
        self._server.server_close()
        self._folder.cleanup()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
