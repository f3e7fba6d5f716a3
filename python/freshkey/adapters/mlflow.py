"""MLflow: with ``MLFLOW_TRACKING_AUTH=freshkey`` each of its requests asks for a token, however long a run lasts. Nothing is imported by hand.

>>> import os
>>> os.environ["MLFLOW_TRACKING_AUTH"] = "freshkey"
>>> os.environ["MLFLOW_TRACKING_URI"] = "https://mlflow.example.org"
>>> import mlflow
>>> mlflow.log_metric("loss", 0.1)  # doctest: +SKIP

The account is that of ``FRESHKEY_PROFILE`` or else the default one, and inside a ``with freshkey.Session(...)`` that one. Neither
``MLFLOW_TRACKING_TOKEN`` nor ``MLFLOW_TRACKING_USERNAME`` may be set: MLflow would send those.
"""

from __future__ import annotations

import os

import mlflow
from mlflow.tracking.request_auth.abstract_request_auth_provider import RequestAuthProvider

from freshkey.adapters._base import chosen
from freshkey.adapters.requests import FreshkeyAuth


class FreshkeyRequestAuthProvider(RequestAuthProvider):
    """What MLflow finds under the name ``freshkey``."""

    def get_name(self) -> str:
        """Return the value of ``MLFLOW_TRACKING_AUTH`` that chooses this."""
        return "freshkey"

    def get_auth(self) -> FreshkeyAuth:
        """Return what adds a token to a request. MLflow asks for each; its servers are those that it was told of."""
        # MLflow's own question for its registry may ask a session of Spark; what was set by hand is in the variable too.
        servers = {mlflow.get_tracking_uri(), os.environ.get("MLFLOW_REGISTRY_URI", "")}
        return FreshkeyAuth(chosen(None, [server for server in servers if server.startswith(("https://", "http://"))]))
