"""A user for as long as a block lasts, where a fixture of each test would be one too many."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from testbed import Home

# What of the machine's own settings a library would find.
_OWN_SETTINGS = (
    "AWS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "EZUA_DOMAIN_CA_CERT_PATH",
    "FRESHKEY_PROFILE",
    "MLFLOW_TRACKING_TOKEN",
    "REQUESTS_CA_BUNDLE",
    "XDG_CONFIG_HOME",
    "XDG_STATE_HOME",
)


@contextmanager
def at_home() -> Iterator[Home]:
    """Let this process work for a user, whom nobody has signed in."""
    home = Home()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in home.variables.items():
            patch.setenv(name, value)
        for name in _OWN_SETTINGS:
            patch.delenv(name, raising=False)
        yield home
    home.remove()
