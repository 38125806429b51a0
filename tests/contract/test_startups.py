"""Ways to start on a service: made, refused with the reason, and taken back after any end."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.snapshots import SnapshotFront
from tuner.aws.control import ControlPlane
from tuner.aws.journal import pending
from tuner.aws.lost import restore_journal
from tuner.aws.session import SessionOptions, open_session
from tuner.clock import WallClock
from tuner.errors import TargetError
from tuner.records import Backend, Setting
from tuner.targets.aws import AwsTarget
from tuner.targets.aws_versions import AwsOptions
from tuner.targets.choices import Isolation
from tuner.targets.names import parse_target
from tuner.targets.seam import one_variant
from tuner.targets.suitability import no_snap_start

PROCESS = Path(__file__).parents[1] / "support" / "measuring_process.py"
TWO = Setting(512, start="provisioned=2")
SNAPSHOT = Setting(512, start="snapstart")
REGION = "eu-west-1"

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("service", ["local"], indirect=True)]


def never() -> bool:
    return False


@pytest.fixture
def free(service: Any, function: str) -> str:
    """The user's function, without its reservation."""
    service.client.delete_function_concurrency(FunctionName=function)
    return function


def provisioned(service: Any, function: str) -> list[Any]:
    listed = service.client.list_provisioned_concurrency_configs(FunctionName=function)
    return list(listed["ProvisionedConcurrencyConfigs"])


def picture(service: Any, function: str) -> dict[str, Any]:
    return {**service.picture(function), "provisioned": provisioned(service, function)}


def test_a_provisioned_version_is_ready_when_used_and_gone_afterwards(
    open_target: Callable[..., AwsTarget], service: Any, free: str
) -> None:
    before, target = picture(service, free), open_target(free)
    target.check([TWO])
    variant = one_variant(target, TWO)
    told = service.client.get_provisioned_concurrency_config(
        FunctionName=free, Qualifier=variant.qualifier
    )
    assert (told["Status"], told["AvailableProvisionedConcurrentExecutions"]) == ("READY", 2)
    target.restore()
    assert picture(service, free) == before


def test_a_copy_is_provisioned_and_the_function_is_not(
    open_target: Callable[..., AwsTarget], service: Any, free: str
) -> None:
    before, target = picture(service, free), open_target(free, isolation=Isolation.CLONE)
    variant, copy = one_variant(target, TWO), target.endpoint().function
    [kept] = provisioned(service, copy)
    assert kept["FunctionArn"].endswith(f"{copy}:{variant.qualifier}")
    assert provisioned(service, free) == []
    target.release(variant)
    assert provisioned(service, copy) == []
    target.restore()
    assert picture(service, free) == before


def test_what_is_paid_by_the_hour_is_taken_back_before_anything_else(
    open_target: Callable[..., AwsTarget], free: str, aws_session: Any
) -> None:
    target = open_target(free)
    one_variant(target, TWO)
    sent: list[str] = []

    def note(model: Any, **_: Any) -> None:
        sent.append(model.name)

    events = aws_session.client.meta.events
    events.register("before-call.lambda", note)
    try:
        target.restore()
    finally:
        events.unregister("before-call.lambda", note)
    changes = [name for name in sent if not name.startswith(("Get", "List"))]
    assert changes[0] == "DeleteProvisionedConcurrencyConfig"
    assert "DeleteFunction" in changes[1:]


def test_provisioned_concurrency_of_the_user_is_left_alone(
    open_target: Callable[..., AwsTarget], service: Any, free: str
) -> None:
    service.client.put_provisioned_concurrency_config(
        FunctionName=free, Qualifier="live", ProvisionedConcurrentExecutions=1
    )
    target = open_target(free)
    target.check([TWO])
    one_variant(target, TWO)
    target.restore()
    (left,) = provisioned(service, free)
    assert left["FunctionArn"].endswith(":live")


