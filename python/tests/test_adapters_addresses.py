"""Where the adapters send a token that are made for one address: nowhere else, and by nothing that others can read (T-082)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
import requests
import trino
import trustme
import urllib3
from at_home import at_home
from pyspark.sql.connect.session import SparkSession
from recorder import Answer, Arrived, Recorder
from rpc import ECHO, GrpcRecorder
from testbed import Quickstart

import freshkey
from freshkey.adapters import confluent_kafka, kafka
from freshkey.adapters.boto3 import proxy_session, role_session
from freshkey.adapters.flight import FreshkeyMiddlewareFactory
from freshkey.adapters.grpc import call_credentials
from freshkey.adapters.kfp import FreshkeyCredentials
from freshkey.adapters.kubernetes import configure
from freshkey.adapters.mlflow import FreshkeyRequestAuthProvider
from freshkey.adapters.pyiceberg import FreshkeyAuthManager
from freshkey.adapters.pyspark import FreshkeyChannelBuilder
from freshkey.adapters.s3fs import FreshkeyS3FileSystem
from freshkey.adapters.trino import FreshkeyAuthentication
from freshkey.adapters.urllib3 import FreshkeyPoolManager


@pytest.fixture(scope="module", autouse=True)
def account(quickstart: Quickstart) -> Iterator[freshkey.Session]:
    """Yield a session of somebody who is signed in for all of these tests."""
    with at_home() as home:
        home.sign_in(quickstart)
        yield freshkey.Session()


OPEN = "http://api.example.org"
MADE: dict[str, Callable[[], Any]] = {
    "boto3": lambda: proxy_session(OPEN),
    "boto3, a role": lambda: role_session("arn:aws:iam::123456789012:role/science", OPEN),
    "flight": lambda: FreshkeyMiddlewareFactory("grpc://api.example.org:80"),
    "kfp": lambda: FreshkeyCredentials(origins=[OPEN]),
    "kubernetes": lambda: configure(_kubernetes(OPEN)),
    "mlflow": lambda: FreshkeyRequestAuthProvider().get_auth(),
    "pyiceberg": lambda: FreshkeyAuthManager(OPEN),
    "s3fs": lambda: FreshkeyS3FileSystem(OPEN),
}


def _kubernetes(host: str) -> Any:
    from kubernetes import client

    return client.Configuration(host=host)


@pytest.mark.parametrize("name", MADE)
def test_t_082_an_address_that_others_can_listen_to_is_an_error(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlflow.get_tracking_uri", lambda: OPEN)
    with pytest.raises(ValueError, match="can't be sent a token"):
        MADE[name]()


def test_t_082_s3_is_signed_for_its_own_address_only() -> None:
    with Recorder() as proxy, Recorder() as elsewhere:
        s3 = proxy_session(proxy.origin).client("s3", endpoint_url=elsewhere.origin, region_name="eu-west-1")
        with pytest.raises(freshkey.FreshkeyError, match="no address that tokens"):
            s3.list_buckets()
        files = FreshkeyS3FileSystem(proxy.origin, client_kwargs={"region_name": "eu-west-1"}, config_kwargs={"retries": {"max_attempts": 0}})
        files._endpoint = files.endpoint_url = elsewhere.origin
        with pytest.raises(freshkey.FreshkeyError, match="no address that tokens"):
            files.ls("")
        assert elsewhere.arrived == proxy.arrived == []


def test_t_082_a_client_of_kubernetes_that_is_turned_elsewhere_has_no_token() -> None:
    from kubernetes import client

    with Recorder() as kube, Recorder() as elsewhere:
        configuration = configure(client.Configuration(host=kube.origin))
        configuration.host = elsewhere.origin
        with pytest.raises(freshkey.FreshkeyError, match="no address that tokens"):
            client.CoreV1Api(client.ApiClient(configuration)).list_namespace()
        assert elsewhere.arrived == []


def test_t_082_a_coordinator_of_trino_can_not_send_the_token_elsewhere(account: freshkey.Session) -> None:
    def coordinator(_: Arrived) -> Answer:
        return Answer(body={"id": "q", "infoUri": "", "stats": {"state": "RUNNING"}, "nextUri": f"{elsewhere.origin}/v1/statement/q/1"})

    with Recorder(coordinator, tls=True) as server, Recorder(lambda _: Answer(status=401)) as elsewhere:
        with requests.Session() as http:
            http.trust_env, http.verify = False, server.ca_file
            auth = FreshkeyAuthentication(origins=[server.origin])
            connection = trino.dbapi.connect(host=server.origin, port=server.port, user="demo", auth=auth, http_session=http)
            with pytest.raises(Exception, match="401"):
                connection.cursor().execute("SELECT 1").fetchall()
        assert [arrived.token for arrived in server.arrived] == [account.token()]
        assert {arrived.token for arrived in elsewhere.arrived} == {None}


def test_t_082_urllib3_takes_no_token_along_even_if_it_is_told_to_keep_headers(account: freshkey.Session) -> None:
    with Recorder() as elsewhere, Recorder(lambda _: Answer(status=307, headers={"Location": elsewhere.origin})) as server:
        http = FreshkeyPoolManager(origins=[server.origin])
        assert http.request("GET", server.origin, retries=urllib3.Retry(2, remove_headers_on_redirect=[])).status == 200
        assert [arrived.token for arrived in (*server.arrived, *elsewhere.arrived)] == [account.token(), None]


def test_t_082_kafka_is_spoken_to_by_tls_unless_all_brokers_are_on_this_machine() -> None:
    for servers, expected in {
        "kafka.example.org:9093": "SASL_SSL",
        "127.0.0.1:9092,localhost:9092,[::1]:9092": "SASL_PLAINTEXT",
        "127.0.0.1:9092,kafka.example.org:9092": "SASL_SSL",
        "127.0.0.1.example.org:9092": "SASL_SSL",
        "kafka.example.org": "SASL_SSL",
        "": "SASL_SSL",
    }.items():
        assert confluent_kafka.configuration(servers)["security.protocol"] == expected, servers
        assert kafka.configuration(servers)["security_protocol"] == expected, servers


def test_t_082_a_call_of_grpc_to_an_address_that_nobody_named_fails() -> None:
    recorder = GrpcRecorder()
    credentials = grpc.composite_channel_credentials(grpc.local_channel_credentials(), call_credentials())
    with grpc.secure_channel(recorder.address, credentials) as channel, pytest.raises(grpc.RpcError, match="no address that tokens"):
        channel.unary_unary(ECHO)(b"hello", timeout=20)
    assert recorder.tokens == []
    recorder.close()


def test_over_tls_grpc_and_spark_have_a_token_too(account: freshkey.Session) -> None:
    authority = trustme.CA()
    pem = authority.cert_pem.bytes()
    recorder = GrpcRecorder(authority.issue_cert("localhost"))
    address = f"localhost:{recorder.port}"
    fresh = call_credentials(origins=[f"https://{address}"])
    with grpc.secure_channel(address, grpc.composite_channel_credentials(grpc.ssl_channel_credentials(pem), fresh)) as channel:
        assert channel.unary_unary(ECHO)(b"hello", timeout=20) == b"hello"
    builder = FreshkeyChannelBuilder(f"sc://{address}/;use_ssl=true", root_certificates=pem)
    spark = SparkSession.builder.channelBuilder(builder).create()
    spark._client._analyze(method="spark_version")
    spark.stop()
    assert len(recorder.tokens) >= 3
    assert {token for token, _ in recorder.tokens} == {account.token()}
    recorder.close()


def test_a_token_in_the_connection_string_of_spark_is_an_error() -> None:
    with pytest.raises(ValueError, match="leave it out"):
        FreshkeyChannelBuilder("sc://spark.example.org:443/;token=abc")
