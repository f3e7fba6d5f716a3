"""A session: one account, for as long as it is needed. It holds a profile's name, and never a token."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType

from freshkey._native import Account, Handed
from freshkey.errors import FreshkeyError
from freshkey.text import Token

_log = logging.getLogger("freshkey")
_entered: ContextVar[tuple[Session, ...]] = ContextVar("freshkey_sessions", default=())


@dataclass(frozen=True)
class Status:
    """What is known of a token, without the token."""

    profile: str
    issuer: str
    client_id: str
    subject: str | None
    kind: str
    """What keeps it alive: ``offline``, ``session``, ``client credentials``, ``from a file``, or ``not renewable``."""
    expires_at: int
    """Seconds since 1970."""
    seconds_left: int
    lifetime: int
    """Seconds that it lived when it was new."""

    @property
    def minutes_left(self) -> int:
        """Whole minutes that are left."""
        return self.seconds_left // 60


class Session:
    """One account.

    As a context manager it is the account of the ``with`` block: `freshkey.token` asks it there, in this thread or task and in no other.
    Sessions may be shared by threads and tasks, live through a fork, and are pickled by the name of their profile.
    """

    __slots__ = ("_account", "_agent", "_origins", "_profile")

    def __init__(self, profile: str | None = None, *, origins: Iterable[str] = (), agent: bool = True) -> None:
        """Take the account of `profile`, by default that of ``FRESHKEY_PROFILE`` or else the default one.

        `origins` are addresses that its tokens may be sent to beside the account's own. With ``agent=False`` no agent is asked.
        """
        self._profile = profile or os.environ.get("FRESHKEY_PROFILE") or None
        self._origins = (origins,) if isinstance(origins, str) else tuple(origins)
        self._agent = agent
        self._account = Account(self._profile, origins=list(self._origins), agent=agent)

    @property
    def profile(self) -> str:
        """The name of its profile. It does not change once it is known."""
        return self._account.profile()

    def token(self, min_ttl: float | None = None) -> str:
        """Return a token with `min_ttl` seconds to live, or as many as is usual."""
        return _text(self._account.token(min_ttl))

    def renew(self, rejected: str | None = None) -> str:
        """Return a new token.

        `rejected` is one that somebody has refused. If it has been replaced meanwhile, its successor is the answer, and the provider is not asked.
        """
        return _text(self._account.renew(rejected))

    async def token_async(self, min_ttl: float | None = None) -> str:
        """Return the same as `token`, without holding up the loop."""
        return _text(await _handed_later(lambda done: self._account.token_later(min_ttl, done)))

    async def renew_async(self, rejected: str | None = None) -> str:
        """Return the same as `renew`, without holding up the loop."""
        return _text(await _handed_later(lambda done: self._account.renew_later(rejected, done)))

    def covers(self, url: str) -> bool:
        """Tell whether a token may be sent to this address: the account's or one of `origins`, by https or on this machine."""
        return self._account.covers(url)

    def authorization(self, url: str) -> dict[str, str] | None:
        """Return the header for a request to this address, or ``None`` if it gets no token."""
        return {"Authorization": bearer(self.token())} if self.covers(url) else None

    def status(self) -> Status:
        """Return what is known of the token."""
        return status_of(self._account.token(None))

    def look(self) -> tuple[Status, FreshkeyError | None]:
        """Return what is kept, as it is, and why its last renewal failed. Unlike `status` this never asks for another token."""
        handed, error = self._account.kept()
        return status_of(handed), error

    def __enter__(self) -> Session:
        """Make this the session that `freshkey.token` asks."""
        _entered.set((*_entered.get(), self))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Leave the block."""
        _entered.set(_entered.get()[:-1])

    def __repr__(self) -> str:
        """Return its profile's name, as it was given."""
        return f"freshkey.Session({self._profile!r})"

    def __eq__(self, other: object) -> bool:
        """Tell whether it is the same account, asked for in the same way."""
        return isinstance(other, Session) and self._key() == other._key()

    def __hash__(self) -> int:
        """Hash what it is made of."""
        return hash(self._key())

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle what it is made of: another process asks for a token of its own, of the same account whatever is the default there."""
        return _remade, (self._account.known_profile() or self._profile, self._origins, self._agent)

    def _key(self) -> tuple[str | None, tuple[str, ...], bool]:
        return self._profile, self._origins, self._agent


def _remade(profile: str | None, origins: tuple[str, ...], agent: bool) -> Session:
    return Session(profile, origins=origins, agent=agent)


_default: Session | None = None


def current() -> Session:
    """Return the session of this ``with`` block, or else the notebook's, or else one of the default profile."""
    entered = _entered.get()
    if entered:
        return entered[-1]
    return _default or Session()


def set_default(session: Session | None) -> None:
    """Choose the session that `current` returns outside of any ``with`` block: the notebook's own."""
    global _default
    _default = session


def bearer(token: str) -> Token:
    """Return the value of an ``Authorization`` header, which does not show itself either."""
    return Token(f"Bearer {token}")


def status_of(handed: Handed) -> Status:
    """Return what is known of a token that was handed out."""
    return Status(
        profile=handed.profile,
        issuer=handed.issuer,
        client_id=handed.client_id,
        subject=handed.subject,
        kind=handed.kind,
        expires_at=handed.expires_at,
        seconds_left=handed.expires_in,
        lifetime=handed.lifetime,
    )


def _text(handed: Handed) -> Token:
    if handed.warning is not None:
        _log.warning("%s: %s", handed.profile, handed.warning)
    return Token(handed.token)


async def _handed_later(begin: Callable[[Callable[[Handed | None, BaseException | None], None]], None]) -> Handed:
    """Wait in this loop for what another thread will tell. A caller that is cancelled meanwhile is told nothing."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Handed] = loop.create_future()

    def settle(handed: Handed | None, error: BaseException | None) -> None:
        if future.done():
            return
        if handed is not None:
            future.set_result(handed)
        elif error is not None:
            future.set_exception(error)

    begin(lambda handed, error: _tell(loop, settle, handed, error))
    return await future


def _tell(
    loop: asyncio.AbstractEventLoop,
    settle: Callable[[Handed | None, BaseException | None], None],
    handed: Handed | None,
    error: BaseException | None,
) -> None:
    # A loop that was closed meanwhile has nobody who waits.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(settle, handed, error)
