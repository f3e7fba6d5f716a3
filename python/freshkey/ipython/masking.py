"""No token leaves the kernel: whatever it sends is looked through, so that none is in an output, a traceback or a saved notebook (T-080).

A traceback of ``%xmode Verbose`` shows the variables of other people's code, with headers and whole requests in them, cut short in places. So what is
looked for is how each of our tokens begins, which is no secret, and what follows is masked.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

SHOWN = "<a token, not shown>"
_HEAD_MAX = 16
_OPAQUE_HEAD = 10
_JSON_PACKERS = ("json", "orjson", "jupyter_client.session.json_packer", "jupyter_client.session.orjson_packer")


class Masker:
    """Masks tokens that it was told of."""

    def __init__(self) -> None:
        self._pattern: re.Pattern[bytes] | None = None
        self._heads: frozenset[bytes] = frozenset()
        self._undo: list[Callable[[], None]] = []

    def learn(self, token: str) -> None:
        """Mask this token from now on, and all that begin as it does."""
        head, dot, _ = token.partition(".")
        # The head of a JWT names its algorithm and key. A token without parts is secret from its first character on.
        known = head[:_HEAD_MAX] if dot else token[:_OPAQUE_HEAD]
        if known.encode() in self._heads or not known:
            return
        heads = self._heads | {known.encode()}
        any_head = b"|".join(re.escape(head) for head in sorted(heads))
        # The middle may have been left out, as reprlib and pydoc do.
        self._pattern = re.compile(rb"(?:" + any_head + rb")[\w.~+/=-]*(?:\.\.\.[\w.~+/=-]*)?")
        self._heads = heads

    def mask(self, data: bytes) -> bytes:
        """Return the same without our tokens."""
        if self._pattern is None or not any(head in data for head in self._heads):
            return data
        return self._pattern.sub(SHOWN.encode(), data)

    def mask_text(self, text: str) -> str:
        """Return the same without our tokens."""
        return self.mask(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def attach(self, kernel: Any) -> None:
        """Look through whatever this kernel sends or logs."""
        session = getattr(kernel, "session", None)
        if session is None or session.packer not in _JSON_PACKERS:
            return
        before = session.pack

        def pack(message: object) -> bytes:
            return self.mask(before(message))

        session.pack = pack
        log: logging.Logger = kernel.log
        hides = _Hides(self)
        log.addFilter(hides)

        def detach() -> None:
            log.removeFilter(hides)
            # Somebody else may have wrapped ours.
            if session.pack is pack:
                session.pack = before

        self._undo.append(detach)

    def detach(self) -> None:
        """Look through nothing any more."""
        while self._undo:
            self._undo.pop()()


class _Hides(logging.Filter):
    """Masks what is logged."""

    def __init__(self, masker: Masker) -> None:
        super().__init__()
        self._masker = masker

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        masked = self._masker.mask_text(text)
        if masked is not text and masked != text:
            record.msg, record.args = masked, None
        return True
