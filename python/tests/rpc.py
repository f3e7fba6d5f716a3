"""Servers on loopback of the libraries whose requests are no HTTP/1.1. Each writes down the tokens that arrive."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import trustme
from pyarrow import flight
from pyspark.sql.connect.proto import base_pb2, base_pb2_grpc

ECHO = "/recorder.Recorder/Echo"


class Interceptor(grpc.ServerInterceptor):
    """Looks at the metadata of each call."""

    def __init__(self) -> None:
        self.tokens: list[tuple[str, float]] = []
        self.calls = 0

    def intercept_service(self, continuation, details):
        self.calls += 1
        for name, value in details.invocation_metadata:
            if name == "authorization":
                self.tokens.append((value.removeprefix("Bearer "), time.time()))
        return continuation(details)


class Echo(grpc.GenericRpcHandler):
    """A method that answers what it is asked."""

    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda request, _: request) if details.method == ECHO else None


class SparkConnect(base_pb2_grpc.SparkConnectServiceServicer):
    """As much of Spark Connect as a session needs to begin, and to be asked for its version."""

    def Config(self, request, context):  # noqa: N802
        return base_pb2.ConfigResponse(session_id=request.session_id)

    def AnalyzePlan(self, request, context):  # noqa: N802
        version = base_pb2.AnalyzePlanResponse.SparkVersion(version="4.0.0")
        return base_pb2.AnalyzePlanResponse(session_id=request.session_id, spark_version=version)

    def ReleaseSession(self, request, context):  # noqa: N802
        return base_pb2.ReleaseSessionResponse(session_id=request.session_id)


class GrpcRecorder:
    """A gRPC server: with TLS if it is given a certificate, or else for channels that do not leave this machine."""

    def __init__(self, certificate: trustme.LeafCert | None = None) -> None:
        self.seen = Interceptor()
        self._server = grpc.server(ThreadPoolExecutor(4), interceptors=[self.seen], handlers=[Echo()])
        base_pb2_grpc.add_SparkConnectServiceServicer_to_server(SparkConnect(), self._server)
        credentials = grpc.local_server_credentials()
        if certificate is not None:
            chain = b"".join(part.bytes() for part in certificate.cert_chain_pems)
            credentials = grpc.ssl_server_credentials([(certificate.private_key_pem.bytes(), chain)])
        self.port = self._server.add_secure_port("127.0.0.1:0", credentials)
        self.address = f"127.0.0.1:{self.port}"
        self._server.start()

    @property
    def tokens(self) -> list[tuple[str, float]]:
        """Return the tokens that arrived, and when."""
        return self.seen.tokens

    def close(self) -> None:
        """Accept nothing more."""
        self._server.stop(None).wait()


class _Headers(flight.ServerMiddlewareFactory):
    def __init__(self, tokens: list[tuple[str, float]]) -> None:
        super().__init__()
        self._tokens = tokens

    def start_call(self, info, headers):
        self._tokens += [(value.removeprefix("Bearer "), time.time()) for value in headers.get("authorization", [])]


class FlightRecorder(flight.FlightServerBase):
    """A Flight server with nothing to list."""

    def __init__(self) -> None:
        self.tokens: list[tuple[str, float]] = []
        super().__init__("grpc://127.0.0.1:0", middleware={"headers": _Headers(self.tokens)})

    def list_flights(self, context, criteria):
        return iter(())

    def close(self) -> None:
        """Accept nothing more."""
        self.shutdown()
