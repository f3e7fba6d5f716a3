"""Freshkey in a Jupyter server: what the item of JupyterLab's status bar asks.

The server enables it by itself: the wheel brings ``jupyter_server_config.d/freshkey.json``. It needs no state of its own. A renewal goes to the same
agent, or into the same sealed file, that every kernel of this user asks, so that no kernel has to be told of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": "freshkey.jupyter"}]


def _load_jupyter_server_extension(server_app: ServerApp) -> None:
    from freshkey.jupyter import handlers

    handlers.add_to(server_app)
