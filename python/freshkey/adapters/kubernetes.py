"""The Kubernetes client: a fresh token for each request, by the hook that the client has for it.

>>> from kubernetes import client
>>> from freshkey.adapters.kubernetes import configure
>>> configuration = client.Configuration(host="https://kube.example.org")
>>> with client.ApiClient(configure(configuration)) as api:  # doctest: +SKIP
...     client.CoreV1Api(api).list_namespace()
"""

from __future__ import annotations

from typing import Any, TypeVar

from freshkey.adapters._base import authorization, chosen
from freshkey.session import Session

_C = TypeVar("_C")
# The second name is that of later releases, which know both.
_NAMES = ("authorization", "BearerToken")


class RefreshHook:
    """What the client calls before each request. It is copied and pickled with a configuration, and holds no token."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def __call__(self, configuration: Any) -> None:
        """Put a fresh token where the client looks for it."""
        header = authorization(self._session, configuration.host)
        for name in _NAMES:
            configuration.api_key[name] = header
            configuration.api_key_prefix.pop(name, None)


def configure(configuration: _C, session: Session | None = None) -> _C:
    """Let a configuration, whose ``host`` is known, ask for tokens. Returns it."""
    host: str = configuration.host  # type: ignore[attr-defined]
    hook = RefreshHook(chosen(session, [host]))
    # The client looks for a key before it calls the hook.
    hook(configuration)
    configuration.refresh_api_key_hook = hook  # type: ignore[attr-defined]
    return configuration
