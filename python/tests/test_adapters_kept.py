"""What an adapter and its library keep after a request: nothing that shows a token, and nothing that takes one along (T-084)."""

from __future__ import annotations

import gc
import pickle
import types
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from at_home import at_home
from recorder import Answer, Arrived, Recorder
from test_adapters_refused import SENDERS
from testbed import Quickstart
from wires import WIRES

import freshkey
from freshkey.adapters.aiohttp import FreshkeyMiddleware
from freshkey.adapters.boto3 import proxy_session
from freshkey.adapters.confluent_kafka import OauthCallback
from freshkey.adapters.grpc import FreshkeyPlugin
from freshkey.adapters.httpx import FreshkeyAuth as HttpxAuth
from freshkey.adapters.kafka import FreshkeyTokenProvider
from freshkey.adapters.kfp import FreshkeyCredentials
from freshkey.adapters.kubernetes import configure
from freshkey.adapters.pyiceberg import FreshkeyAuthManager
from freshkey.adapters.pyspark import FreshkeyChannelBuilder
from freshkey.adapters.requests import FreshkeyAuth as RequestsAuth
from freshkey.adapters.s3fs import FreshkeyS3FileSystem
from freshkey.adapters.trino import FreshkeyAuthentication

# What leads to the whole of the process, and to nothing that one request has left.
_ELSEWHERE = (type, types.ModuleType, types.FrameType, types.CodeType, types.BuiltinFunctionType)
# The connection's end of an answer of httpx: shown by its address only, and not pickled.
_CONNECTION = ("BoundSyncStream", "BoundAsyncStream")


@pytest.fixture(scope="module", autouse=True)
def account(quickstart: Quickstart) -> Iterator[freshkey.Session]:
    """Yield a session of somebody who is signed in for all of these tests."""
    with at_home() as home:
        home.sign_in(quickstart)
        yield freshkey.Session()


def _readable(thing: object, token: str, besides: object) -> list[str]:
    """Return the kinds of everything that can be reached from here and holds the token as plain text, with the way to it."""
    seen = {id(besides)}
    found = []
    waiting: list[tuple[object, tuple[str, ...]]] = [(thing, ())]
    while waiting:
        thing, way = waiting.pop()
        if id(thing) in seen or isinstance(thing, _ELSEWHERE) or (isinstance(thing, dict) and "__builtins__" in thing):
            continue
        if type(thing).__name__ in _CONNECTION:
            continue
        seen.add(id(thing))
        if isinstance(thing, (bytes, bytearray)) and token.encode() in thing:
            found.append(" > ".join((*way, type(thing).__name__)))
        if isinstance(thing, str) and token in thing and not isinstance(thing, freshkey.Token):
            found.append(" > ".join((*way, type(thing).__name__)))
        if len(way) < 25:
            waiting += [(referent, (*way, type(thing).__name__)) for referent in gc.get_referents(thing)]
    return found


@pytest.mark.parametrize("name", WIRES)
def test_t_084_what_a_library_keeps_after_a_request_shows_no_token(name: str) -> None:
    wire = WIRES[name]()
    wire.call()
    token = wire.server.tokens[-1][0]
    try:
        assert _readable(wire.call, token, wire.server) == []
    finally:
        wire.close()


@pytest.mark.parametrize("refused", ["refused at first", "taken"])
@pytest.mark.parametrize("name", SENDERS)
def test_t_084_an_answer_that_is_kept_shows_no_token(name: str, refused: str, account: freshkey.Session) -> None:
    kept: list[Any] = []
    rejected = account.token() if refused == "refused at first" else "none"

    def moved(arrived: Arrived) -> Answer:
        if arrived.token == rejected:
            return Answer(status=401)
        return Answer() if arrived.path == "/there" else Answer(status=307, headers={"Location": "/there"})

    with Recorder(moved) as server:
        assert SENDERS[name](f"{server.origin}/here", [server.origin], kept=kept) == 200
        assert len(server.arrived) == (2 if rejected == "none" else 3)
    (answer,) = kept
    for token in (rejected, account.token()):
        assert _readable(answer, token, None) == []
        assert token not in repr(answer) + repr(getattr(answer, "__dict__", "")) + repr(getattr(answer, "request_info", ""))
        try:
            pickled = pickle.dumps(answer)
        except TypeError:
            # requests pickles the request with its headers, which a token refuses; the others leave sockets and loops in an answer.
            continue
        assert token.encode() not in pickled


@pytest.mark.parametrize("name", SENDERS)
def test_t_084_the_error_of_a_request_without_an_answer_shows_no_token(name: str, account: freshkey.Session) -> None:
    with Recorder() as server:
        nobody = server.origin
    with pytest.raises(Exception, match=r"(?i)connect|refused|retries") as failed:
        SENDERS[name](nobody, [nobody])
    assert _readable(failed.value, account.token(), None) == []


HOST = "https://api.example.org"
KEPT: dict[str, Callable[[], Any]] = {
    "aiohttp": lambda: FreshkeyMiddleware(origins=HOST),
    "confluent-kafka": OauthCallback,
    "grpc": lambda: FreshkeyPlugin(origins=[HOST]),
    "httpx": lambda: HttpxAuth(origins=[HOST]),
    "kafka-python": FreshkeyTokenProvider,
    "kfp": lambda: FreshkeyCredentials(origins=[HOST]),
    "pyiceberg": lambda: FreshkeyAuthManager(HOST, "ua"),
    "pyspark": lambda: FreshkeyChannelBuilder("sc://api.example.org:443"),
    "requests": lambda: RequestsAuth(origins=[HOST]),
    "s3fs": lambda: FreshkeyS3FileSystem(HOST),
    "trino": lambda: FreshkeyAuthentication(origins=[HOST]),
}


@pytest.mark.parametrize("name", KEPT)
def test_t_084_a_job_takes_the_account_along_and_no_token(name: str, account: freshkey.Session) -> None:
    adapter = KEPT[name]()
    token = account.token()
    pickled = pickle.dumps(adapter)
    assert token.encode() not in pickled
    again = pickle.loads(pickled)
    assert type(again) is type(adapter)
    for shown in (repr(adapter), repr(vars(adapter)), repr(vars(again))):
        assert token not in shown


def test_t_084_a_configuration_of_kubernetes_shows_no_token_and_is_not_pickled_with_one(account: freshkey.Session) -> None:
    from kubernetes import client

    configuration = configure(client.Configuration(host=HOST))
    assert account.token() not in repr(vars(configuration))
    with pytest.raises(TypeError, match="token"):
        pickle.dumps(configuration.api_key)


def test_t_084_credentials_of_aws_show_no_token(account: freshkey.Session) -> None:
    session = proxy_session(HOST)
    credentials = session.get_credentials()
    assert credentials.get_frozen_credentials().access_key == account.token()
    for shown in (repr(credentials), repr(vars(credentials)), repr(credentials.get_frozen_credentials()), repr(vars(session))):
        assert account.token() not in shown
