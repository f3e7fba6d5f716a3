"""``%load_ext freshkey``: what is loaded, how it is configured, and what happens around a cell.

No hook here raises, runs a cell again, or holds one up for longer than `_PATIENCE` (T-083): all waiting is the renewer's.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from getpass import getpass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from traitlets import Bool, Enum, List, Unicode
from traitlets.config import Configurable

from freshkey import session as sessions
from freshkey._native import Account, Handed, PendingSignIn, TokenFile, sign_in_from_file, sign_in_with_secret
from freshkey.errors import FreshkeyError, ProfileUnusable, SignInNeeded
from freshkey.ipython.blame import Refusal, refusal_in
from freshkey.ipython.magics import REFRESHED, FreshkeyMagics, SignInWish
from freshkey.ipython.masking import Masker
from freshkey.ipython.publishing import PLATFORM_VARIABLES, Publisher, is_platform_s3
from freshkey.ipython.renewer import Renewer
from freshkey.session import Session, Status

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionResult, InteractiveShell

# Seconds that a hook waits at most. Together with what it does itself it stays below the 200 ms of T-083.
_PATIENCE = 0.15
# The same while the extension is loaded, which may be at the start of every kernel.
_PATIENCE_AT_LOAD = 2.0
# Seconds until the next look after one that brought nothing.
_PAUSE_AFTER_FAILURE = 2.0

_loaded: WeakKeyDictionary[InteractiveShell, Freshkey] = WeakKeyDictionary()


def load(shell: InteractiveShell) -> None:
    """Begin, unless it has begun."""
    if shell not in _loaded:
        _loaded[shell] = Freshkey(shell)


def unload(shell: InteractiveShell) -> None:
    """End, and leave everything as it was."""
    extension = _loaded.pop(shell, None)
    if extension is not None:
        extension.end()


class Freshkey(Configurable):
    """Keeps the token of a notebook fresh. ``%config Freshkey`` shows the settings."""

    profile = Unicode("", help="The profile; by default that of FRESHKEY_PROFILE, or else the default one. Read at %load_ext.").tag(config=True)
    hooks = Bool(True, help="Look before each cell, renew during long ones, and explain failures. Read at %load_ext.").tag(config=True)
    variables = List(Unicode(), list(PLATFORM_VARIABLES), help="The variables that hold the token. Read at %load_ext.").tag(config=True)
    s3 = Enum(
        ["auto", "always", "never"],
        "auto",
        help="Whether AWS_ACCESS_KEY_ID and its companions hold the token too. `auto`: where AWS_SECRET_ACCESS_KEY is `s3` already, as on the "
        "platform. Read at %load_ext.",
    ).tag(config=True)
    token_file = Unicode("", help="A file that holds the token too, by its absolute path; by default none. Read at %load_ext.").tag(config=True)
    mask = Bool(True, help="Mask the token in whatever the kernel sends. Read at %load_ext.").tag(config=True)

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(parent=shell)
        self._shell = shell
        self._masker = Masker()
        self._failure: FreshkeyError | None = None
        # What the last cell failed of, until the renewer has looked at it.
        self._refusal: Refusal | None = None
        # A token that the renewer may not put there by itself (see `Publisher.publish`): the thread of the cells does it.
        self._left_to_cells: Handed | None = None
        self._lock = threading.Lock()
        self._session = Session(self.profile or None)
        self._magics = FreshkeyMagics(shell, self)
        self._publisher = Publisher()
        self._renewer: Renewer | None = None
        self._begin()

    def _begin(self) -> None:
        shell: Any = self._shell
        sessions.set_default(self._session)
        if self.mask:
            self._masker.attach(getattr(shell, "kernel", None))
        shell.register_magics(self._magics)
        shell.configurables.append(self)
        try:
            token_file = TokenFile(self.token_file) if self.token_file else None
            s3 = self.s3 == "always" or (self.s3 == "auto" and is_platform_s3())
            self._publisher = Publisher(self.variables, s3=s3, token_file=token_file)
            self._publish(self._session._account.to_publish(_PATIENCE_AT_LOAD), at_wish=True)
        except FreshkeyError as failure:
            _say(_line("No token yet", failure))
        if self.hooks:
            self._renewer = Renewer(self._look)
            self._renewer.start()
            shell.events.register("pre_run_cell", self._before_cell)
            shell.events.register("post_run_cell", self._after_cell)

    def end(self) -> None:
        """Leave everything as it was before."""
        shell: Any = self._shell
        if self._renewer is not None:
            self._renewer.stop()
            shell.events.unregister("pre_run_cell", self._before_cell)
            shell.events.unregister("post_run_cell", self._after_cell)
        with self._lock:
            self._publisher.restore()
            self._publisher = Publisher(())
        for name in self._magics.magics["line"]:
            shell.magics_manager.magics["line"].pop(name, None)
        if self in shell.configurables:
            shell.configurables.remove(self)
        self._masker.detach()
        sessions.set_default(None)

    # What the magics do.

    def update(self) -> str:
        """Refresh now, and say whether everybody has the new token (T-085)."""
        try:
            handed = self._session._account.renew(None)
            self._publish(handed, at_wish=True)
        except FreshkeyError as failure:
            return _line("Token not refreshed", failure)
        if not self._publisher.holds(handed):
            return "Token not refreshed: something else keeps changing the variables or the file. To cure it: see `%config Freshkey.variables`"
        if not handed.is_as_fresh_as_can_be:
            cause = f"the provider's new token lives {handed.expires_in} s, of {handed.lifetime} s"
            return f"Token not refreshed: {cause}. To cure it: %token login"
        return REFRESHED

    def describe(self) -> str:
        """Say who, through which client, for how long and by what; never the token."""
        try:
            status = self._session.status()
        except FreshkeyError as failure:
            return _line("No token", failure)
        who = status.subject or "somebody"
        return f"{who} at {status.issuer} through {status.client_id}: {_left(status)} left (kind: {status.kind}, profile: {status.profile})"

    def sign_in(self, wish: SignInWish) -> str:
        """Sign in, in whichever way was wished for, and use that account from now on."""
        account = self._session._account
        try:
            if wish.from_token_file is not None:
                profile = sign_in_from_file(account, wish.from_token_file, name=wish.profile)
                told = f"The tokens come from {wish.from_token_file}, which is kept fresh by others; the profile is {profile}."
            else:
                profile, who = _with_link(account, wish) if wish.username is None is wish.refresh_token_file else _with_secret(account, wish)
                told = f"Signed in as {who or 'somebody'}; the profile is {profile}."
            self._session = Session(profile)
            sessions.set_default(self._session)
            self._publish(self._session._account.to_publish(), at_wish=True)
        except FreshkeyError as failure:
            again = "%token login" if wish.username is None else "check both; an account with one-time codes needs --one-time-code, too"
            return _line("Not signed in", failure, sign_in_cure=again)
        return told

    # What happens around a cell.

    def _before_cell(self, _info: object) -> None:
        if self._renewer is None:
            return
        self._renewer.look_now(_PATIENCE)
        self._publish_what_is_left()

    def _publish_what_is_left(self) -> None:
        handed, self._left_to_cells = self._left_to_cells, None
        if handed is not None:
            with contextlib.suppress(FreshkeyError):
                self._publish(handed, at_wish=True)

    def _after_cell(self, result: ExecutionResult) -> None:
        error = result.error_in_exec
        if self._renewer is None or not isinstance(error, Exception) or isinstance(error, FreshkeyError):
            return
        refusal = refusal_in(error)
        if refusal is None:
            return
        self._refusal = refusal
        has_looked = self._renewer.look_now(_PATIENCE)
        self._publish_what_is_left()
        if not has_looked:
            _say("freshkey: this cell failed of a token that had expired or was refused. A new one is on its way: run the cell again in a moment.")
        elif self._failure is None:
            _say("freshkey: this cell failed of a token that had expired or was refused. It has been renewed: run the cell again.")
        else:
            _say(_line("freshkey: this cell failed of a token that had expired or was refused, and there is no new one", self._failure))

    def _look(self) -> float:
        refusal, self._refusal = self._refusal, None
        account = self._session._account
        try:
            handed = account.to_publish() if refusal is None else account.renew(refusal.rejected or self._publisher.published())
            self._publish(handed, at_wish=False)
            if refusal is not None or not self._publisher.has_published:
                self._left_to_cells = handed
        except FreshkeyError as failure:
            self._failure = failure
        except Exception as error:
            self._failure = FreshkeyError(f"the token could not be looked after: {type(error).__name__}")
        else:
            self._failure = None
            return float(handed.looks_again_in)
        return _PAUSE_AFTER_FAILURE

    def _publish(self, handed: Handed, *, at_wish: bool) -> None:
        self._masker.learn(handed.token)
        with self._lock:
            self._publisher.publish(handed, at_wish=at_wish)


def _with_link(account: Account, wish: SignInWish) -> tuple[str, str | None]:
    """Show a link, which can be opened in any browser on any machine where the provider offers that, and wait."""
    pending = PendingSignIn(
        account,
        name=wish.profile,
        issuer=wish.issuer,
        client_id=wish.client_id,
        scope=wish.scope,
        ca_file=wish.ca_file,
        client_secret_file=wish.client_secret_file,
    )
    if pending.code is None:
        _say(f"Open this address in a browser of the machine that this kernel runs on:\n{pending.address}")
    else:
        _say(f"Open {pending.address} in any browser, and enter the code {pending.code}")
        if pending.address_with_code is not None:
            _say(f"or open {pending.address_with_code}")
    who, warning = pending.finish()
    _warn(warning)
    return pending.profile, who


def _with_secret(account: Account, wish: SignInWish) -> tuple[str, str | None]:
    password = None if wish.username is None else (wish.username, getpass(f"Password of {wish.username}: "))
    one_time_code = getpass("One-time code: ") if wish.one_time_code else None
    profile, who, warning = sign_in_with_secret(
        account,
        name=wish.profile,
        issuer=wish.issuer,
        client_id=wish.client_id,
        scope=wish.scope,
        ca_file=wish.ca_file,
        client_secret_file=wish.client_secret_file,
        password=password,
        one_time_code=one_time_code,
        refresh_token_file=wish.refresh_token_file,
    )
    _warn(warning)
    return profile, who


def _warn(warning: str | None) -> None:
    if warning is not None:
        _say(f"warning: {warning}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def _line(what: str, failure: FreshkeyError, *, sign_in_cure: str = "%token login") -> str:
    """Return one line with the cause, and the cure in a notebook's own words."""
    cure = failure.cure or "try again; `freshkey doctor` in a terminal says more"
    if isinstance(failure, SignInNeeded):
        cure = sign_in_cure
    elif isinstance(failure, ProfileUnusable) and "login" in cure:
        cure = "%token login --issuer URL --client-id ID"
    return " ".join(f"{what}: {failure.cause}. To cure it: {cure}".split())


def _left(status: Status) -> str:
    if status.minutes_left >= 1:
        return f"{status.minutes_left} minute{'s' if status.minutes_left > 1 else ''}"
    return f"{status.seconds_left} seconds"
