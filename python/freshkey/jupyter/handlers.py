"""The two addresses: ``GET freshkey/status`` and ``POST freshkey/renew``, for whoever is signed in to the Jupyter server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from jupyter_server.utils import url_path_join
from tornado import web

from freshkey.errors import FreshkeyError, ProviderUnavailable
from freshkey.jupyter.answers import Answer, look, renew, trouble_of

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

# Seconds after which the page is told that there is no answer. The client's own limits are below this.
_ANSWER_S_MAX = 30.0


class Work:
    """Something that takes a while, done by a thread. Whoever asks while it is done gets the same answer: the browser's tabs are one question."""

    def __init__(self, do: Callable[[], Answer], answer_s_max: float = _ANSWER_S_MAX) -> None:
        self._do = do
        self._answer_s_max = answer_s_max
        self._threads = ThreadPoolExecutor(max_workers=1, thread_name_prefix="freshkey")
        self._running: asyncio.Future[Answer] | None = None

    async def answer(self) -> Answer:
        """Return the answer, or after a while that there is none. The work goes on then, and nothing else is begun before it has ended."""
        if self._running is None or self._running.done():
            self._running = asyncio.get_running_loop().run_in_executor(self._threads, self._do)
        try:
            return await asyncio.wait_for(asyncio.shield(self._running), self._answer_s_max)
        except asyncio.TimeoutError:
            late = f"there was no answer in {self._answer_s_max:g} seconds"
            error = ProviderUnavailable(late, "try again, and run `freshkey doctor` if it stays so")
            return {"account": None, "trouble": trouble_of(error)}
        except FreshkeyError as error:
            return {"account": None, "trouble": trouble_of(error)}


class _Handler(APIHandler):
    auth_resource = "freshkey"

    def initialize(self, work: Work) -> None:
        self.work = work

    async def tell(self) -> None:
        answer = await self.work.answer()
        self.set_header("Cache-Control", "no-store")
        self.finish(json.dumps(answer))


class StatusHandler(_Handler):
    """``GET freshkey/status``."""

    # A page that looks now and then is nobody who works: a server that is left alone may be ended (jupyterhub-idle-culler).
    _track_activity = False

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Tell how long the token lives."""
        await self.tell()


class RenewHandler(_Handler):
    """``POST freshkey/renew``."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Renew the token, and tell how long the new one lives."""
        await self.tell()


def add_to(server_app: ServerApp) -> None:
    """Add the addresses to a server."""
    application: web.Application = server_app.web_app
    base = application.settings["base_url"]
    application.add_handlers(
        ".*$",
        [
            (url_path_join(base, "freshkey", "status"), StatusHandler, {"work": Work(look)}),
            (url_path_join(base, "freshkey", "renew"), RenewHandler, {"work": Work(renew)}),
        ],
    )
