"""Whether a cell has failed of a token that had expired or was refused: directly, or somewhere beneath the error that it shows.

Nothing is imported here: libraries are known by what their errors look like.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from freshkey.text import Token

_LINKS_MAX = 50
_TEXT_MAX = 4000
_UNAUTHORIZED = 401
_CLASSES = frozenset({"ExpiredSignatureError", "ExpiredTokenError", "TokenExpiredError", "ExpiredTokenException", "UnauthorizedException"})
_AWS_CODES = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
_WORDS = re.compile(
    r"\b(?:jwt|token|credentials?|signature)s?\b[^.\n]{0,40}\b(?:is |are |has |have |was )?expired\b"
    r"|\bexpired[ _-]?(?:jwt|token|credentials?|signature)\b|\btoken is not active\b|\binvalid_token\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Refusal:
    """A token was refused. `rejected` is that token, where the error holds the request."""

    rejected: Token | None = None


def refusal_in(error: BaseException) -> Refusal | None:
    """Find out whether an error comes of an expired or refused token."""
    for link in _chain(error):
        try:
            if _is_refusal(link):
                return Refusal(_rejected(link))
        except Exception:  # noqa: S112, PERF203 - an attribute of somebody's error may be anything, and a hook never raises
            continue
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting = [error]
    while waiting and len(seen) < _LINKS_MAX:
        link = waiting.pop(0)
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        group = getattr(link, "exceptions", None)
        members = list(group) if isinstance(group, (list, tuple)) else []
        waiting += [beneath for beneath in (link.__cause__, link.__context__, *members) if isinstance(beneath, BaseException)]


def _is_refusal(error: BaseException) -> bool:
    if type(error).__name__ in _CLASSES:
        return True
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        code = response.get("Error", {}).get("Code")
        return code in _AWS_CODES
    if _UNAUTHORIZED in _statuses(error, response):
        return not _is_of_another_token(response)
    if _grpc_code(error) == "UNAUTHENTICATED":
        return True
    return _WORDS.search(str(error)[:_TEXT_MAX]) is not None


def _statuses(error: BaseException, response: object) -> set[object]:
    found = [getattr(thing, name, None) for thing in (error, response) for name in ("status_code", "status", "code", "http_status")]
    return {value for value in found if isinstance(value, int)}


def _grpc_code(error: BaseException) -> str | None:
    code = getattr(error, "code", None)
    return getattr(code(), "name", None) if callable(code) else None


def _is_of_another_token(response: object) -> bool:
    """A request with a password or a key has nothing to do with us."""
    header = _header(response)
    return header is not None and not header.lower().startswith("bearer ")


def _rejected(error: BaseException) -> Token | None:
    header = _header(getattr(error, "response", None))
    return Token(header[len("bearer ") :]) if header is not None and header.lower().startswith("bearer ") else None


def _header(response: object) -> str | None:
    headers = getattr(getattr(response, "request", None), "headers", None)
    value = headers.get("Authorization") if headers is not None else None
    return Token(value) if isinstance(value, str) else None
