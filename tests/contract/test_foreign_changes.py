"""Somebody else changes the function meanwhile: nothing of theirs is ever overwritten."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tuner.aws.control import ControlPlane
from tuner.aws.journal import pending
from tuner.aws.lost import restore_journal
from tuner.aws.session import AwsSession
from tuner.clock import WallClock
from tuner.errors import ChangedUnderneath, TargetError
from tuner.records import Setting
from tuner.targets.aws import AwsTarget
from tuner.targets.choices import Isolation
from tuner.targets.seam import one_variant

OnCall = Callable[[AwsTarget, str, Callable[[], object]], None]


def test_what_the_user_publishes_meanwhile_stays(
    target: AwsTarget, service: Any, function: str
) -> None:
    one_variant(target, Setting(512))
    mine = service.client.publish_version(FunctionName=function, Description="by hand")["Version"]
    service.client.create_alias(FunctionName=function, Name="new", FunctionVersion=mine)
    one_variant(target, Setting(1024))
    before = service.picture(function)
    target.restore()
    after = service.picture(function)
    assert after["aliases"] == before["aliases"]
    numbers = [version["Version"] for version in after["versions"]]
    assert numbers == ["$LATEST", "1", mine]


def test_a_version_that_somebody_else_published_is_not_taken_for_ours(
    target: AwsTarget, service: Any, function: str, on_call: OnCall
) -> None:
    def publish() -> None:
        service.client.publish_version(FunctionName=function)

    on_call(target, "PublishVersion", publish)
    with pytest.raises(ChangedUnderneath, match=r"somebody else (published|changed)"):
        one_variant(target, Setting(512))
    target.restore()
    after = service.picture(function)
    assert [version["Version"] for version in after["versions"]] == ["$LATEST", "1", "2"]
    assert after["configuration"]["MemorySize"] == 256


@pytest.mark.parametrize("operation", ["UpdateFunctionConfiguration", "PublishVersion"])
def test_a_deployment_in_the_middle_is_never_overwritten(
    operation: str,
    target: AwsTarget,
    service: Any,
    function: str,
    on_call: OnCall,
    await_update: Callable[..., None],
) -> None:
    def deploy() -> None:
        service.client.update_function_configuration(
            FunctionName=function, Timeout=9, MemorySize=777, Description="deployed"
        )
        await_update(service, function)

    if (service.name, operation) == ("moto", "UpdateFunctionConfiguration"):
        pytest.skip("moto has no RevisionId, so nothing can be guarded between look and change")
    one_variant(target, Setting(128))
    on_call(target, operation, deploy)
    with pytest.raises(ChangedUnderneath):
        one_variant(target, Setting(512))
    target.restore()
    after = service.picture(function)
    # The deployment between our two steps keeps its timeout, and memory and description, too.
    latest = after["configuration"]
    assert (latest["Timeout"], latest["MemorySize"]) == (9, 777)
    assert latest["Description"] == "deployed"
    assert [version["Version"] for version in after["versions"]] == ["$LATEST", "1"]


def test_somebody_elses_deployment_stays_and_its_memory_is_restored(
    target: AwsTarget,
    service: Any,
    function: str,
    on_call: OnCall,
    await_update: Callable[..., None],
) -> None:
    def deploy() -> None:
        service.client.update_function_configuration(FunctionName=function, Timeout=9)
        await_update(service, function)

    on_call(target, "PublishVersion", deploy)
    with pytest.raises(ChangedUnderneath):
        one_variant(target, Setting(512))
    target.restore()
    latest = service.picture(function)["configuration"]
    assert (latest["Timeout"], latest["MemorySize"]) == (9, 256)
    assert latest["Description"] == "takes orders"


def test_a_version_that_an_alias_of_the_user_points_at_is_named_and_kept(
    target: AwsTarget, service: Any, function: str, journal: Path
) -> None:
    if service.name == "moto":
        pytest.skip("moto deletes versions that an alias points at")
    before = service.picture(function)
    version = one_variant(target, Setting(512)).qualifier
    service.client.create_alias(FunctionName=function, Name="mine", FunctionVersion=version)
    with pytest.raises(TargetError, match=f"version {version}") as caught:
        target.restore()
    assert "tuner restore" in caught.value.fix
    assert len(pending(journal)) == 1
    service.client.delete_alias(FunctionName=function, Name="mine")
    target.restore()
    assert service.picture(function) == before


def test_a_function_that_was_deleted_needs_nothing_put_back(
    open_target: Callable[..., AwsTarget],
    service: Any,
    make_zip: Callable[..., bytes],
    journal: Path,
) -> None:
    service.create("short-lived", make_zip({"app.py": "x"}))
    target = open_target("short-lived")
    one_variant(target, Setting(512))
    service.client.delete_function(FunctionName="short-lived")
    target.restore()
    assert pending(journal) == []


def test_a_function_that_an_interrupted_run_changed_is_not_measured(
    open_target: Callable[..., AwsTarget],
    service: Any,
    function: str,
    journal: Path,
    hasty_clock: WallClock,
    aws_session: AwsSession,
    on_call: OnCall,
) -> None:
    before = service.picture(function)
    crashed, second = open_target(function), open_target(function)

    def crash() -> None:
        raise SystemExit

    on_call(crashed, "PublishVersion", lambda: on_any_call(crashed, crash))
    with pytest.raises(SystemExit):
        one_variant(crashed, Setting(512))
    crashed._control.session.client.meta.events.unregister("before-call.lambda", unique_id="crash")
    crashed.close()
    with pytest.raises(TargetError, match="interrupted") as caught:
        one_variant(second, Setting(640))
    assert "tuner restore" in caught.value.fix
    (entry,) = pending(journal)
    assert restore_journal(entry, ControlPlane(aws_session, hasty_clock))
    assert service.picture(function) == before


def on_any_call(target: AwsTarget, act: Callable[[], object]) -> None:
    """Do something before every call of the target from now on."""
    events = target._control.session.client.meta.events
    events.register("before-call.lambda", lambda **_: act(), unique_id="crash")
    act()


def test_a_change_that_arrives_after_everything_was_put_back_is_refused(
    target: AwsTarget, service: Any, function: str, on_call: OnCall
) -> None:
    """The request of a killed process may be on its way when the function is put back."""
    if service.name == "moto":
        pytest.skip("moto has no RevisionId, so nothing can be refused")
    before = service.picture(function)
    revision = service.client.get_function(FunctionName=function)["Configuration"]["RevisionId"]

    def interrupt() -> None:
        raise KeyboardInterrupt

    on_call(target, "UpdateFunctionConfiguration", interrupt)
    with pytest.raises(KeyboardInterrupt):
        one_variant(target, Setting(512))
    target.restore()
    with pytest.raises(service.client.exceptions.PreconditionFailedException):
        service.client.update_function_configuration(
            FunctionName=function, MemorySize=512, RevisionId=revision
        )
    assert service.picture(function) == before


def deploy(service: Any, function: str, make_zip: Callable[..., bytes]) -> None:
    package = make_zip({"app.py": "def handler(event, context):\n    return 'other'\n"})
    service.client.update_function_code(FunctionName=function, ZipFile=package)


def test_a_deployment_while_the_last_size_is_measured_in_place_is_told(
    open_target: Callable[..., AwsTarget],
    service: Any,
    function: str,
    make_zip: Callable[..., bytes],
    await_update: Callable[..., None],
) -> None:
    target = open_target(function, isolation=Isolation.IN_PLACE)
    target.describe()
    one_variant(target, Setting(512))
    deploy(service, function, make_zip)
    await_update(service, function)
    target.restore()
    (advice,) = target.altered()
    assert advice.code == "changed-meanwhile"
    assert f"changed {function} during the run (CodeSha256)" in advice.text


@pytest.mark.parametrize("isolation", [Isolation.IN_PLACE, Isolation.VERSIONS])
def test_what_a_run_alone_has_changed_is_not_told_as_somebody_elses(
    isolation: Isolation, open_target: Callable[..., AwsTarget], function: str
) -> None:
    target = open_target(function, isolation=isolation)
    target.describe()
    one_variant(target, Setting(512))
    target.restore()
    assert target.altered() == ()


def test_a_deployment_beside_versions_of_a_run_is_none_of_its_business(
    target: AwsTarget, service: Any, function: str, make_zip: Callable[..., bytes]
) -> None:
    target.describe()
    one_variant(target, Setting(512))
    deploy(service, function, make_zip)
    assert target.altered() == ()


def test_an_alias_that_moves_during_a_load_on_it_is_told(
    open_target: Callable[..., AwsTarget],
    service: Any,
    function: str,
    await_update: Callable[..., None],
) -> None:
    target = open_target(f"{function}:live")
    target.describe()
    assert target.altered() == ()
    service.client.update_function_configuration(FunctionName=function, Timeout=9)
    await_update(service, function)
    other = service.client.publish_version(FunctionName=function)["Version"]
    service.client.update_alias(FunctionName=function, Name="live", FunctionVersion=other)
    (advice,) = target.altered()
    assert f"changed {function}:live during the run (Version)" in advice.text
