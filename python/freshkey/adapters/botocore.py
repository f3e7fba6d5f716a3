"""What boto3 and s3fs share: credentials that are renewed before they end, and are kept from addresses that must not have them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from freshkey.adapters._base import insist
from freshkey.session import Session

# The proxy looks at the access key only.
SECRET_OF_THE_PROXY = "s3"  # noqa: S105


def as_credentials(token: str, expires_at: int, secret: str) -> dict[str, Any]:
    """Return what botocore keeps until it ends: the token is the access key, as the platform's S3 proxy wants it."""
    ends = datetime.fromtimestamp(expires_at, tz=timezone.utc).isoformat()
    return {"access_key": token, "secret_key": secret, "token": None, "expiry_time": ends}


def guard(core: Any, session: Session) -> None:
    """Let a session of botocore sign nothing that goes elsewhere, as a redirect of S3 to another region would."""

    def insist_on_address(request: Any, **_: object) -> None:
        insist(session, request.url)

    core.register("before-sign", insist_on_address)
