"""``tuner apply`` of another architecture: the same code once more, and all of it taken back."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tuner.aws.applied import read_record, record_path
from tuner.aws.apply import Application, ApplyOptions
from tuner.aws.control import ControlPlane
from tuner.aws.session import AwsSession
from tuner.clock import WallClock
from tuner.errors import ChangedUnderneath, TargetError

RUN = "01JZZZZZZZZZZZZZZZZZZZZZZZ"
ELF_X86 = b"\x7fELF\x02\x01\x01" + bytes(9) + struct.pack("<HH", 3, 0x3E) + bytes(44)

#: moto changes no architecture with the code, and keeps no package.
pytestmark = pytest.mark.parametrize("service", ["local"], indirect=True)


@pytest.fixture
def application(
    aws_session: AwsSession, function: str, tmp_path: Path, hasty_clock: WallClock
) -> Application:
    return Application(
        ControlPlane(aws_session, hasty_clock), function, tmp_path, lambda _text: None
    )


def now(service: Any, function: str, qualifier: str = "$LATEST") -> dict[str, Any]:
    found = service.client.get_function(FunctionName=function, Qualifier=qualifier)
    configuration: dict[str, Any] = found["Configuration"]
    return configuration


def test_memory_and_architecture_are_set_with_the_same_code_and_taken_back(
    application: Application, service: Any, function: str, tmp_path: Path
) -> None:
    before = service.picture(function)
    sha = now(service, function)["CodeSha256"]
    done = application.apply(ApplyOptions(RUN, 640, "live", arch="arm64"))
    assert done is not None
    assert (done.before_arch, done.arch) == ("x86_64", "arm64")
    latest, live = now(service, function), now(service, function, "live")
    for found in (latest, live):
        assert (found["MemorySize"], found["Architectures"]) == (640, ["arm64"])
        assert found["CodeSha256"] == sha
    assert live["Description"].startswith("640 MB on arm64, recommended by run")
    application.undo(read_record(record_path(tmp_path, RUN)))
    assert service.picture(function) == before
    assert not record_path(tmp_path, RUN).exists()


def test_an_architecture_alone_is_a_change_too(
    application: Application, service: Any, function: str
) -> None:
    done = application.apply(ApplyOptions(RUN, 256, arch="arm64"))
    assert done is not None
    assert now(service, function)["Architectures"] == ["arm64"]
    assert now(service, function)["MemorySize"] == 256
    application.undo(done)
    assert now(service, function)["Architectures"] == ["x86_64"]


def test_an_architecture_that_it_has_already_is_no_change(
    application: Application, service: Any, function: str
) -> None:
    before = now(service, function)["RevisionId"]
    assert application.apply(ApplyOptions(RUN, 256, arch="x86_64")) is None
    assert now(service, function)["RevisionId"] == before


def test_applied_twice_it_is_undone_to_what_was_there_first(
    application: Application, service: Any, function: str, tmp_path: Path
) -> None:
    before = service.picture(function)
    application.apply(ApplyOptions(RUN, 640, arch="arm64"))
    application.apply(ApplyOptions(RUN, 704))
    assert now(service, function)["Architectures"] == ["arm64"]
    application.undo(read_record(record_path(tmp_path, RUN)))
    assert service.picture(function) == before


def test_code_for_one_architecture_is_refused_before_any_change(
    aws_session: AwsSession,
    service: Any,
    make_zip: Callable[..., bytes],
    tmp_path: Path,
    hasty_clock: WallClock,
) -> None:
    package = make_zip({"app.py": "def handler(e, c):\n    return e\n", "fast.so": ELF_X86})
    service.create("built-for-x86", package)
    before = now(service, "built-for-x86")["RevisionId"]
    control = ControlPlane(aws_session, hasty_clock)
    with pytest.raises(TargetError, match="none for arm64"):
        Application(control, "built-for-x86", tmp_path, print).apply(
            ApplyOptions(RUN, 640, arch="arm64")
        )
    assert now(service, "built-for-x86")["RevisionId"] == before
    assert not record_path(tmp_path, RUN).exists()
    service.client.delete_function(FunctionName="built-for-x86")


def test_code_that_was_deployed_since_is_left_alone(
    application: Application, service: Any, function: str, make_zip: Callable[..., bytes]
) -> None:
    done = application.apply(ApplyOptions(RUN, 640, arch="arm64"))
    assert done is not None
    newer = make_zip({"app.py": "def handler(event, context):\n    return 2\n"})
    service.client.update_function_code(
        FunctionName=function, ZipFile=newer, Architectures=["arm64"]
    )
    service.client.get_waiter("function_updated_v2").wait(
        FunctionName=function, WaiterConfig={"Delay": 0.1}
    )
    sha = now(service, function)["CodeSha256"]
    with pytest.raises(ChangedUnderneath, match="other code was deployed since"):
        application.undo(done)
    assert now(service, function)["CodeSha256"] == sha
    assert now(service, function)["Architectures"] == ["arm64"]


def test_somebody_elses_change_stops_it_and_what_was_done_is_undone(
    application: Application, service: Any, function: str, aws_session: AwsSession
) -> None:
    def deploy(**_: object) -> None:
        events.unregister("before-call.lambda.UpdateFunctionCode", deploy)
        service.client.update_function_configuration(FunctionName=function, Timeout=9)

    events = aws_session.client.meta.events
    events.register("before-call.lambda.UpdateFunctionCode", deploy)
    with pytest.raises(TargetError):
        application.apply(ApplyOptions(RUN, 640, arch="arm64"))
    found = now(service, function)
    assert (found["Architectures"], found["MemorySize"], found["Timeout"]) == (["x86_64"], 256, 9)
