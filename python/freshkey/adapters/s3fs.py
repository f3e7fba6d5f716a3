"""s3fs: a file system on the platform's S3 proxy, which takes a token as access key. pandas, Dask and PyArrow read through it.

>>> from freshkey.adapters.s3fs import FreshkeyS3FileSystem
>>> files = FreshkeyS3FileSystem("https://s3.example.org")
>>> files.ls("science")  # doctest: +SKIP
"""

from __future__ import annotations

from typing import Any

from aiobotocore.credentials import AioDeferredRefreshableCredentials
from aiobotocore.session import AioSession
from s3fs import S3FileSystem

from freshkey.adapters._base import chosen, token_and_expiry_async
from freshkey.adapters.botocore import SECRET_OF_THE_PROXY, as_credentials, guard
from freshkey.session import Session


class FreshkeyS3FileSystem(S3FileSystem):
    """A file system whose access key is a fresh token. It is pickled by its address and its account, and signs requests to that address only."""

    # Instances are not shared by their arguments: what the default account is depends on who asks (T-081).
    cachable = False

    def __init__(self, endpoint_url: str, account: Session | None = None, *, secret: str = SECRET_OF_THE_PROXY, **options: Any) -> None:
        super().__init__(endpoint_url=endpoint_url, session=_proxy_session(endpoint_url, account, secret), **options)


def _proxy_session(endpoint: str, session: Session | None, secret: str) -> AioSession:
    account = chosen(session, [endpoint])
    core = AioSession()
    guard(core, account)

    async def renewed() -> dict[str, Any]:
        return as_credentials(*await token_and_expiry_async(account), secret)

    core._credentials = AioDeferredRefreshableCredentials(renewed, "freshkey")
    return core
