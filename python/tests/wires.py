"""Every adapter at work: the real library on one end of a wire, and on the other something that writes down the tokens that arrive."""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import time
from collections.abc import Callable
from typing import Any, Protocol

from recorder import Answer, Arrived, Recorder

Tokens = list[tuple[str, float]]


class Server(Protocol):
    """What writes down the tokens."""

    @property
    def tokens(self) -> Tokens: ...

    def close(self) -> None: ...


class Wire:
    """One adapter, which has been set up once: `call` sends a request."""

    def __init__(
        self, server: Server, call: Callable[[], object], end: Callable[[], object] = lambda: None, idle: Callable[[], object] = lambda: None
    ) -> None:
        self.server, self.call, self._end = server, call, end
        # What a program that uses the library does while it has nothing to send.
        self.idle = idle

    def close(self) -> None:
        """End the library's end first."""
        self._end()
        self.server.close()


def _requests() -> Wire:
    import requests

    from freshkey.adapters.requests import FreshkeyAuth

    recorder = Recorder()
    http = requests.Session()
    http.auth = FreshkeyAuth(origins=[recorder.origin])
    return Wire(recorder, lambda: http.get(recorder.origin).raise_for_status(), http.close)


def _httpx() -> Wire:
    import httpx

    from freshkey.adapters.httpx import FreshkeyAuth

    recorder = Recorder()
    client = httpx.Client(auth=FreshkeyAuth(origins=[recorder.origin]))
    return Wire(recorder, lambda: client.get(recorder.origin).raise_for_status(), client.close)


def _httpx_async() -> Wire:
    import httpx

    from freshkey.adapters.httpx import FreshkeyAuth

    recorder = Recorder()
    auth = FreshkeyAuth(origins=[recorder.origin])

    async def call() -> None:
        async with httpx.AsyncClient(auth=auth) as client:
            (await client.get(recorder.origin)).raise_for_status()

    return Wire(recorder, lambda: asyncio.run(call()))


def _aiohttp() -> Wire:
    import aiohttp

    from freshkey.adapters.aiohttp import FreshkeyMiddleware

    recorder = Recorder()
    middleware = FreshkeyMiddleware(origins=[recorder.origin])

    async def call() -> None:
        async with aiohttp.ClientSession(middlewares=[middleware]) as http, http.get(recorder.origin) as response:
            response.raise_for_status()

    return Wire(recorder, lambda: asyncio.run(call()))


def _urllib3() -> Wire:
    from freshkey.adapters.urllib3 import FreshkeyPoolManager

    recorder = Recorder()
    http = FreshkeyPoolManager(origins=[recorder.origin])
    return Wire(recorder, lambda: http.request("GET", recorder.origin), http.clear)


def _trino() -> Wire:
    import trino

    from freshkey.adapters.trino import FreshkeyAuthentication

    def coordinator(_: Arrived) -> Answer:
        # One row a page, and always a page more: a query that outlives its first token.
        column = {"name": "n", "type": "integer", "typeSignature": {"rawType": "integer", "arguments": []}}
        page = {"id": "q", "infoUri": recorder.origin, "stats": {"state": "RUNNING"}, "warnings": [], "columns": [column], "data": [[1]]}
        return Answer(body=page | {"nextUri": f"{recorder.origin}/v1/statement/executing/q/{len(recorder.arrived)}"})

    recorder = Recorder(coordinator, tls=True)
    auth = FreshkeyAuthentication(origins=[recorder.origin])
    connection = trino.dbapi.connect(host="127.0.0.1", port=recorder.port, http_scheme="https", user="demo", auth=auth, verify=recorder.ca_file)
    cursor = connection.cursor()
    cursor.execute("SELECT n")

    def call() -> None:
        before = len(recorder.arrived)
        while len(recorder.arrived) == before:
            assert cursor.fetchone() == [1]

    return Wire(recorder, call, connection.close)


