"""The first Ctrl-C: what a measurement waits for ends at once, and restoring gives up soon."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simulation.account import NAME, Account
from simulation.service import refused
from tuner.api.left import look
from tuner.aws.apply import Application, ApplyOptions
from tuner.errors import Interrupted, TargetError
from tuner.records import Setting
from tuner.targets.aws import AwsTarget
from tuner.targets.aws_versions import AwsOptions
from tuner.targets.choices import Isolation
from tuner.targets.names import parse_target

RUN = "01JZZZZZZZZZZZZZZZZZZZZZZZ"


class Patient:
    """A user who stops a run at a moment."""

    def __init__(self, account: Account, at_s: float = math.inf) -> None:
        self.account, self.at_s = account, at_s

    def __call__(self) -> bool:
        return self.account.clock.monotonic() >= self.at_s


class User(Patient):
    """A user who stops a run a while after the function was updated."""

    def __call__(self) -> bool:
        if self.account.functions[NAME].latest["MemorySize"] != 256:
            self.at_s = min(self.at_s, self.account.clock.monotonic() + 1.5)
        return super().__call__()


@pytest.fixture
def user(account: Account) -> User:
    return User(account)


def opened(
    account: Account, folder: Path, isolation: Isolation, stop: Callable[[], bool]
) -> AwsTarget:
    options = AwsOptions(journal=folder, isolation=isolation, clock=account.clock, stop=stop)
    return AwsTarget(account.control(), parse_target(NAME), options)


def interrupted(account: Account, target: AwsTarget, user: User) -> float:
    """Prepare sizes of which an update takes long; the seconds from the stop until that has
    ended."""
    with pytest.raises(Interrupted, match="still updating"):
        target.prepare([Setting(512), Setting(1024)], stop=user)
    return account.clock.monotonic() - user.at_s


def timed(account: Account, act: Callable[[], object]) -> float:
    """The seconds that it takes until it fails."""
    began = account.clock.monotonic()
    with pytest.raises(TargetError):
        act()
    return account.clock.monotonic() - began


@pytest.mark.parametrize("isolation", [Isolation.IN_PLACE, Isolation.VERSIONS])
def test_the_wait_for_an_update_ends_as_soon_as_the_user_stops(
    account: Account, tmp_path: Path, isolation: Isolation, user: User
) -> None:
    account.takes_s = (25.0, 25.0)
    target = opened(account, tmp_path, isolation, user)
    assert interrupted(account, target, user) <= 1.0
    account.takes_s = (1.0, 1.0)
    target.restore()
    assert account.latest()["MemorySize"] == 256
    assert account.functions[NAME].tags == {}
    assert look(tmp_path, tmp_path) == ([], [])


@pytest.mark.parametrize("isolation", [Isolation.IN_PLACE, Isolation.VERSIONS])
def test_restoring_gives_up_half_a_minute_after_the_user_stops(
    account: Account, tmp_path: Path, isolation: Isolation, user: User
) -> None:
    account.takes_s = (9_999.0, 9_999.0)
    target = opened(account, tmp_path, isolation, user)
    interrupted(account, target, user)
    assert 29.0 <= timed(account, target.restore) <= 33.0
    (left,), _ = look(tmp_path, tmp_path)
    assert left.said() == f"{NAME} is at 512 MB; run `tuner restore` to put it back to 256 MB"
    target.close()


def test_a_wish_to_stop_while_restoring_leaves_it_half_a_minute_more(
    account: Account, tmp_path: Path
) -> None:
    user = Patient(account)
    target = opened(account, tmp_path, Isolation.IN_PLACE, user)
    target.prepare([Setting(512)])
    account.takes_s = (9_999.0, 9_999.0)
    account.change(NAME, Timeout=31)
    user.at_s = account.clock.monotonic() + 100.0
    assert 128.0 <= timed(account, target.restore) <= 134.0
    target.close()


def test_restoring_outlasts_a_throttle_of_twenty_seconds_after_a_stop(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = opened(account, tmp_path, Isolation.IN_PLACE, lambda: True)
    target.prepare([Setting(512)])
    until, update = account.clock.monotonic() + 20.0, account.update_function_configuration

    def throttled(**parameters: Any) -> Any:
        if account.clock.monotonic() < until:
            raise refused(429, "TooManyRequestsException", "Rate exceeded")
        return update(**parameters)

    monkeypatch.setattr(account, "update_function_configuration", throttled)
    target.restore()
    assert account.latest()["MemorySize"] == 256


def test_a_change_that_is_throttled_is_not_tried_again_once_the_user_stops(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []

    def throttled(**parameters: Any) -> Any:
        asked.append(parameters)
        raise refused(429, "TooManyRequestsException", "Rate exceeded")

    monkeypatch.setattr(account, "update_function_configuration", throttled)
    target = opened(account, tmp_path, Isolation.VERSIONS, lambda: bool(asked))
    with pytest.raises(Interrupted, match="stopped while UpdateFunctionConfiguration was tried"):
        target.prepare([Setting(512)], stop=lambda: bool(asked))
    assert len(asked) == 1
    monkeypatch.undo()
    target.restore()
    assert account.latest()["MemorySize"] == 256
    assert look(tmp_path, tmp_path) == ([], [])


def test_an_interrupted_application_gives_up_rolling_back_as_soon(
    account: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.takes_s = (9_999.0, 9_999.0)
    get, said, began = account.get_function, list[str](), list[float]()

    def interrupts(**parameters: Any) -> Any:
        if account.functions[NAME].latest["MemorySize"] == 640 and not began:
            began.append(account.clock.monotonic())
            raise KeyboardInterrupt
        return get(**parameters)

    monkeypatch.setattr(account, "get_function", interrupts)
    application = Application(account.control(), NAME, tmp_path, said.append)
    with pytest.raises(KeyboardInterrupt):
        application.apply(ApplyOptions(RUN, 640))
    assert account.clock.monotonic() - began[0] <= 35.0
    assert "run `tuner restore`" in said[-1]
    (left,), _ = look(tmp_path, tmp_path)
    assert left.said() == f"{NAME} is at 640 MB; run `tuner restore` to put it back to 256 MB"


def test_a_limit_that_ends_a_measurement_shortens_no_restoring(
    account: Account, tmp_path: Path
) -> None:
    target = opened(account, tmp_path, Isolation.IN_PLACE, lambda: False)
    over: list[bool] = []
    target.prepare([Setting(512)], stop=lambda: bool(over))
    over.append(True)
    account.takes_s = (120.0, 120.0)
    account.change(NAME, Timeout=31)
    target.restore()
    assert account.latest()["MemorySize"] == 256


def test_a_user_who_stops_is_heard_before_anything_is_changed(
    account: Account, tmp_path: Path
) -> None:
    account.takes_s = (9_999.0, 9_999.0)
    account.change(NAME, Timeout=31)
    began = account.clock.monotonic()
    target = opened(account, tmp_path, Isolation.VERSIONS, Patient(account, began + 5.0))
    with pytest.raises(Interrupted, match="still updating"):
        target.describe()
    assert account.clock.monotonic() - began < 8.0
