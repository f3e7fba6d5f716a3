"""Tokens that stay fresh, in notebooks and programs.

``freshkey.token()`` is the whole of it. ``freshkey.Session`` is the same for one account and for requests; ``%load_ext freshkey`` is for notebooks.
Nothing here decides anything about a token: Freshkey's client does, which the module ``freshkey._native`` carries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from freshkey._native import __version__
from freshkey.errors import (
    AgentUnavailable,
    FreshkeyError,
    KeyUnavailable,
    ProfileUnusable,
    ProviderStrange,
    ProviderUnavailable,
    ProviderUntrusted,
    RequestRefused,
    SignInNeeded,
)
from freshkey.session import Session, Status, current
from freshkey.text import Token

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = [
    "AgentUnavailable",
    "FreshkeyError",
    "KeyUnavailable",
    "ProfileUnusable",
    "ProviderStrange",
    "ProviderUnavailable",
    "ProviderUntrusted",
    "RequestRefused",
    "Session",
    "SignInNeeded",
    "Status",
    "Token",
    "__version__",
    "current",
    "load_ipython_extension",
    "token",
    "token_async",
    "unload_ipython_extension",
]


def token(profile: str | None = None, *, min_ttl: float | None = None) -> str:
    """Return a token with `min_ttl` seconds to live, or as many as is usual (two minutes, or a fifth of a shorter life).

    Without a profile it is that of the session whose ``with`` block this is called in, or else the default one.
    """
    return _session(profile).token(min_ttl)


async def token_async(profile: str | None = None, *, min_ttl: float | None = None) -> str:
    """Return the same as `token`, without holding up the loop."""
    return await _session(profile).token_async(min_ttl)


def _session(profile: str | None) -> Session:
    return current() if profile is None else Session(profile)


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """``%load_ext freshkey``."""
    from freshkey.ipython import extension

    extension.load(ipython)


def unload_ipython_extension(ipython: InteractiveShell) -> None:
    """``%unload_ext freshkey``."""
    from freshkey.ipython import extension

    extension.unload(ipython)
