"""Restoring outlasts old reads, throttles, failed updates and other hands' descriptions."""

from collections.abc import Callable, Container, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tuner.api.left import JOURNAL, look
from tuner.aws.journal import pending
from tuner.aws.session import AwsSession
from tuner.clock import VirtualClock
from tuner.errors import ChangedUnderneath, Interrupted, TargetError
from tuner.records import Setting
from tuner.targets.aws import AwsTarget
from tuner.targets.choices import Isolation
from tuner.targets.seam import one_variant

pytestmark = pytest.mark.parametrize("service", ["local"], indirect=True)

Hook = Callable[..., None]


@pytest.fixture
def hook(aws_session: AwsSession) -> Iterator[Hook]:
    """``hook(event, act)``: act on each call of the shared client, until the test ends."""
    events, known = aws_session.client.meta.events, []

    def register(event: str, act: Callable[..., object]) -> None:
        known.append((event, act))
        events.register(event, act)

    yield register
    for event, act in known:
        events.unregister(event, act)


def test_an_old_read_does_not_decide_what_is_put_back(
    target: AwsTarget, service: Any, function: str, journal: Path, hook: Hook
) -> None:
    before = service.picture(function)
    old, late = [dict(service.client.get_function(FunctionName=function))], [6]

    def lag(parsed: dict[str, Any], **_: object) -> None:
        if published and late[0]:
            late[0] -= 1
            parsed.update(old[0])

    published: list[object] = []
    hook("after-call.lambda.GetFunction", lag)
    hook("after-call.lambda.PublishVersion", lambda **_: published.append(1))
    one_variant(target, Setting(512))
    latest = service.picture(function)["configuration"]
    assert (latest, late) == (before["configuration"], [0])
    target.restore()
    assert service.picture(function) == before
    assert pending(journal) == []


@pytest.mark.parametrize("isolation", [Isolation.IN_PLACE, Isolation.VERSIONS])
def test_memory_goes_back_where_another_hand_set_the_description(
    isolation: Isolation,
    open_target: Callable[..., AwsTarget],
    service: Any,
    function: str,
    on_call: Callable[..., None],
    await_update: Callable[..., None],
) -> None:
    def stamp() -> None:
        service.client.update_function_configuration(
            FunctionName=function, Description="build 123", Timeout=9
        )
        await_update(service, function)

    target = open_target(function, isolation=isolation)
    if isolation is Isolation.VERSIONS:
        on_call(target, "PublishVersion", stamp)
        with pytest.raises(ChangedUnderneath):
            one_variant(target, Setting(512))
    else:
        one_variant(target, Setting(512))
        stamp()
    target.restore()
    latest = service.picture(function)["configuration"]
    assert latest["MemorySize"] == 256
    assert (latest["Description"], latest["Timeout"]) == ("build 123", 9)


def test_the_same_size_set_by_others_after_we_are_done_stays(
    target: AwsTarget, service: Any, function: str, await_update: Callable[..., None]
) -> None:
    one_variant(target, Setting(512))  # $LATEST is restored by now
    service.client.update_function_configuration(FunctionName=function, MemorySize=512)
    await_update(service, function)
    target.restore()
    assert service.picture(function)["configuration"]["MemorySize"] == 512


def fail_updates(numbers: Container[int], hook: Hook) -> list[int]:
    """Let these updates (from 1) fail after Lambda has accepted them; gives how many were made."""
    made = [0]

    def fail(parsed: dict[str, Any], **_: object) -> None:
        told = parsed.get("Configuration", {})
        if made[0] in numbers and told.get("LastUpdateStatus") == "Successful":
            told.update(LastUpdateStatus="Failed", LastUpdateStatusReason="the ENI limit")

    def count(**_: object) -> None:
        made[0] += 1

    hook("before-call.lambda.UpdateFunctionConfiguration", count)
    hook("after-call.lambda.GetFunction", fail)
    return made


def test_an_update_that_failed_is_told_with_its_reason(
    target: AwsTarget, service: Any, function: str, hook: Hook
) -> None:
    before = service.picture(function)
    fail_updates({1}, hook)
    made = target.prepare([Setting(512), Setting(1024)])
    failed = made[Setting(512)]
    assert isinstance(failed, TargetError)
    assert "the ENI limit" in failed.reason
    assert not isinstance(made[Setting(1024)], TargetError)
    target.restore()
    assert service.picture(function) == before


def test_a_restoring_update_that_failed_is_made_again(
    target: AwsTarget, service: Any, function: str, hook: Hook
) -> None:
    before = service.picture(function)
    made = fail_updates({2, 3}, hook)
    one_variant(target, Setting(512))
    assert made == [4]
    target.restore()
    assert service.picture(function) == before


def test_a_restoring_update_that_fails_each_time_keeps_the_journal(
    target: AwsTarget, service: Any, function: str, journal: Path, hook: Hook
) -> None:
    before = service.picture(function)
    fail_updates(range(2, 8), hook)
    with pytest.raises(TargetError, match="the ENI limit"):
        one_variant(target, Setting(512))
    assert len(pending(journal)) == 1
    target.restore()  # one more, which works
    assert service.picture(function) == before
    assert pending(journal) == []


def test_restoring_outlasts_throttles_that_end_a_measurement(
    target: AwsTarget, service: Any, function: str, hook: Hook
) -> None:
    before = service.picture(function)
    calls = [0]

    def throttle(**_: object) -> object:
        calls[0] += 1
        if not 2 <= calls[0] <= 13:
            return None
        error = {"Code": "TooManyRequestsException", "Message": "Rate exceeded"}
        return SimpleNamespace(status_code=429), {"Error": error, "ResponseMetadata": {}}

    hook("before-call.lambda.UpdateFunctionConfiguration", throttle)
    one_variant(target, Setting(512))
    target.restore()
    assert calls == [14]
    assert service.picture(function) == before


def test_what_could_not_be_restored_is_said_with_its_size(
    open_target: Callable[..., AwsTarget], service: Any, function: str, hook: Hook
) -> None:
    target = open_target(function, isolation=Isolation.IN_PLACE, journal=JOURNAL)
    one_variant(target, Setting(512))
    (left,) = look()[0]
    assert left.said() == f"{function} is at 512 MB; run `tuner restore` to put it back to 256 MB"
    target.restore()
    assert look() == ([], [])


def test_a_wait_for_an_update_ends_soon_after_the_user_wants_to_stop(
    open_target: Callable[..., AwsTarget], function: str, hook: Hook
) -> None:
    target = open_target(function, isolation=Isolation.IN_PLACE, clock=VirtualClock())
    updated: list[object] = []

    def never_done(parsed: dict[str, Any], **_: object) -> None:
        if updated:
            parsed["Configuration"]["LastUpdateStatus"] = "InProgress"

    hook("before-call.lambda.UpdateFunctionConfiguration", lambda **_: updated.append(1))
    hook("after-call.lambda.GetFunction", never_done)
    with pytest.raises(Interrupted, match="still updating"):
        target.prepare([Setting(512)], stop=lambda: True)
