"""``tuner apply``: memory set and taken back, aliases moved in watched steps."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tuner.api.left import look
from tuner.aws.applied import held, read_record, record_path
from tuner.aws.apply import Application, ApplyOptions, parse_steps
from tuner.aws.control import ControlPlane
from tuner.aws.metrics import Health, why_worse
from tuner.aws.moving import Steps
from tuner.aws.session import AwsSession
from tuner.cli.apply import restore_pending
from tuner.clock import WallClock
from tuner.errors import AccessDenied, ChangedUnderneath, TargetError

RUN = "01JZZZZZZZZZZZZZZZZZZZZZZZ"


class Recorded(WallClock):
    """Does not wait; does something instead when a step is watched."""

    def __init__(self, when_waiting: Callable[[], None] = lambda: None) -> None:
        self.when_waiting = when_waiting

    def sleep(self, seconds: float) -> None:
        if seconds >= 60:
            self.when_waiting()
        else:
            super().sleep(seconds / 10)


Start = Callable[..., Application]


@pytest.fixture
def start(aws_session: AwsSession, function: str, tmp_path: Path) -> Start:
    """An application on the user's function; what it says goes to ``said``."""

    def make(clock: WallClock | None = None, said: list[str] | None = None) -> Application:
        tell = (said if said is not None else []).append
        return Application(ControlPlane(aws_session, clock or Recorded()), function, tmp_path, tell)

    return make


@contextmanager
def struck(session: AwsSession, operation: str, act: Callable[..., object]) -> Iterator[None]:
    """Let something else happen instead of every call of an operation."""
    name = f"before-call.lambda.{operation}"
    session.client.meta.events.register(name, act)
    try:
        yield
    finally:
        session.client.meta.events.unregister(name, act)


def refused(session: AwsSession, operation: str) -> AbstractContextManager[None]:
    """Without the right to an operation."""
    error = {"Code": "AccessDeniedException", "Message": "no"}
    parsed = {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 403}}
    return struck(session, operation, lambda **_: (SimpleNamespace(status_code=403), parsed))


def memory_of(service: Any, function: str) -> int:
    return int(service.client.get_function_configuration(FunctionName=function)["MemorySize"])


def alias_of(service: Any, function: str) -> dict[str, Any]:
    found: dict[str, Any] = service.client.get_alias(FunctionName=function, Name="live")
    return found


def test_memory_is_set_and_taken_back_and_nothing_else_is_touched(
    start: Start, service: Any, function: str, tmp_path: Path
) -> None:
    before = service.picture(function)
    done = start().apply(ApplyOptions(RUN, 640))
    assert done is not None
    assert memory_of(service, function) == 640
    after = service.picture(function)
    after["configuration"]["MemorySize"] = 256
    assert {**after, "versions": 0} == {**before, "versions": 0}
    assert record_path(tmp_path, RUN).stat().st_mode & 0o777 == 0o600
    start().undo(read_record(record_path(tmp_path, RUN)))
    assert service.picture(function) == before
    with pytest.raises(TargetError, match="was not applied from this directory"):
        read_record(record_path(tmp_path, RUN))


def test_a_size_that_is_set_already_needs_nothing(start: Start) -> None:
    assert start().apply(ApplyOptions(RUN, 256)) is None


def test_applied_twice_it_is_undone_to_what_was_there_first(
    start: Start, service: Any, function: str, tmp_path: Path
) -> None:
    start().apply(ApplyOptions(RUN, 640))
    start().apply(ApplyOptions(RUN, 768))
    start().undo(read_record(record_path(tmp_path, RUN)))
    assert memory_of(service, function) == 256


def test_an_alias_moves_to_a_new_version_and_back(
    start: Start, service: Any, function: str, tmp_path: Path
) -> None:
    before = service.picture(function)
    done = start().apply(ApplyOptions(RUN, 640, alias="live"))
    assert done is not None
    assert alias_of(service, function)["FunctionVersion"] == done.version != "1"
    version = service.client.get_function_configuration(FunctionName=function, Qualifier="live")
    assert version["MemorySize"] == 640
    start().undo(read_record(record_path(tmp_path, RUN)))
    assert service.picture(function) == before  # its version is gone, too


