"""Kubeflow Pipelines: ``credentials=FreshkeyCredentials(...)`` instead of ``existing_token``, which is dead after its few minutes.

>>> import kfp
>>> from freshkey.adapters.kfp import FreshkeyCredentials
>>> host = "https://kubeflow.example.org/pipeline"
>>> kfp.Client(host=host, credentials=FreshkeyCredentials(origins=[host]))  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kfp.client.token_credentials_base import TokenCredentialsBase

from freshkey.adapters._base import chosen
from freshkey.adapters.kubernetes import RefreshHook
from freshkey.session import Session


class FreshkeyCredentials(TokenCredentialsBase):
    """A fresh token for each request."""

    def __init__(self, session: Session | None = None, *, origins: Iterable[str] = ()) -> None:
        self._hook = RefreshHook(chosen(session, origins))

    def refresh_api_key_hook(self, config: Any) -> None:
        """Put a fresh token where the client looks for it."""
        self._hook(config)
