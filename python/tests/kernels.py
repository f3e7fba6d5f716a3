"""Real kernels, and everything that they say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from testbed import Home

_JWT_PART = re.compile(r"eyJ[\w-]{9,}")


class Notebook(NotebookClient):
    """A notebook that is run by a kernel of this user, with all messages of the kernel kept."""

    def __init__(self, cells: Iterable[str], home: Home, variables: dict[str, str] | None = None, *, allow_errors: bool = False) -> None:
        document = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        where = {"metadata": {"path": str(home.path)}}
        super().__init__(document, timeout=240, kernel_name="python3", allow_errors=allow_errors, resources=where)
        self.messages: list[Any] = []
        self._environment = {**home.environment, "PYTHONDONTWRITEBYTECODE": "1", "PYDEVD_DISABLE_FILE_VALIDATION": "1", **(variables or {})}
        self._log_file = (home.path / "kernel.log").open("w+")

    def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
        """Keep what comes on the channel that all clients hear."""
        self.messages.append(msg)
        return super().process_message(msg, cell, cell_index)

    async def _async_poll_for_reply(self, *arguments: Any, **options: Any) -> Any:
        reply = await super()._async_poll_for_reply(*arguments, **options)
        self.messages.append(reply)
        return reply

    def run(self) -> Notebook:
        """Run all cells."""
        self.execute(env=self._environment, stdout=self._log_file, stderr=self._log_file)
        return self

    def said(self, index: int) -> str:
        """Return what a cell printed, whatever way."""
        outputs = self.nb.cells[index].outputs
        return "".join(output.get("text", "") or "".join(output.get("traceback", [])) for output in outputs)

    def printed(self, index: int, stream: str = "stdout") -> str:
        """Return what a cell printed to one stream."""
        return "".join(output["text"] for output in self.nb.cells[index].outputs if output.get("name") == stream)

    def everything(self) -> str:
        """Return the notebook as it is saved, all messages, and the kernel's log."""
        self._log_file.flush()
        return "\n".join([nbformat.writes(self.nb), json.dumps(self.messages, default=str), Path(self._log_file.name).read_text()])


def find_tokens(text: str, *tokens: str) -> list[str]:
    """Return whatever is a part of a JWT, or of one of these tokens."""
    found = _JWT_PART.findall(text)
    for token in tokens:
        found += [token[at : at + 12] for at in range(0, len(token) - 12, 4) if token[at : at + 12] in text]
    return found
