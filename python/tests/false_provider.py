"""A provider that offers what our own server does not (yet): a sign-in by a code on another device, or by a link."""

from __future__ import annotations

import base64
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs


def jwt(**claims: object) -> str:
    """Return a token that nobody verifies."""
    parts = [{"alg": "RS256", "kid": "false-provider-key", "typ": "JWT"}, {"iat": int(time.time()), "exp": int(time.time()) + 3600, **claims}]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, "c2lnbmF0dXJlLW9mLWEtZmFsc2UtcHJvdmlkZXI"])


class FalseProvider:
    """Listens on loopback."""

    def __init__(self, *, offers_device: bool = True) -> None:
        self.approved = threading.Event()
        self.asked = threading.Event()
        self.token = jwt(preferred_username="\x1b[31mada", sub="1")
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer = provider.issuer
                document = {"issuer": issuer, "token_endpoint": f"{issuer}/token", "authorization_endpoint": f"{issuer}/authorize"}
                if offers_device:
                    document["device_authorization_endpoint"] = f"{issuer}/device"
                self.answer(200, document)

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                if self.path == "/device":
                    address = f"{provider.issuer}/activate"
                    codes = {"device_code": "the-device-code", "user_code": "WDJB-MJHT", "verification_uri": address}
                    self.answer(200, {**codes, "verification_uri_complete": f"{address}?c=WDJB-MJHT", "expires_in": 60, "interval": 1})
                elif form["grant_type"][0].endswith("device_code") and not provider.approved.is_set():
                    provider.asked.set()
                    self.answer(400, {"error": "authorization_pending"})
                else:
                    token = {"access_token": provider.token, "token_type": "Bearer", "expires_in": 3600, "refresh_token": "a-refresh-token"}
                    self.answer(200, token)

            def answer(self, status: int, document: dict[str, object]) -> None:
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def end(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
