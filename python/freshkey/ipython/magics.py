"""What can be typed: ``%update_token`` and ``%token``."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import dataclass
from typing import NoReturn, Protocol

from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from IPython.core.magic import Magics, line_magic, magics_class

REFRESHED = "Token successfully refreshed."


@dataclass(frozen=True)
class SignInWish:
    """How somebody wants to sign in."""

    profile: str | None = None
    issuer: str | None = None
    client_id: str | None = None
    scope: str | None = None
    ca_file: str | None = None
    client_secret_file: str | None = None
    username: str | None = None
    """With a password, which is asked for."""
    one_time_code: bool = False
    """With a one-time code beside the password, which is asked for, too."""
    refresh_token_file: str | None = None
    from_token_file: str | None = None


class Does(Protocol):
    """What the magics do is the extension's. Each answer is the line that tells how it went."""

    def update(self) -> str:
        """Refresh and publish."""

    def describe(self) -> str:
        """Tell what is known of the token."""

    def sign_in(self, wish: SignInWish) -> str:
        """Sign in."""


@magics_class
class FreshkeyMagics(Magics):
    """The magics of ``freshkey``."""

    def __init__(self, shell: InteractiveShell, does: Does) -> None:
        super().__init__(shell)
        self._does = does

    @line_magic
    def update_token(self, line: str) -> None:
        """Refresh the token now, and publish it."""
        if line.strip():
            raise UsageError("%update_token takes no arguments")
        print(self._does.update())  # noqa: T201

    @line_magic
    def token(self, line: str) -> None:
        """Show who is signed in and how long the token lives. ``%token login`` signs in; ``%token login --help`` says how."""
        words = shlex.split(line)
        if not words:
            print(self._does.describe())  # noqa: T201
            return
        if words[0] != "login":
            raise UsageError("%token shows the token's state; %token login signs in")
        parser = _login_parser()
        try:
            wish = parser.parse_args(words[1:])
        except _HelpShown:
            return
        if wish.one_time_code and wish.username is None:
            parser.error("--one-time-code goes with --username NAME")
        print(self._does.sign_in(SignInWish(**vars(wish))))  # noqa: T201


class _HelpShown(Exception):
    """The help was printed, and nothing is to be done."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(f"%token login: {message}")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        raise _HelpShown


def _login_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="%token login", description="Sign in, by default with a link that any browser can open.", allow_abbrev=False)
    parser.add_argument("profile", nargs="?", help="the profile; by default the last part of the issuer's address")
    parser.add_argument("--issuer", metavar="URL", help="the provider, as it names itself")
    parser.add_argument("--client-id", metavar="ID", help="the client to sign in through")
    parser.add_argument("--scope", metavar="NAMES", help="what to ask for")
    ca = "the authorities to trust for this provider; by default those of EZUA_DOMAIN_CA_CERT_PATH"
    parser.add_argument("--ca", dest="ca_file", metavar="FILE", help=ca)
    parser.add_argument("--client-secret-file", metavar="FILE", help="the file with the client's secret")
    code = "give a one-time code with the password, which is asked for, too"
    parser.add_argument("--one-time-code", action="store_true", help=code)
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--username", metavar="NAME", help="sign in with this name and a password, which is asked for")
    way.add_argument("--refresh-token-file", metavar="FILE", help="sign in with a refresh token from this file")
    way.add_argument("--from-token-file", metavar="FILE", help="take the tokens from this file, which somebody else keeps fresh")
    return parser
