"""Changes that are made although their answers say otherwise, and conflicts of unknown kinds."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from simulation.account import NAME, Account
from simulation.service import refused
from tuner.api.left import look
from tuner.aws.apply import Application, ApplyOptions
from tuner.errors import TargetError
from tuner.records import Setting
from tuner.targets.aws import AwsTarget
from tuner.targets.aws_versions import AwsOptions
from tuner.targets.choices import Isolation
from tuner.targets.names import parse_target
from tuner.targets.seam import one_variant

RUN = "01JZZZZZZZZZZZZZZZZZZZZZZZ"
BROKEN = refused(500, "ServiceException", "An error occurred")
BUSY = refused(409, "ResourceConflictException", "Please come back later")
CHANGES = (
    *("update_function_configuration", "update_function_code", "publish_version", "update_alias"),
    *("delete_function", "tag_resource", "untag_resource"),
    *("put_provisioned_concurrency_config", "delete_provisioned_concurrency_config"),
)


def opened(account: Account, folder: Path, isolation: Isolation) -> AwsTarget:
    options = AwsOptions(journal=folder, isolation=isolation, clock=account.clock)
    return AwsTarget(account.control(), parse_target(NAME), options)


def act_and_fail(account: Account, monkeypatch: pytest.MonkeyPatch, *operations: str) -> None:
    """Have operations be done, and answered with an internal error, for good."""

    def failing(act: Callable[..., Any]) -> Callable[..., Any]:
        def send(**parameters: Any) -> Any:
            with suppress(ClientError):  # the service's own answer is never seen
                act(**parameters)
            raise BROKEN

        return send

    for name in operations:
        monkeypatch.setattr(account, name, failing(getattr(account, name)))


@pytest.mark.parametrize("isolation", [Isolation.VERSIONS, Isolation.IN_PLACE])
def test_all_that_is_done_and_answered_with_500_ends_as_done(
    account: Account, tmp_path: Path, isolation: Isolation, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = opened(account, tmp_path, isolation)
    target.describe()
    act_and_fail(account, monkeypatch, *CHANGES)
    for size in (512, 1024):
        one_variant(target, Setting(size))
    began = account.clock.monotonic()
    target.restore()
    assert account.clock.monotonic() - began < 100.0
    assert account.latest()["MemorySize"] == 256
    assert account.latest()["Description"] == "takes orders"
    assert (list(account.functions[NAME].versions), account.functions[NAME].tags) == (["1"], {})
    assert look(tmp_path, tmp_path) == ([], [])


def test_an_application_whose_every_answer_is_500_is_applied_and_undone(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    act_and_fail(account, monkeypatch, *CHANGES)
    application = Application(account.control(), NAME, tmp_path, lambda _: None)
    done = application.apply(ApplyOptions(RUN, 640, "live", arch="arm64"))
    assert done is not None
    latest = account.latest()
    assert (latest["MemorySize"], latest["Architectures"]) == (640, ["arm64"])
    application.undo(done)
    latest = account.latest()
    assert (latest["MemorySize"], latest["Architectures"]) == (256, ["x86_64"])
    assert list(account.functions[NAME].versions) == ["1"]
    assert account.functions[NAME].aliases["live"]["FunctionVersion"] == "1"
    assert account.functions[NAME].tags == {}


def test_an_old_read_does_not_prove_that_a_failed_change_is_done(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it shows is what is wanted: the function as it was before the run."""
    before = dict(account.functions[NAME].latest)
    target = opened(account, tmp_path, Isolation.IN_PLACE)
    one_variant(target, Setting(512))
    update, failures = account.update_function_configuration, [3]

    def fails_unmade(**parameters: Any) -> Any:
        failures[0] -= 1
        if failures[0] >= 0:
            account.stale = before
            raise BROKEN
        return update(**parameters)

    monkeypatch.setattr(account, "update_function_configuration", fails_unmade)
    target.close()
    (left,), _ = look(tmp_path, tmp_path)
    assert left.back(account.control(), lambda _: None)
    assert failures[0] < 0
    assert account.latest()["MemorySize"] == 256


def keep_busy(account: Account, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer changes for so many seconds with a conflict of a kind that nobody knows."""
    until, update = account.clock.monotonic() + seconds, account.update_function_configuration

    def busy(**parameters: Any) -> Any:
        if account.clock.monotonic() < until:
            raise BUSY
        return update(**parameters)

    monkeypatch.setattr(account, "update_function_configuration", busy)


@pytest.mark.parametrize("seconds", [3.0, 90.0])
def test_a_conflict_of_an_unknown_kind_is_outlasted_for_minutes_while_restoring(
    account: Account, tmp_path: Path, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = opened(account, tmp_path, Isolation.IN_PLACE)
    one_variant(target, Setting(512))
    keep_busy(account, seconds, monkeypatch)
    target.restore()
    assert account.latest()["MemorySize"] == 256
    assert look(tmp_path, tmp_path) == ([], [])


@pytest.mark.parametrize(("seconds", "fails"), [(0.1, False), (30.0, True)])
def test_a_conflict_of_an_unknown_kind_ends_a_size_in_seconds(
    account: Account,
    tmp_path: Path,
    seconds: float,
    fails: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = opened(account, tmp_path, Isolation.VERSIONS)
    target.describe()
    keep_busy(account, seconds, monkeypatch)
    made = target.prepare([Setting(512)])[Setting(512)]
    assert ("come back later" in str(made)) == isinstance(made, TargetError) == fails
    target.restore()
    assert account.latest()["MemorySize"] == 256
    assert look(tmp_path, tmp_path) == ([], [])