def _mlflow() -> Wire:
    import mlflow

    points = importlib.metadata.entry_points(group="mlflow.request_auth_provider")
    assert points["freshkey"].value == "freshkey.adapters.mlflow:FreshkeyRequestAuthProvider"
    recorder = Recorder(lambda _: Answer(body={"experiments": [], "experiment": {"experiment_id": "7", "name": "x"}}))
    os.environ["MLFLOW_TRACKING_AUTH"] = "freshkey"
    mlflow.set_tracking_uri(recorder.origin)
    client = mlflow.MlflowClient()

    def end() -> None:
        del os.environ["MLFLOW_TRACKING_AUTH"]
        mlflow.set_tracking_uri(None)

    return Wire(recorder, lambda: client.get_experiment("7"), end)


def _kfp() -> Wire:
    import kfp

    from freshkey.adapters.kfp import FreshkeyCredentials

    recorder = Recorder(lambda _: Answer(body={"apiServerReady": True, "experiments": []}))
    client = kfp.Client(host=recorder.origin, credentials=FreshkeyCredentials(origins=[recorder.origin]))
    return Wire(recorder, lambda: client.list_experiments())


def _pyiceberg() -> Wire:
    from pyiceberg.catalog import load_catalog

    def catalog_server(arrived: Arrived) -> Answer:
        return Answer(body={"defaults": {}, "overrides": {}} if arrived.path.startswith("/v1/config") else {"namespaces": [["science"]]})

    recorder = Recorder(catalog_server)
    auth = {"type": "custom", "impl": "freshkey.adapters.pyiceberg.FreshkeyAuthManager", "custom": {"uri": recorder.origin}}
    catalog = load_catalog("lake", type="rest", uri=recorder.origin, auth=auth)

    def call() -> None:
        assert catalog.list_namespaces() == [("science",)]

    return Wire(recorder, call)


_BUCKETS = (
    '<?xml version="1.0"?><ListAllMyBucketsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Owner><ID>o</ID></Owner>'
    "<Buckets><Bucket><Name>science</Name><CreationDate>2026-01-01T00:00:00.000Z</CreationDate></Bucket></Buckets></ListAllMyBucketsResult>"
)


def _boto3() -> Wire:
    from freshkey.adapters.boto3 import proxy_session

    recorder = Recorder(lambda _: Answer(body=_BUCKETS, headers={"Content-Type": "application/xml"}))
    s3 = proxy_session(recorder.origin).client("s3", endpoint_url=recorder.origin)
    return Wire(recorder, s3.list_buckets, s3.close)


def _boto3_role() -> Wire:
    from freshkey.adapters.boto3 import role_session

    def assumed() -> str:
        ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60))
        keys = f"<AccessKeyId>AKIA</AccessKeyId><SecretAccessKey>k</SecretAccessKey><SessionToken>t</SessionToken><Expiration>{ends}</Expiration>"
        return (
            '<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult>'
            f"<Credentials>{keys}</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
        )

    def store(arrived: Arrived) -> Answer:
        return Answer(body=assumed() if b"AssumeRoleWithWebIdentity" in arrived.body else _BUCKETS, headers={"Content-Type": "text/xml"})

    recorder = Recorder(store)
    aws = role_session("arn:aws:iam::123456789012:role/science", recorder.origin)
    s3 = aws.client("s3", endpoint_url=recorder.origin)
    return Wire(recorder, s3.list_buckets, s3.close)


def _s3fs() -> Wire:
    from freshkey.adapters.s3fs import FreshkeyS3FileSystem

    recorder = Recorder(lambda _: Answer(body=_BUCKETS, headers={"Content-Type": "application/xml"}))
    files = FreshkeyS3FileSystem(recorder.origin, use_listings_cache=False)

    def call() -> None:
        files.invalidate_cache()
        assert files.ls("") == ["science"]

    return Wire(recorder, call)


def _kubernetes() -> Wire:
    from kubernetes import client

    from freshkey.adapters.kubernetes import configure

    recorder = Recorder(lambda _: Answer(body={"kind": "NamespaceList", "apiVersion": "v1", "metadata": {}, "items": []}))
    api = client.ApiClient(configure(client.Configuration(host=recorder.origin)))
    return Wire(recorder, client.CoreV1Api(api).list_namespace, api.close)


