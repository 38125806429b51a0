"""Isolation by clone and in place: what is touched, what is measured, what is left."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tuner.aws.clone import clone_name, clone_parameters
from tuner.aws.control import ControlPlane
from tuner.aws.journal import pending
from tuner.aws.lost import restore_journal
from tuner.aws.session import AwsSession
from tuner.clock import WallClock
from tuner.errors import ChangedUnderneath, NotFound, TargetError, UsageError
from tuner.records import Setting
from tuner.targets.aws import AwsTarget
from tuner.targets.choices import Isolation, read_isolation
from tuner.targets.seam import Variant, one_variant

Open = Callable[..., AwsTarget]


def functions_of(service: Any) -> set[str]:
    return {f["FunctionName"] for f in service.client.list_functions()["Functions"]}


@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_a_copy_is_measured_and_the_function_never_touched(
    open_target: Open, service: Any, function: str, journal: Path
) -> None:
    get = service.client.get_function
    revision = get(FunctionName=function)["Configuration"]["RevisionId"]
    before, there = service.picture(function), functions_of(service)
    target = open_target(function, isolation=Isolation.CLONE)
    endpoint = target.endpoint()
    made = target.prepare(map(Setting, [128, 512]))
    copy = get(FunctionName=endpoint.function)
    assert copy["Configuration"]["CodeSha256"] == before["configuration"]["CodeSha256"]
    assert copy["Configuration"]["Timeout"] == 7
    assert copy["Tags"] == {"created-by": "tuner"}
    for setting, variant in made.items():
        assert isinstance(variant, Variant)
        version = get(FunctionName=endpoint.function, Qualifier=variant.qualifier)
        assert version["Configuration"]["MemorySize"] == setting.memory_mb
    answer = service.client.invoke(FunctionName=endpoint.function, Payload=b'{"a": 1}')
    assert answer["Payload"].read() == b'{"a": 1}'
    target.restore()
    assert service.picture(function) == before
    assert get(FunctionName=function)["Configuration"]["RevisionId"] == revision
    assert functions_of(service) == there
    assert pending(journal) == []


@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_a_copy_that_a_dead_run_left_is_deleted_and_twice_is_harmless(
    open_target: Open,
    service: Any,
    function: str,
    journal: Path,
    aws_session: AwsSession,
    hasty_clock: WallClock,
) -> None:
    there = functions_of(service)
    target = open_target(function, isolation=Isolation.CLONE)
    one_variant(target, Setting(512))
    assert len(functions_of(service)) == len(there) + 1
    target.close()
    (entry,) = pending(journal)
    control = ControlPlane(aws_session, hasty_clock)
    assert restore_journal(entry, control)
    assert functions_of(service) == there
    restore_journal(entry, control)
    assert pending(journal) == []


@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_a_copy_that_is_created_after_its_answer_was_given_up_is_deleted(
    open_target: Open, service: Any, function: str, journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = functions_of(service)
    asked: list[dict[str, Any]] = []

    class Late(WallClock):
        def sleep(self, seconds: float) -> None:
            if asked:
                service.client.create_function(**asked.pop())
            super().sleep(seconds / 10)

    target = open_target(function, isolation=Isolation.CLONE, clock=Late())
    send = target._control.send

    def lost(operation: str, thing: str, *done: Any, **parameters: Any) -> Any:
        if operation != "CreateFunction":
            return send(operation, thing, *done, **parameters)
        asked.append(parameters)
        raise TargetError(thing, "no answer")

    monkeypatch.setattr(target._control, "send", lost)
    with pytest.raises(TargetError, match="no answer"):
        one_variant(target, Setting(512))
    assert functions_of(service) == there  # not yet
    target.restore()
    assert asked == []
    assert functions_of(service) == there
    assert pending(journal) == []


@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_a_function_of_the_copys_name_that_is_not_ours_stays(
    open_target: Open, service: Any, function: str, make_zip: Callable[..., bytes]
) -> None:
    target = open_target(function, isolation=Isolation.CLONE)
    name = target.endpoint().function
    service.create(name, make_zip({"app.py": "x"}))
    with pytest.raises(TargetError):
        one_variant(target, Setting(512))
    target.restore()
    assert name in functions_of(service)
    service.client.delete_function(FunctionName=name)


def test_only_a_copy_of_ours_can_be_deleted_whole(aws_session: AwsSession) -> None:
    with pytest.raises(ValueError, match="not a copy"):
        ControlPlane(aws_session).delete_clone(
            "arn:aws:lambda:us-east-1:000000000000:function:orders"
        )


def test_a_copys_name_fits_whatever_the_functions() -> None:
    run = "01JZZZZZZZZZZZZZZZZZZZZZZZ"
    assert clone_name("arn:aws:lambda:x:0:function:orders", run).endswith("-orders")
    assert len(clone_name("f" * 64, run)) == 64


def test_everything_that_decides_behaviour_is_copied_and_no_trigger() -> None:
    configuration = {
        "FunctionName": "orders",
        "Role": "arn:role",
        "Handler": "app.handler",
        "Runtime": "python3.13",
        "Timeout": 9,
        "MemorySize": 512,
        "Architectures": ["arm64"],
        "KMSKeyArn": "arn:key",
        "Environment": {"Variables": {"A": "b"}},
        "Layers": [{"Arn": "arn:layer:1", "CodeSize": 3}],
        "VpcConfig": {"SubnetIds": ["s"], "SecurityGroupIds": ["g"], "VpcId": "v"},
        "SnapStart": {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"},
        "LoggingConfig": {"LogFormat": "JSON", "LogGroup": "/aws/lambda/orders"},
        "EphemeralStorage": {"Size": 1024},
        "TracingConfig": {"Mode": "Active"},
        "DeadLetterConfig": {"TargetArn": "arn:queue"},
        "RevisionId": "r",
    }
    made = clone_parameters(configuration, "orders")
    assert made["Layers"] == ["arn:layer:1"]
    assert made["VpcConfig"] == {"SubnetIds": ["s"], "SecurityGroupIds": ["g"]}
    assert made["SnapStart"] == {"ApplyOn": "PublishedVersions"}
    assert made["LoggingConfig"]["LogGroup"] == "/aws/lambda/orders"
    assert made["KMSKeyArn"] == "arn:key"
    assert made["Environment"] == {"Variables": {"A": "b"}}
    assert {"DeadLetterConfig", "RevisionId", "FunctionName"}.isdisjoint(made)


def test_variables_that_cannot_be_read_are_told_before_a_copy_is_made() -> None:
    with pytest.raises(TargetError, match="cannot be copied"):
        clone_parameters({"Environment": {"Error": {"ErrorCode": "AccessDenied"}}}, "orders")


def test_in_place_one_size_after_another_and_everything_is_put_back(
    open_target: Open, service: Any, function: str, journal: Path
) -> None:
    before = service.picture(function)
    target = open_target(function, isolation=Isolation.IN_PLACE)
    assert target.one_at_a_time
    for size in (128, 512):
        assert one_variant(target, Setting(size)).qualifier is None
        now = service.client.get_function_configuration(FunctionName=function)
        assert now["MemorySize"] == size
    sent = target._control.calls.total()
    one_variant(target, Setting(512))
    assert target._control.calls.total() == sent
    one_variant(target, Setting(512), fresh=True)
    assert target._control.calls.total() > sent
    assert len(service.picture(function)["versions"]) == len(before["versions"])
    target.restore()
    assert service.picture(function) == before
    assert pending(journal) == []


@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_in_place_a_deployment_in_the_middle_is_not_overwritten(
    open_target: Open, service: Any, function: str, await_update: Callable[..., None]
) -> None:
    target = open_target(function, isolation=Isolation.IN_PLACE)
    one_variant(target, Setting(512))
    service.client.update_function_configuration(
        FunctionName=function, MemorySize=777, Description="deployed"
    )
    await_update(service, function)
    with pytest.raises(ChangedUnderneath):
        one_variant(target, Setting(1024))
    target.restore()
    assert service.picture(function)["configuration"]["MemorySize"] == 777


def test_seven_sizes_and_cold_starts_of_three_take_few_calls(
    open_target: Open, function: str
) -> None:
    target = open_target(function)
    target.describe()
    sizes = [128, 256, 512, 768, 1024, 1280, 1536]
    target.prepare(map(Setting, sizes))
    target.prepare(map(Setting, [128, 512, 1536]), fresh=True)
    target.restore()
    # Set, wait, publish, read the RevisionId that this moves, delete; and 13 for all the rest, one
    # of which reads the RevisionId that our tags move.
    assert target._control.calls.total() <= 5 * (len(sizes) + 3) + 13, target._control.calls
    assert target._control.calls["UpdateFunctionConfiguration"] <= len(sizes) + 3 + 2


def test_another_word_for_isolation_is_bad_usage() -> None:
    with pytest.raises(UsageError, match="clone"):
        read_isolation("container")


@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_a_function_that_does_not_exist_is_not_copied(open_target: Open, journal: Path) -> None:
    with pytest.raises(NotFound):
        one_variant(open_target("nobody", isolation=Isolation.CLONE), Setting(128))
    assert pending(journal) == []
