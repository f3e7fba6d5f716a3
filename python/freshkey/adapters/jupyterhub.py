"""JupyterHub: who is signed in at the hub has a fresh token in each server that is started, and signs in again once the provider wants that.

In ``jupyterhub_config.py``, with an authenticator that keeps the provider's tokens in ``auth_state``, such as those of oauthenticator:

>>> from freshkey.adapters.jupyterhub import FreshTokens
>>> from oauthenticator.generic import GenericOAuthenticator  # doctest: +SKIP
>>> class Authenticator(FreshTokens, GenericOAuthenticator):  # doctest: +SKIP
...     pass
>>> c.JupyterHub.authenticator_class = Authenticator  # doctest: +SKIP
>>> c.Authenticator.enable_auth_state = True  # doctest: +SKIP
>>> c.Authenticator.auth_refresh_age = 60  # doctest: +SKIP
>>> c.Authenticator.refresh_pre_spawn = True  # doctest: +SKIP

and each user has a profile of the hub's Freshkey (`profile_of`), which is signed in with the refresh token of the user's sign-in at the hub:
``freshkey login hub-ann --issuer … --client-id … --refresh-token-file -``.
"""

from __future__ import annotations

import hashlib
import inspect
import re
from typing import Any

from freshkey.errors import FreshkeyError, ProfileUnusable, SignInNeeded
from freshkey.session import Session
from freshkey.text import Token

_PLAIN = re.compile(r"[a-z0-9._-]{1,48}", re.ASCII)


def profile_of(username: str) -> str:
    """Return the name of a user's profile: no two users have the same (T-081)."""
    if _PLAIN.fullmatch(username):
        return f"hub-{username}"
    # Other than any above by its fourth letter.
    return f"hubuser-{hashlib.sha256(username.encode()).hexdigest()[:48]}"


class FreshTokens:
    """Stands before an authenticator of JupyterHub: ``class Authenticator(FreshTokens, GenericOAuthenticator)``."""

    log: Any

    async def refresh_user(self, user: Any, handler: Any = None) -> bool | dict[str, Any]:
        """Put a fresh token into the user's ``auth_state``. Who is signed out has to sign in again; nobody has to because the provider is away."""
        try:
            token = await Session(profile_of(user.name)).token_async()
        except (SignInNeeded, ProfileUnusable) as error:
            self.log.info("%s has to sign in again: %s", user.name, error)
            return False
        except FreshkeyError as error:
            self.log.warning("%s keeps the token that there was: %s", user.name, error)
            return True
        return {"auth_state": {**(await user.get_auth_state() or {}), "access_token": token}}

    async def pre_spawn_start(self, user: Any, spawner: Any) -> None:
        """Give a server that is started the token, as ``AUTH_TOKEN``."""
        others = super().pre_spawn_start(user, spawner)  # type: ignore[misc]
        if inspect.isawaitable(others):
            await others
        state = await user.get_auth_state() or {}
        if "access_token" in state:
            spawner.environment["AUTH_TOKEN"] = Token(state["access_token"])