def test_applied_twice_with_an_alias_all_versions_of_it_go_again(
    start: Start, service: Any, function: str, tmp_path: Path
) -> None:
    before = service.picture(function)
    start().apply(ApplyOptions(RUN, 640, alias="live"))
    start().apply(ApplyOptions(RUN, 768))
    start().apply(ApplyOptions(RUN, 896, alias="live"))
    start().undo(read_record(record_path(tmp_path, RUN)))
    assert service.picture(function) == before


def test_a_second_application_that_fails_leaves_the_first(
    start: Start, service: Any, function: str, tmp_path: Path, aws_session: AwsSession
) -> None:
    before = service.picture(function)
    start().apply(ApplyOptions(RUN, 640, alias="live"))
    first, applied = read_record(record_path(tmp_path, RUN)), service.picture(function)
    said: list[str] = []
    with refused(aws_session, "PublishVersion"), pytest.raises(AccessDenied):
        start(said=said).apply(ApplyOptions(RUN, 768, alias="live"))
    assert service.picture(function) == applied
    assert "rolling back" in said
    assert read_record(record_path(tmp_path, RUN)) == first
    start().undo(first)
    assert service.picture(function) == before


def test_what_cannot_be_taken_back_now_is_left_to_restore(
    start: Start, service: Any, function: str, tmp_path: Path, aws_session: AwsSession
) -> None:
    before = service.picture(function)
    said: list[str] = []
    with (
        refused(aws_session, "UpdateAlias"),
        refused(aws_session, "DeleteFunction"),
        pytest.raises(AccessDenied, match="UpdateAlias"),
    ):
        start(said=said).apply(ApplyOptions(RUN, 640, alias="live"))
    assert any("run `tuner restore`" in line for line in said)
    assert service.picture(function) != before
    with pytest.raises(TargetError, match="interrupted"):
        start().apply(ApplyOptions(RUN, 640, alias="live"))
    (left,), problems = look(tmp_path, tmp_path)
    assert problems == []
    assert "left changed; had 256 MB" in left.line()
    assert left.back(ControlPlane(aws_session, Recorded()), said.append)
    assert service.picture(function) == before
    assert look(tmp_path, tmp_path) == ([], [])


@contextmanager
def expiring(session: AwsSession, operation: str) -> Iterator[None]:
    """With credentials that expire when this operation is first called."""
    events = session.client.meta.events

    def expired(**_: object) -> tuple[object, dict[str, Any]]:
        error = {"Code": "ExpiredTokenException", "Message": "expired"}
        parsed = {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 403}}
        return SimpleNamespace(status_code=403), parsed

    def begin(**_: object) -> tuple[object, dict[str, Any]]:
        events.register("before-call.lambda", expired)
        return expired()

    try:
        with struck(session, operation, begin):
            yield
    finally:
        events.unregister("before-call.lambda", expired)


def test_a_size_that_was_refused_is_not_said_to_be_set(
    start: Start, service: Any, function: str, tmp_path: Path, aws_session: AwsSession
) -> None:
    before = service.picture(function)
    with (
        expiring(aws_session, "UpdateFunctionConfiguration"),
        pytest.raises(AccessDenied, match="expired"),
    ):
        start().apply(ApplyOptions(RUN, 640))
    (left,), _ = look(tmp_path, tmp_path)
    assert left.said().startswith(f"{function} is at 256 MB, as before; run `tuner restore`")
    assert left.back(ControlPlane(aws_session, Recorded()), lambda _text: None)
    assert service.picture(function) == before


@pytest.mark.parametrize("by_restore", [False, True])
def test_a_size_that_is_back_is_said_to_be_back(
    start: Start,
    service: Any,
    function: str,
    tmp_path: Path,
    aws_session: AwsSession,
    by_restore: bool,
) -> None:
    before = service.picture(function)
    start().apply(ApplyOptions(RUN, 640, alias="live"))
    done = read_record(record_path(tmp_path, RUN))
    control = ControlPlane(aws_session, Recorded())
    early = "GetAlias" if by_restore else "ListVersionsByFunction"
    with expiring(aws_session, early), pytest.raises(AccessDenied, match="expired"):
        start().undo(done)
    (left,), _ = look(tmp_path, tmp_path)
    if by_restore:
        assert left.said().startswith(f"{function} is at 640 MB; run `tuner restore`")
        with expiring(aws_session, "ListVersionsByFunction"), pytest.raises(AccessDenied):
            left.back(control, lambda _text: None)
        (left,), _ = look(tmp_path, tmp_path)
    assert left.said().startswith(f"{function} is at 256 MB, as before; run `tuner restore`")
    assert left.back(control, lambda _text: None)
    assert service.picture(function) == before


