"""What the adapters share: whose token, where it may go, and what to do when it was refused."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from urllib.parse import urlsplit

from freshkey.errors import FreshkeyError
from freshkey.session import Session, bearer, current
from freshkey.text import Token

_log = logging.getLogger("freshkey")
_SCHEME = "Bearer "
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def chosen(session: Session | None, origins: Iterable[str] = ()) -> Session:
    """Return the session to ask: the given one or the current one, which may send its tokens to `origins` too."""
    session = current() if session is None else session
    named = (origins,) if isinstance(origins, str) else tuple(origins)
    if not named:
        return session
    profile, known, agent = session._key()
    return Session(profile, origins=(*known, *named), agent=agent)


def authorization(session: Session, url: str) -> Token:
    """Return the header for an address that must get one."""
    insist(session, url)
    return bearer(session.token())


def insist(session: Session, url: str) -> None:
    """Raise an error if tokens may not be sent to this address."""
    if not session.covers(url):
        where = urlsplit(url)
        origin = f"{where.scheme}://{where.netloc.rpartition('@')[2]}"
        raise FreshkeyError(f"{origin} is no address that tokens of this account may be sent to", f'name it if it is yours: origins=["{origin}"]')


def sent(header: object) -> Token | None:
    """Return the token in a header that an adapter has made; what somebody else has put there is none."""
    return Token(header[len(_SCHEME) :]) if isinstance(header, Token) and header.startswith(_SCHEME) else None


def replacement(session: Session, rejected: str) -> Token | None:
    """Return the header to send in place of one that was refused. If there is none, the refusal is the answer."""
    try:
        return _other(session.renew(rejected), rejected)
    except FreshkeyError as error:
        _log.warning("the token was refused, and there is no other: %s", error)
        return None


async def replacement_async(session: Session, rejected: str) -> Token | None:
    """Return the same as `replacement`, without holding up the loop."""
    try:
        return _other(await session.renew_async(rejected), rejected)
    except FreshkeyError as error:
        _log.warning("the token was refused, and there is no other: %s", error)
        return None


def _other(token: str, rejected: str) -> Token | None:
    return None if token == rejected else bearer(token)


def token_and_expiry(session: Session) -> tuple[Token, int]:
    """Return a token and the second since 1970 at which it ends, for libraries that keep a token until then."""
    handed = session._account.token(None)
    return Token(handed.token), handed.expires_at


async def token_and_expiry_async(session: Session) -> tuple[Token, int]:
    """Return the same as `token_and_expiry`, without holding up the loop."""
    await session.token_async()
    # It is at hand now: no provider is asked.
    return token_and_expiry(session)
