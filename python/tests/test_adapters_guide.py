"""The guide to the adapters, run as it is printed: its hosts are recorders on this machine."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator

import pytest
from at_home import at_home
from broker import Broker
from recorder import Answer, Arrived, Recorder
from rpc import FlightRecorder, GrpcRecorder
from testbed import ROOT, Quickstart

GUIDE = (ROOT / "docs/guides/python-adapters.md").read_text()
BLOCKS = re.findall(r"^```python adapter\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
ADAPTERS = [path.stem for path in (ROOT / "python/freshkey/adapters").glob("[a-z]*.py") if path.stem != "botocore"]


@pytest.fixture(scope="module")
def hosts(quickstart: Quickstart) -> Iterator[dict[str, str]]:
    """Yield what stands for the guide's hosts."""

    def anything(arrived: Arrived) -> Answer:
        return Answer(body={"items": []} if "/v1/config" not in arrived.path else {"defaults": {}, "overrides": {}})

    recorder, broker, grpc, flight = Recorder(anything), Broker(), GrpcRecorder(), FlightRecorder()
    with at_home() as home:
        home.sign_in(quickstart)
        yield {
            r"https://\w+\.example\.org": recorder.origin,
            r"kafka\.example\.org:9093": broker.address,
            r"sc://spark\.example\.org:443": f"sc://{grpc.address}",
            r"grpc\+tls://flight\.example\.org:443": f"grpc://127.0.0.1:{flight.port}",
        }
    for server in (recorder, broker, grpc, flight):
        server.close()


def _name(block: str) -> str:
    found = re.search(r"freshkey\.adapters\.(\w+)", block)
    return found[1] if found else "mlflow"


@pytest.mark.parametrize("block", BLOCKS, ids=_name)
def test_the_guide_to_the_adapters_works_as_printed(block: str, hosts: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_AUTH", "MLFLOW_TRACKING_URI"):
        monkeypatch.setenv(name, "")
    for host, instead in hosts.items():
        block = re.sub(host, instead, block)
    names: dict[str, object] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(compile(block, "the guide", "exec"), names)
    # What has threads of its own is ended before the server is.
    for name, end in (("producer", "flush"), ("producer", "close"), ("spark", "stop")):
        getattr(names.get(name), end, lambda: None)()


def test_the_guide_has_every_adapter() -> None:
    assert {_name(block) for block in BLOCKS} | {"jupyterhub"} == set(ADAPTERS)
