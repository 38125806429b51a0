"""The two services that a target is judged by: moto, made by others, and our local Lambda."""

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tuner.aws.control import ControlPlane
from tuner.aws.session import AwsSession, SessionOptions, open_session
from tuner.clock import VirtualClock, WallClock
from tuner.targets.aws import AwsTarget
from tuner.targets.aws_versions import AwsOptions
from tuner.targets.names import parse_target

ZIP_SOURCE = {"app.py": "def handler(event, context):\n    return event\n"}
REGION = "eu-west-1"


class HastyClock(WallClock):
    """Waits a tenth of what it is asked to: the services here are quick."""

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds / 10)


@pytest.fixture(autouse=True)
def _folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def hasty_clock() -> WallClock:
    """A clock for targets that does not wait for long."""
    return HastyClock()


@pytest.fixture
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands that open a control plane by themselves wait on a clock of their own."""
    monkeypatch.setattr("tuner.aws.calls.WallClock", VirtualClock)


@dataclass(frozen=True)
class Service:
    """One service by its URL, with a client to look behind the target's back."""

    name: str
    url: str
    client: Any
    role: str

    def create(self, function: str, package: bytes, **more: Any) -> None:
        """Create an active function of the user's."""
        self.client.create_function(
            FunctionName=function,
            Runtime="python3.12",
            Role=self.role,
            Handler="app.handler",
            Code={"ZipFile": package},
            **{"MemorySize": 256, "Timeout": 7, "Description": "takes orders", **more},
        )
        self.client.get_waiter("function_active_v2").wait(
            FunctionName=function, WaiterConfig={"Delay": 0.1}
        )

    def picture(self, function: str) -> dict[str, Any]:
        """Everything about a function that a target must leave as it was."""
        client = self.client
        latest = client.get_function(FunctionName=function)
        return {
            "configuration": lasting(latest["Configuration"]),
            "tags": latest.get("Tags"),
            "concurrency": latest.get("Concurrency"),
            "versions": [
                lasting(v)
                for v in client.list_versions_by_function(FunctionName=function)["Versions"]
            ],
            "aliases": [alias(a) for a in client.list_aliases(FunctionName=function)["Aliases"]],
        }


def lasting(configuration: dict[str, Any]) -> dict[str, Any]:
    """A configuration without what every change renews."""
    return {
        key: value
        for key, value in configuration.items()
        if key not in ("RevisionId", "LastModified", "LastUpdateStatus", "ConfigSha256")
    }


def alias(told: dict[str, Any]) -> dict[str, Any]:
    """An alias without what every change renews; moto keeps an empty RoutingConfig, AWS none."""
    weights = (told.get("RoutingConfig") or {}).get("AdditionalVersionWeights")
    return {k: v for k, v in lasting(told).items() if k != "RoutingConfig" or weights}


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    """The URL of a moto server in a thread of this process."""
    server_module = pytest.importorskip("moto.server")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def quick_lambda_url(start_local_lambda: Callable[..., Any]) -> Iterator[str]:
    """A local Lambda on which updates settle sixty times faster than on the ordinary one."""
    with start_local_lambda("--time-scale", "60") as url:
        yield url


@pytest.fixture(scope="session", params=["moto", "local"])
def service(request: pytest.FixtureRequest) -> Service:
    """Each of the two services in turn."""
    url = request.getfixturevalue("moto_url" if request.param == "moto" else "quick_lambda_url")
    role = "arn:aws:iam::000000000000:role/test"
    if request.param == "moto":
        role = _moto_role(url)
    return Service(request.param, url, client_of("lambda", url), role)


@pytest.fixture(scope="session")
def aws_session(service: Service) -> AwsSession:
    """A session of ours on the service, shared because opening one takes a while."""
    return open_session(SessionOptions(region=REGION, endpoint_url=service.url))


@pytest.fixture
def function(service: Service, make_zip: Callable[..., bytes]) -> Iterator[str]:
    """A function of the user's with a version, an alias, and reserved concurrency."""
    name = f"orders-{os.urandom(4).hex()}"
    service.create(name, make_zip(ZIP_SOURCE), Tags={"team": "shop"})
    first = service.client.publish_version(FunctionName=name, Description="first")
    service.client.create_alias(
        FunctionName=name, Name="live", FunctionVersion=first["Version"], Description="of the user"
    )
    service.client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=3)
    yield name
    service.client.delete_function(FunctionName=name)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Where changes are journalled."""
    return tmp_path / "journal"


@pytest.fixture
def open_target(
    aws_session: AwsSession, journal: Path, hasty_clock: WallClock
) -> Iterator[Callable[..., AwsTarget]]:
    """Open targets on the service; they are closed afterwards, and not restored."""
    opened: list[AwsTarget] = []

    def open_(text: str, **more: Any) -> AwsTarget:
        options = AwsOptions(**{"journal": journal, "clock": hasty_clock, **more})
        opened.append(
            AwsTarget(ControlPlane(aws_session, options.clock), parse_target(text), options)
        )
        return opened[-1]

    yield open_
    for target in opened:
        target.close()


@pytest.fixture
def target(open_target: Callable[..., AwsTarget], function: str) -> AwsTarget:
    """A target on the user's function."""
    return open_target(function)


@pytest.fixture(scope="session")
def on_call() -> Callable[..., None]:
    """``on_call(target, operation, act)``: do something just before the target's next call of
    this operation is sent, once."""
    return _on_call


def _on_call(target: AwsTarget, operation: str, act: Callable[[], object]) -> None:
    events = target._control.session.client.meta.events

    def before(**_: object) -> None:
        events.unregister(f"before-call.lambda.{operation}", before)
        act()

    events.register(f"before-call.lambda.{operation}", before)


@pytest.fixture
def await_update(settled: Callable[..., Any]) -> Callable[[Service, str], None]:
    """Wait for an update on the local Lambda; moto's are there at once."""

    def wait(service: Service, function: str) -> None:
        if service.name == "local":
            settled(service.client, function)

    return wait


@pytest.fixture(scope="session")
def client_for() -> Callable[[str], Any]:
    """``client_for(url)``: a Lambda client that never retries."""
    return lambda url: client_of("lambda", url)


def client_of(service: str, url: str) -> Any:
    """A boto3 client with any credentials and no retries."""
    return boto3.client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}),
    )


def _moto_role(url: str) -> str:
    iam = client_of("iam", url)
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName="test", AssumeRolePolicyDocument="{}")
    arn: str = iam.get_role(RoleName="test")["Role"]["Arn"]
    return arn
