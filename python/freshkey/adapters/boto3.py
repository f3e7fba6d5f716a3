"""boto3: sessions whose clients never see their credentials end.

For the platform's S3 proxy, which takes a token as access key:

>>> from freshkey.adapters.boto3 import proxy_session
>>> proxy = "https://s3.example.org"
>>> s3 = proxy_session(proxy).client("s3", endpoint_url=proxy)
>>> s3.list_buckets()  # doctest: +SKIP

For AWS, and for stores that have its token service, where a token is changed for credentials of a role:

>>> from freshkey.adapters.boto3 import role_session
>>> aws = role_session("arn:aws:iam::123456789012:role/science", "https://sts.eu-west-1.amazonaws.com")
>>> aws.client("s3", region_name="eu-west-1").list_buckets()  # doctest: +SKIP
"""

from __future__ import annotations

from functools import partial
from typing import Any

import boto3
import botocore.session
from botocore.credentials import AssumeRoleWithWebIdentityCredentialFetcher, DeferredRefreshableCredentials

from freshkey.adapters._base import chosen, token_and_expiry
from freshkey.adapters.botocore import SECRET_OF_THE_PROXY, as_credentials, guard
from freshkey.session import Session


def proxy_session(endpoint: str, session: Session | None = None, *, secret: str = SECRET_OF_THE_PROXY) -> boto3.Session:
    """Return a session of boto3 for the S3 proxy at `endpoint`: the access key is a fresh token. Its clients sign requests to that address only."""
    account = chosen(session, [endpoint])
    core = botocore.session.get_session()
    guard(core, account)
    core._credentials = DeferredRefreshableCredentials(lambda: as_credentials(*token_and_expiry(account), secret), "freshkey")
    return boto3.Session(botocore_session=core)


def role_session(role_arn: str, sts_endpoint: str, session: Session | None = None, **assume_role: Any) -> boto3.Session:
    """Return a session of boto3 with the credentials of a role, for which `sts_endpoint` is shown a fresh token (AssumeRoleWithWebIdentity).

    `assume_role` has further parameters of that call, such as ``RoleSessionName`` and ``DurationSeconds``.
    """
    account = chosen(session, [sts_endpoint])
    core = botocore.session.get_session()
    # Any region does: the address of the service is given.
    create_client = partial(core.create_client, endpoint_url=sts_endpoint, region_name=core.get_config_variable("region") or "us-east-1")
    wish = {"RoleSessionName": "freshkey", **assume_role}
    fetcher = AssumeRoleWithWebIdentityCredentialFetcher(create_client, account.token, role_arn, extra_args=wish)
    core._credentials = DeferredRefreshableCredentials(fetcher.fetch_credentials, "freshkey")
    return boto3.Session(botocore_session=core)
