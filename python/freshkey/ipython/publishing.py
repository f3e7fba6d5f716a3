"""Where a token stands for other libraries: in variables and in a file. What stood there before comes back at the end.

Only this module writes to ``os.environ``, and only what `Publisher` was told to (T-081). A token is never kept here: what was written is known by
its hash.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterable
from datetime import datetime, timezone

from freshkey._native import Handed, TokenFile
from freshkey.text import Token

PLATFORM_VARIABLES = ("AUTH_TOKEN", "MLFLOW_TRACKING_TOKEN")
"""What the analytics platform's own notebooks have."""
S3_SECRET = "s3"  # noqa: S105 - the platform's proxy expects this word, and looks at the token alone
_S3_STALE = ("AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN")


def is_platform_s3() -> bool:
    """Tell whether this process was set up for the S3 proxy of the platform, which takes a token in place of a key."""
    return os.environ.get("AWS_SECRET_ACCESS_KEY") == S3_SECRET


class Publisher:
    """Puts tokens where others look."""

    def __init__(self, variables: Iterable[str] = PLATFORM_VARIABLES, *, s3: bool = False, token_file: TokenFile | None = None) -> None:
        self._variables = tuple(variables)
        self._s3 = s3
        self._file = token_file
        self._before: dict[str, Token | None] = {}
        self._written: dict[str, bytes] = {}
        self._in_file: bytes | None = None
        self._lock = threading.Lock()

    def publish(self, handed: Handed, *, at_wish: bool = True) -> None:
        """Put a token there.

        Not `at_wish`, a variable that somebody has set to something else meanwhile is left to them, and none is added: a thread may replace the
        value of a variable while other threads read it, but not make room for another.
        """
        with self._lock:
            for name, value in self._values(handed).items():
                self._put(name, value, at_wish=at_wish)
            if self._s3 and at_wish:
                for name in _S3_STALE:
                    if name in os.environ:
                        self._before.setdefault(name, Token(os.environ.pop(name)))
            if self._file is not None and not self._is_in_file(handed.token):
                self._file.write(handed.token)
                self._in_file = _hash(handed.token)

    def holds(self, handed: Handed) -> bool:
        """Tell whether the variables and the file hold this token, by looking there."""
        values = self._values(handed)
        return all(os.environ.get(name) == value for name, value in values.items()) and (self._file is None or self._is_in_file(handed.token))

    @property
    def has_published(self) -> bool:
        """Tell whether a token has been put anywhere yet."""
        return bool(self._written or self._in_file)

    def published(self) -> Token | None:
        """Return the token that stands in the variables, if it is one of ours."""
        for name, written in self._written.items():
            value = os.environ.get(name)
            if value is not None and value not in (S3_SECRET, os.environ.get("AWS_CREDENTIAL_EXPIRATION")) and _hash(value) == written:
                return Token(value)
        return None

    def restore(self) -> None:
        """Put back what stood there before. What somebody has changed meanwhile stays."""
        with self._lock:
            for name, before in self._before.items():
                is_ours = name not in self._written or _hash(os.environ.get(name, "")) == self._written[name]
                if not is_ours:
                    continue
                if before is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = str(before)
            if self._file is not None and self._in_file is not None and self._content_hash() == self._in_file:
                self._file.remove()
            self._before, self._written, self._in_file = {}, {}, None

    def _values(self, handed: Handed) -> dict[str, str]:
        values: dict[str, str] = {name: Token(handed.token) for name in self._variables}
        if self._s3:
            ends_at = datetime.fromtimestamp(handed.expires_at, tz=timezone.utc)
            values |= {
                "AWS_ACCESS_KEY_ID": Token(handed.token),
                "AWS_SECRET_ACCESS_KEY": S3_SECRET,
                # With it botocore reads the other two again in time: a client that lives goes on.
                "AWS_CREDENTIAL_EXPIRATION": ends_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        return values

    def _put(self, name: str, value: str, *, at_wish: bool) -> None:
        present = os.environ.get(name)
        if not at_wish and (present is None or _hash(present) != self._written.get(name)):
            return
        if name not in self._before:
            self._before[name] = None if present is None else Token(present)
        if present != value:
            os.environ[name] = str(value)
        self._written[name] = _hash(value)

    def _is_in_file(self, token: str) -> bool:
        return self._content_hash() == _hash(token)

    def _content_hash(self) -> bytes | None:
        if self._file is None:
            return None
        try:
            return hashlib.sha256(self._file.path.read_bytes()).digest()
        except OSError:
            return None


def _hash(value: str) -> bytes:
    return hashlib.sha256(value.encode()).digest()
