"""A change that AWS refuses is not made, and nothing of it has to be restored; one whose answer was
lost on one of its tries may have been."""

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ConnectionClosedError

from simulation.account import NAME, Account
from simulation.service import refused
from tuner.api.left import look
from tuner.errors import AccessDenied, TargetError
from tuner.records import Setting
from tuner.targets.aws import AwsTarget
from tuner.targets.aws_versions import AwsOptions
from tuner.targets.choices import Isolation
from tuner.targets.names import parse_target
from tuner.targets.seam import one_variant

THROTTLED = refused(429, "TooManyRequestsException", "Rate exceeded")
DENIED = refused(403, "AccessDeniedException", "not authorized")
BROKEN = refused(500, "ServiceException", "An error occurred")
FULL = refused(400, "CodeStorageExceededException", "Code storage limit exceeded.")


class Answers:
    """Raises these in place of an operation's answers, the last of them for ever; counts calls."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.calls = list(errors), 0

    def __call__(self, **_: Any) -> Any:
        self.calls += 1
        raise self.errors.pop(0) if len(self.errors) > 1 else self.errors[0]


@pytest.fixture
def target(account: Account, tmp_path: Path) -> AwsTarget:
    return opened(account, tmp_path, Isolation.VERSIONS)


def opened(account: Account, folder: Path, isolation: Isolation) -> AwsTarget:
    options = AwsOptions(journal=folder, isolation=isolation, clock=account.clock)
    return AwsTarget(account.control(), parse_target(NAME), options)


def test_sizes_that_are_throttled_to_the_end_need_no_restoring(
    account: Account, target: AwsTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = Answers(THROTTLED)
    monkeypatch.setattr(account, "update_function_configuration", answers)
    made = target.prepare([Setting(512), Setting(1024)])
    assert all(isinstance(each, TargetError) for each in made.values())
    assert answers.calls == 16  # eight tries for each
    target.restore()
    assert answers.calls == 16
    assert (account.functions[NAME].tags, look(tmp_path, tmp_path)) == ({}, ([], []))


def test_a_change_that_is_not_allowed_needs_no_restoring(
    account: Account, target: AwsTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = Answers(DENIED)
    monkeypatch.setattr(account, "update_function_configuration", answers)
    with pytest.raises(AccessDenied):
        target.prepare([Setting(512)])
    target.restore()
    assert answers.calls == 1
    assert (account.functions[NAME].tags, look(tmp_path, tmp_path)) == ({}, ([], []))


def test_a_size_that_cannot_be_published_is_put_back_once(
    account: Account, target: AwsTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(account, "publish_version", Answers(FULL))
    assert isinstance(target.prepare([Setting(512)])[Setting(512)], TargetError)
    target.restore()
    assert target._control.calls["UpdateFunctionConfiguration"] == 2
    assert account.latest()["MemorySize"] == 256
    assert look(tmp_path, tmp_path) == ([], [])


def test_a_change_that_was_lost_once_is_not_taken_for_refused(
    account: Account, target: AwsTarget, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = account.update_function_configuration
    errors = [ConnectionClosedError(endpoint_url="https://lambda"), *[THROTTLED] * 7]

    def fails_first(**parameters: Any) -> Any:
        if errors:
            raise errors.pop(0)
        return update(**parameters)

    monkeypatch.setattr(account, "update_function_configuration", fails_first)
    revision = account.latest()["RevisionId"]
    assert isinstance(target.prepare([Setting(512)])[Setting(512)], TargetError)
    # The lost one expects that RevisionId, so that it can be made no more.
    assert (errors, account.latest()["RevisionId"] != revision) == ([], True)
    target.restore()
    assert account.latest()["MemorySize"] == 256


def test_in_place_a_size_is_set_anew_after_the_change_of_another_failed(
    account: Account, tmp_path: Path
) -> None:
    target = opened(account, tmp_path, Isolation.IN_PLACE)
    one_variant(target, Setting(512))
    account.fails = 1.0
    assert isinstance(target.prepare([Setting(1024)])[Setting(1024)], TargetError)
    assert account.latest()["MemorySize"] == 1024
    account.fails = 0.0
    one_variant(target, Setting(512))
    assert account.latest()["MemorySize"] == 512
    target.restore()
    assert account.latest()["MemorySize"] == 256


@pytest.mark.parametrize("isolation", list(Isolation))
def test_our_own_change_that_could_not_be_read_is_nobody_elses(
    account: Account, tmp_path: Path, isolation: Isolation, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, update, left = account.get_function, account.update_function_configuration, [0]

    def fails(**parameters: Any) -> Any:
        account.catch_up()
        left[0] -= 1
        if left[0] >= 0:
            raise BROKEN
        return read(**parameters)

    def breaks_reads(**parameters: Any) -> Any:
        monkeypatch.setattr(account, "update_function_configuration", update)
        left[0] = 8  # as often as a call is tried
        return update(**parameters)

    monkeypatch.setattr(account, "get_function", fails)
    monkeypatch.setattr(account, "update_function_configuration", breaks_reads)
    target, smaller, larger = opened(account, tmp_path, isolation), Setting(512), Setting(1024)
    if isolation is Isolation.IN_PLACE:
        assert "internal error" in str(target.prepare([smaller])[smaller])
        made = target.prepare([larger])
    else:
        made = target.prepare([smaller, larger])
        assert "internal error" in str(made[smaller])
    assert not isinstance(made[larger], TargetError)
    target.restore()
    assert account.latest()["MemorySize"] == 256
    assert look(tmp_path, tmp_path) == ([], [])


def test_changes_that_are_delivered_twice_are_ours_and_go_back(
    account: Account, target: AwsTarget, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def twice(send: Any) -> Any:
        return lambda **parameters: send(**parameters) and send(**parameters)

    for name in ("update_function_configuration", "publish_version"):
        monkeypatch.setattr(account, name, twice(getattr(account, name)))
    made = target.prepare([Setting(512), Setting(1024)])
    assert not [each for each in made.values() if isinstance(each, TargetError)]
    target.restore()
    assert account.latest()["MemorySize"] == 256
    assert list(account.functions[NAME].versions) == ["1"]
    assert (account.functions[NAME].tags, look(tmp_path, tmp_path)) == ({}, ([], []))
