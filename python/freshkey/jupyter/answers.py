"""What is answered: an account, or why there is none. No token is in it, and none is asked for (T-080)."""

from __future__ import annotations

from typing import TypedDict

from freshkey.errors import FreshkeyError, ProviderUnavailable, SignInNeeded
from freshkey.session import Session, Status

# The text of an error can hold words of a provider.
_TEXT_MAX = 1000


class Account(TypedDict):
    """An account, without its tokens."""

    profile: str
    issuer: str
    client_id: str
    subject: str | None
    kind: str
    seconds_left: int
    lifetime: int


class Trouble(TypedDict):
    """Why something is not as it should be."""

    kind: str
    cause: str
    cure: str | None


class Answer(TypedDict):
    """What the page is told. One of the two is there at least."""

    account: Account | None
    trouble: Trouble | None


def look() -> Answer:
    """Tell what is kept. Nothing is renewed by looking."""
    try:
        status, error = Session().look()
    except FreshkeyError as refusal:
        return {"account": None, "trouble": trouble_of(refusal)}
    return {"account": _account_of(status), "trouble": None if error is None else trouble_of(error)}


def renew() -> Answer:
    """Renew, and tell what is kept then."""
    try:
        Session().renew()
    except FreshkeyError as refusal:
        return {"account": look()["account"], "trouble": trouble_of(refusal)}
    return look()


def trouble_of(error: FreshkeyError) -> Trouble:
    """Return cause and cure of an error."""
    kind = "signed-out" if isinstance(error, SignInNeeded) else "away" if isinstance(error, ProviderUnavailable) else "failed"
    return {"kind": kind, "cause": _line(error.cause), "cure": None if error.cure is None else _line(error.cure)}


def _account_of(status: Status) -> Account:
    return {
        "profile": status.profile,
        "issuer": status.issuer,
        "client_id": status.client_id,
        "subject": status.subject,
        "kind": status.kind,
        "seconds_left": status.seconds_left,
        "lifetime": status.lifetime,
    }


def _line(text: str) -> str:
    return " ".join(text.split())[:_TEXT_MAX]