def test_a_version_of_the_same_number_that_is_not_ours_keeps_what_it_has(
    open_target: Callable[..., AwsTarget],
    service: Any,
    free: str,
    journal: Path,
    aws_session: Any,
    hasty_clock: WallClock,
    make_zip: Callable[..., bytes],
) -> None:
    target = open_target(free)
    variant = one_variant(target, TWO)
    target.close()
    client = service.client
    client.delete_function(FunctionName=free)
    service.create(free, make_zip({"app.py": "def handler(event, context): return 1\n"}))
    for timeout in (8, 9):
        client.update_function_configuration(FunctionName=free, Timeout=timeout)
        client.get_waiter("function_updated_v2").wait(
            FunctionName=free, WaiterConfig={"Delay": 0.1}
        )
        last = client.publish_version(FunctionName=free)["Version"]
    assert last == variant.qualifier
    client.put_provisioned_concurrency_config(
        FunctionName=free, Qualifier=last, ProvisionedConcurrentExecutions=1
    )
    (entry,) = pending(journal)
    assert restore_journal(entry, ControlPlane(aws_session, hasty_clock))
    assert len(provisioned(service, free)) == 1


def test_a_function_whose_init_fails_is_said_to_and_costs_nothing_more(
    open_target: Callable[..., AwsTarget], service: Any, make_zip: Callable[..., bytes]
) -> None:
    service.create("broken-init", make_zip({"app.py": "raise RuntimeError('no')\n"}))
    target = open_target("broken-init")
    with pytest.raises(TargetError, match="FUNCTION_ERROR_INIT_FAILURE"):
        one_variant(target, TWO)
    assert provisioned(service, "broken-init") == []
    target.restore()
    service.client.delete_function(FunctionName="broken-init")


def test_who_stops_while_it_is_waited_for_pays_no_longer(
    open_target: Callable[..., AwsTarget], service: Any, make_zip: Callable[..., bytes]
) -> None:
    slow = "import time\ntime.sleep(2)\ndef handler(event, context): return 1\n"
    service.create("slow-init", make_zip({"app.py": slow}))
    target = open_target("slow-init")
    with pytest.raises(TargetError, match="was not waited for"):
        one_variant(target, TWO, stop=lambda: provisioned(service, "slow-init") != [])
    assert provisioned(service, "slow-init") == []
    target.restore()
    service.client.delete_function(FunctionName="slow-init")


def test_refusals_come_before_any_change_and_name_the_reason(
    open_target: Callable[..., AwsTarget], service: Any, function: str
) -> None:
    before = picture(service, function)
    with pytest.raises(TargetError, match="leave nothing of its reserved concurrency of 3"):
        open_target(function).check([TWO._replace(start="provisioned=3")])
    service.client.delete_function_concurrency(FunctionName=function)
    with pytest.raises(TargetError, match="would leave 50 of the account's concurrency"):
        open_target(function).check([TWO._replace(start="provisioned=950")])
    with pytest.raises(TargetError, match="the local Lambda takes no snapshots"):
        open_target(function).check([SNAPSHOT])
    service.client.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=3)
    assert picture(service, function) == before


def test_an_alias_that_has_provisioned_concurrency_is_refused(
    open_target: Callable[..., AwsTarget], service: Any, free: str
) -> None:
    service.client.put_provisioned_concurrency_config(
        FunctionName=free, Qualifier="live", ProvisionedConcurrentExecutions=1
    )
    with pytest.raises(TargetError, match="already has provisioned concurrency"):
        open_target(f"{free}:live").check([TWO])


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"Runtime": "nodejs22.x"}, "it runs nodejs22.x"),
        ({"Runtime": "python3.11"}, "it runs python3.11"),
        ({"Runtime": "provided.al2023"}, "it runs provided.al2023"),
        ({"PackageType": "Image", "Runtime": None}, "container image"),
        ({"FileSystemConfigs": [{"Arn": "a"}]}, "file system"),
        ({"EphemeralStorage": {"Size": 1024}}, "1024 MB"),
    ],
)
def test_what_can_have_no_snapshot_is_told_why(
    service: Any, changed: dict[str, Any], reason: str
) -> None:
    usual = {"Runtime": "python3.13", "PackageType": "Zip", "Architectures": ["arm64"]}
    assert no_snap_start(usual, Backend.AWS) is None
    assert no_snap_start({**usual, "Runtime": "java21"}, Backend.AWS) is None
    assert no_snap_start({**usual, "Runtime": "dotnet8"}, Backend.AWS) is None
    assert reason in (no_snap_start({**usual, **changed}, Backend.AWS) or "")