def _signed_in_again(broker: Any, poll: Callable[[], object]) -> None:
    """Drop the connections, and let the library come back."""
    before = len(broker.tokens)
    broker.drop()
    deadline = time.monotonic() + 30
    while len(broker.tokens) == before:
        assert time.monotonic() < deadline, "the client did not sign in again"
        poll()


def _confluent_kafka() -> Wire:
    from broker import Broker
    from confluent_kafka import Producer

    from freshkey.adapters.confluent_kafka import configuration

    broker = Broker()
    quick = {"reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 100, "log_level": 0, "topic.metadata.refresh.interval.ms": 200}
    producer = Producer(configuration(broker.address) | quick, logger=None)

    def poll() -> None:
        producer.poll(0.05)

    return Wire(broker, lambda: _signed_in_again(broker, poll), idle=poll)


def _kafka() -> Wire:
    from broker import Broker
    from kafka import KafkaProducer

    from freshkey.adapters.kafka import configuration

    broker = Broker()
    quick = {"reconnect_backoff_ms": 20, "reconnect_backoff_max_ms": 100, "metadata_max_age_ms": 200, "enable_idempotence": False}
    producer = KafkaProducer(**configuration(broker.address), **quick)
    return Wire(broker, lambda: _signed_in_again(broker, lambda: time.sleep(0.05)), producer.close)


def _grpc() -> Wire:
    import grpc
    from rpc import ECHO, GrpcRecorder

    from freshkey.adapters.grpc import call_credentials

    recorder = GrpcRecorder()
    fresh = call_credentials(origins=[f"http://{recorder.address}"])
    channel = grpc.secure_channel(recorder.address, grpc.composite_channel_credentials(grpc.local_channel_credentials(), fresh))

    def call() -> None:
        assert channel.unary_unary(ECHO)(b"hello") == b"hello"

    return Wire(recorder, call, channel.close)


def _grpc_async() -> Wire:
    import grpc
    from rpc import ECHO, GrpcRecorder

    from freshkey.adapters.grpc import call_credentials

    recorder = GrpcRecorder()
    fresh = call_credentials(origins=[f"http://{recorder.address}"])
    credentials = grpc.composite_channel_credentials(grpc.local_channel_credentials(), fresh)

    async def call() -> None:
        async with grpc.aio.secure_channel(recorder.address, credentials) as channel:
            assert await channel.unary_unary(ECHO)(b"hello") == b"hello"

    return Wire(recorder, lambda: asyncio.run(call()))


def _pyspark() -> Wire:
    from pyspark.sql.connect.session import SparkSession
    from rpc import GrpcRecorder

    from freshkey.adapters.pyspark import FreshkeyChannelBuilder

    recorder = GrpcRecorder()
    spark = SparkSession.builder.channelBuilder(FreshkeyChannelBuilder(f"sc://{recorder.address}")).create()

    def call() -> None:
        spark._client._analyze(method="spark_version")

    return Wire(recorder, call, spark.stop)


def _flight() -> Wire:
    from rpc import FlightRecorder

    from freshkey.adapters.flight import connect

    recorder = FlightRecorder()
    client = connect(f"grpc://127.0.0.1:{recorder.port}")
    return Wire(recorder, lambda: list(client.list_flights()), client.close)


WIRES: dict[str, Callable[[], Wire]] = {
    "requests": _requests,
    "httpx": _httpx,
    "httpx, async": _httpx_async,
    "aiohttp": _aiohttp,
    "urllib3": _urllib3,
    "trino": _trino,
    "mlflow": _mlflow,
    "kfp": _kfp,
    "pyiceberg": _pyiceberg,
    "boto3": _boto3,
    "boto3, a role": _boto3_role,
    "s3fs": _s3fs,
    "kubernetes": _kubernetes,
    "confluent-kafka": _confluent_kafka,
    "kafka-python": _kafka,
    "grpc": _grpc,
    "grpc, async": _grpc_async,
    "pyspark": _pyspark,
    "flight": _flight,
}
