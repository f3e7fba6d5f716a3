"""A token as text that does not show itself."""

from __future__ import annotations

from typing import NoReturn

_SHOWN = "<a token, not shown>"


class Token(str):
    """A token, or a header with one. It is a ``str`` for whoever sends it, and is shown by nothing that shows objects: no cell, no traceback, no log.

    It can't be pickled: a token in a job is dead before the job is. A `freshkey.Session` can.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        """Return what can be shown."""
        return _SHOWN

    def __reduce_ex__(self, _protocol: object) -> NoReturn:
        """Refuse to be pickled (T-084)."""
        raise TypeError("a token can't be pickled: it would be dead when it is read. Pickle the freshkey.Session, and ask it")

    def __copy__(self) -> Token:
        """Return itself, as ``str`` does."""
        return self

    def __deepcopy__(self, _memo: object) -> Token:
        """Return itself, as ``str`` does."""
        return self
