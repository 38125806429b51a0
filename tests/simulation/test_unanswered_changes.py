"""Changes that are made although their answers say otherwise, odd answers, unknown conflicts."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.parsers import ResponseParserError

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


def opened(
    account: Account,
    folder: Path,
    isolation: Isolation,
    progress: Callable[[str], None] = lambda _: None,
) -> AwsTarget:
    options = AwsOptions(
        journal=folder, isolation=isolation, clock=account.clock, progress=progress
    )
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


def half(_account: Account) -> Any:
    """An answer with nothing in it."""
    return {}


def cut_off(_account: Account) -> Any:
    """An answer that botocore cannot read."""
    raise ResponseParserError("Unable to parse response")


def gone(_account: Account) -> Any:
    """No connection."""
    raise EndpointConnectionError(endpoint_url="https://lambda")


@pytest.mark.parametrize("answer", [half, cut_off, gone])
@pytest.mark.parametrize("seconds", [3.0, 20.0, 90.0])
def test_answers_that_are_not_lambdas_are_outlasted_while_restoring(
    account: Account, tmp_path: Path, answer: Any, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = opened(account, tmp_path, Isolation.IN_PLACE)
    one_variant(target, Setting(512))
    until = account.clock.monotonic() + seconds
    for name in ("get_function", *CHANGES):
        act = getattr(account, name)

        def odd(act: Any = act, **parameters: Any) -> Any:
            return act(**parameters) if account.clock.monotonic() >= until else answer(account)

        monkeypatch.setattr(account, name, odd)
    target.restore()
    assert account.latest()["MemorySize"] == 256
    assert (account.functions[NAME].tags, look(tmp_path, tmp_path)) == ({}, ([], []))


@pytest.mark.parametrize("answer", [half, cut_off, gone])
def test_elsewhere_they_are_told_within_a_second(
    account: Account, tmp_path: Path, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "get_function", lambda **_: answer(account))
    with pytest.raises(TargetError, match=r"does not answer as|cannot be reached"):
        opened(account, tmp_path, Isolation.IN_PLACE).describe()
    assert account.clock.monotonic() < 1.0


def test_what_restoring_waits_for_is_said_now_and_then(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    target = opened(account, tmp_path, Isolation.IN_PLACE, said.append)
    one_variant(target, Setting(512))
    assert not [line for line in said if "still restoring" in line]
    account.takes_s = (60.0, 60.0)
    keep_busy(account, 90.0, monkeypatch)
    target.restore()
    waited = [line.partition("s: ")[2] for line in said if line.startswith("still restoring, for ")]
    assert 6 <= len(waited) <= 12
    assert waited[0].endswith("(Please come back later); trying again")
    assert waited[-1] == "Lambda is still updating orders"


def test_a_size_that_is_set_for_minutes_is_said_to_be(account: Account, tmp_path: Path) -> None:
    said: list[str] = []
    target = opened(account, tmp_path, Isolation.IN_PLACE, said.append)
    account.takes_s = (100.0, 100.0)
    one_variant(target, Setting(512))
    waited = [line for line in said if line.endswith(": Lambda is still updating orders")]
    assert len(waited) == 6
    assert waited[0].startswith("still waiting, for 1")


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