def test_an_undo_that_was_cut_short_is_ended_by_restore(
    start: Start, service: Any, function: str, tmp_path: Path, aws_session: AwsSession
) -> None:
    before = service.picture(function)
    start().apply(ApplyOptions(RUN, 640, alias="live"))
    done = read_record(record_path(tmp_path, RUN))

    def die(**_: object) -> None:
        raise KeyboardInterrupt

    update = "UpdateFunctionConfiguration"
    with struck(aws_session, update, die), pytest.raises(KeyboardInterrupt):
        start().undo(done)
    assert alias_of(service, function)["FunctionVersion"] == "1"
    (left,), _ = look(tmp_path, tmp_path)
    assert left.back(ControlPlane(aws_session, Recorded()), lambda _text: None)
    assert service.picture(function) == before


def test_a_run_is_applied_by_one_process_at_a_time_and_restore_leaves_it_alone(
    start: Start, service: Any, function: str, tmp_path: Path, aws_session: AwsSession
) -> None:
    before = service.picture(function)
    with (
        refused(aws_session, "UpdateAlias"),
        refused(aws_session, "DeleteFunction"),
        pytest.raises(AccessDenied),
    ):
        start().apply(ApplyOptions(RUN, 640, alias="live"))
    changed = service.picture(function)
    with held(tmp_path, RUN) as ours:
        assert ours
        (left,), _ = look(tmp_path, tmp_path)
        assert left.running
        said: list[str] = []
        assert restore_pending([left], said.append) == []
        assert said == [f"{function}: still being set to 640 MB by another process"]
        with pytest.raises(TargetError, match="by another process"):
            start().apply(ApplyOptions(RUN, 640))
        with pytest.raises(TargetError, match="by another process"):
            start().undo(read_record(record_path(tmp_path, RUN)))
        assert service.picture(function) == changed
    assert left.back(ControlPlane(aws_session, Recorded()), said.append)
    assert service.picture(function) == before


def test_a_version_that_an_alias_of_somebody_elses_uses_stays_and_is_told(
    start: Start, service: Any, function: str, tmp_path: Path
) -> None:
    if service.name == "moto":
        pytest.skip("moto deletes a version although an alias points at it")
    before = service.picture(function)
    done = start().apply(ApplyOptions(RUN, 640, alias="live"))
    assert done is not None
    new = {"FunctionName": function, "Name": "mine", "FunctionVersion": done.version}
    service.client.create_alias(**new)
    with pytest.raises(TargetError, match=f"still there: version {done.version}"):
        start().undo(done)
    service.client.delete_alias(FunctionName=function, Name="mine")
    start().undo(read_record(record_path(tmp_path, RUN)))
    assert service.picture(function) == before


@pytest.mark.parametrize("change", [{"MemorySize": 777}])
def test_what_somebody_set_since_is_not_undone(
    change: dict[str, int],
    start: Start,
    service: Any,
    function: str,
    tmp_path: Path,
    await_update: Callable[..., None],
) -> None:
    start().apply(ApplyOptions(RUN, 640))
    service.client.update_function_configuration(FunctionName=function, **change)
    await_update(service, function)
    with pytest.raises(ChangedUnderneath, match="777 MB"):
        start().undo(read_record(record_path(tmp_path, RUN)))
    assert memory_of(service, function) == 777


def test_a_deployment_in_the_middle_is_never_overwritten(
    start: Start, service: Any, function: str, aws_session: AwsSession
) -> None:
    if service.name == "moto":
        pytest.skip("moto has no RevisionId, so nothing can be guarded between look and change")
    events = aws_session.client.meta.events

    def deploy(**_: object) -> None:
        events.unregister("before-call.lambda.UpdateFunctionConfiguration", deploy)
        service.client.update_function_configuration(FunctionName=function, MemorySize=777)

    events.register("before-call.lambda.UpdateFunctionConfiguration", deploy)
    with pytest.raises(ChangedUnderneath):
        start().apply(ApplyOptions(RUN, 640))
    assert memory_of(service, function) == 777