@pytest.fixture
def front(service: Any) -> Iterator[SnapshotFront]:
    """A front with SnapStart before the service."""
    made = SnapshotFront(service.url)
    yield made
    made.close()


@pytest.fixture
def on_front(
    journal: Path, front: SnapshotFront, hasty_clock: WallClock
) -> Callable[[str], AwsTarget]:
    """Open a target through the front."""

    def open_(function: str) -> AwsTarget:
        session = open_session(SessionOptions(region=REGION, endpoint_url=front.url))
        options = AwsOptions(journal=journal, clock=hasty_clock)
        return AwsTarget(ControlPlane(session, hasty_clock), parse_target(function), options)

    return open_


def test_a_snapshot_is_waited_for_and_latest_is_without_snap_start_again(
    on_front: Callable[[str], AwsTarget], front: SnapshotFront, service: Any, free: str
) -> None:
    before, target = picture(service, free), on_front(free)
    target.check([SNAPSHOT])
    variant = one_variant(target, SNAPSHOT)
    assert front.looks[free, str(variant.qualifier)] == 0
    assert front.applied[free] == "None"
    target.restore()
    assert picture(service, free) == before


def test_a_snapshot_that_fails_is_told_with_awss_reason(
    on_front: Callable[[str], AwsTarget], front: SnapshotFront, service: Any, free: str
) -> None:
    before, target = picture(service, free), on_front(free)
    front.fails = True
    with pytest.raises(TargetError, match="INIT failed"):
        one_variant(target, SNAPSHOT)
    target.restore()
    assert (picture(service, free), front.applied[free]) == (before, "None")


def test_a_function_that_has_snap_start_is_refused(
    on_front: Callable[[str], AwsTarget], front: SnapshotFront, free: str
) -> None:
    front.applied[free] = "PublishedVersions"
    with pytest.raises(TargetError, match="already has SnapStart"):
        on_front(free).check([TWO])


def test_snap_start_that_somebody_else_set_meanwhile_is_left_as_it_is(
    on_front: Callable[[str], AwsTarget], front: SnapshotFront, free: str
) -> None:
    target = on_front(free)
    one_variant(target, TWO)
    front.applied[free] = "PublishedVersions"
    target.restore()
    assert front.applied[free] == "PublishedVersions"


@pytest.mark.parametrize("way", ["provisioned=2", "snapstart"])
def test_killed_anywhere_all_is_put_back(
    way: str,
    service: Any,
    front: SnapshotFront,
    free: str,
    journal: Path,
    hasty_clock: WallClock,
) -> None:
    before = picture(service, free)
    session = open_session(SessionOptions(region=REGION, endpoint_url=front.url))
    ended, kills = "killed", 0
    with subprocess.Popen(
        [sys.executable, str(PROCESS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        while ended == "killed":
            order = {
                "url": front.url,
                "function": free,
                "journal": str(journal),
                "what": "start",
                "startup": way,
                "at": kills * 3,
            }
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            ended = process.stdout.readline().split()[0]
            kills += 1
            for entry in pending(journal):
                assert restore_journal(
                    replace(entry, running=False), ControlPlane(session, hasty_clock)
                )
            now = (picture(service, free), front.applied.get(free, "None"), pending(journal))
            assert now == (before, "None", []), f"killed at point {kills * 3}"
        process.stdin.close()
    assert ended == "done"
    assert kills > 8