def test_steps_without_cloudwatch_are_refused_before_anything_is_changed(
    start: Start, service: Any, function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    before = service.picture(function)
    with pytest.raises(TargetError, match="no CloudWatch"):
        start().apply(ApplyOptions(RUN, 640, alias="live", steps=Steps((0.1,))))
    assert service.picture(function) == before


@pytest.fixture
def cloudwatch(
    aws_session: AwsSession, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., None]]:
    """``cloudwatch(version, invocations, errors, p95)``: what CloudWatch will answer.

    botocore checks the question against the service's model; nothing is sent.
    """
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", "http://127.0.0.1:9")
    known: dict[str, list[float]] = {}

    def answer(params: dict[str, Any], **_: object) -> object:
        queries = params["MetricDataQueries"]
        for query in queries:
            metric = query["MetricStat"]["Metric"]
            assert {d["Name"] for d in metric["Dimensions"]} == {
                "FunctionName",
                "Resource",
                "ExecutedVersion",
            }
        results = [{"Id": q["Id"], "Values": known.get(q["Id"], [])} for q in queries]
        return SimpleNamespace(status_code=200), {"MetricDataResults": results}

    asked: dict[str, Any] = {}

    def keep(params: dict[str, Any], **_: object) -> None:
        asked.update(params)

    def reply(**_: object) -> object:
        return answer(asked)

    events = aws_session.boto
    events.register("before-parameter-build.cloudwatch.GetMetricData", keep)
    events.register("before-call.cloudwatch.GetMetricData", reply)

    def put(version: str, calls: int, errors: int, p95_ms: float) -> None:
        values = {"invocations": float(calls), "errors": float(errors), "p95": p95_ms}
        known.update({f"{name}_{version}": [value] for name, value in values.items()})

    yield put
    events.unregister("before-parameter-build.cloudwatch.GetMetricData", keep)
    events.unregister("before-call.cloudwatch.GetMetricData", reply)


@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_steps_go_on_while_the_new_version_is_as_good(
    start: Start, service: Any, function: str, cloudwatch: Callable[..., None]
) -> None:
    seen: list[dict[str, float]] = []

    def traffic() -> None:
        seen.append(alias_of(service, function)["RoutingConfig"]["AdditionalVersionWeights"])
        cloudwatch("1", 900, 2, 100.0)
        cloudwatch("2", 100, 0, 90.0)

    said: list[str] = []
    start(Recorded(traffic), said).apply(
        ApplyOptions(RUN, 640, "live", Steps((0.1, 0.5), 60.0, 110.0))
    )
    assert seen == [{"2": 0.1}, {"2": 0.5}]
    moved = alias_of(service, function)
    assert moved["FunctionVersion"] == "2"
    assert not (moved.get("RoutingConfig") or {}).get("AdditionalVersionWeights")
    assert any("100 invocations, 0 errors" in line for line in said)


@pytest.mark.parametrize(("errors", "p95_ms", "says"), [(30, 90.0, "errors"), (0, 400.0, "p95")])
@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_a_worse_version_is_taken_back_by_itself(
    errors: int,
    p95_ms: float,
    says: str,
    start: Start,
    service: Any,
    function: str,
    cloudwatch: Callable[..., None],
) -> None:
    def traffic() -> None:
        cloudwatch("1", 900, 2, 100.0)
        cloudwatch("2", 100, errors, p95_ms)

    with pytest.raises(TargetError, match=says):
        start(Recorded(traffic)).apply(ApplyOptions(RUN, 640, "live", Steps((0.1,), 60.0, 110.0)))
    back = alias_of(service, function)
    assert back["FunctionVersion"] == "1"
    assert not (back.get("RoutingConfig") or {}).get("AdditionalVersionWeights")
    assert memory_of(service, function) == 256


def test_few_invocations_and_chance_are_no_reason_to_go_back() -> None:
    assert why_worse(Health(1000, 1, 100.0), Health(10, 5, 900.0), None) is None
    assert why_worse(Health(1000, 10, 100.0), Health(100, 2, 110.0), None) is None
    assert why_worse(Health(1000, 10, 100.0), Health(100, 20, 110.0), None)
    assert why_worse(Health(), Health(100, 20, 110.0), None)
    assert why_worse(Health(1000, 0, 100.0), Health(100, 0, 240.0), 200.0) is None


def test_steps_are_sorted_shares_below_the_whole() -> None:
    assert parse_steps([0.5, 0.1, 1.0]) == (0.1, 0.5)


def test_a_record_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    record_path(tmp_path, RUN).write_text(json.dumps({"schema": "other/1"}))
    with pytest.raises(TargetError, match="cannot be read"):
        read_record(record_path(tmp_path, RUN))
