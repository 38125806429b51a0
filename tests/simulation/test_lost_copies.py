"""A temporary copy whose journal is lost is deleted as patiently, and as cheaply, as any other."""

from pathlib import Path
from typing import Any

import pytest

from simulation.account import NAME, Account
from simulation.service import refused
from tuner.aws.lost import lost_on
from tuner.records import Setting
from tuner.targets.aws import AwsTarget
from tuner.targets.aws_versions import AwsOptions
from tuner.targets.choices import Isolation
from tuner.targets.names import parse_target
from tuner.targets.seam import one_variant

THROTTLED = refused(429, "TooManyRequestsException", "Rate exceeded")


@pytest.fixture
def copy(account: Account, tmp_path: Path) -> str:
    """The name of a copy with provisioned concurrency."""
    options = AwsOptions(journal=tmp_path, isolation=Isolation.CLONE, clock=account.clock)
    target = AwsTarget(account.control(), parse_target(NAME), options)
    one_variant(target, Setting(512, start="provisioned=2"))
    target.close()
    return target.endpoint().function


def put_back(account: Account) -> None:
    (lost,) = lost_on(account.control(), NAME)
    lost.back(lambda _: None)


def test_what_is_provisioned_goes_before_the_copy(
    account: Account, copy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    provisioned, delete = account.functions[copy].provisioned, account.delete_function
    left: list[dict[str, int]] = []

    def noted(**parameters: Any) -> Any:
        left.append(dict(provisioned))
        return delete(**parameters)

    assert list(provisioned.values()) == [2]
    monkeypatch.setattr(account, "delete_function", noted)
    put_back(account)
    assert left == [{}]
    assert list(account.functions) == [NAME]


@pytest.mark.parametrize("lost", [False, True])
def test_a_copy_whose_description_others_have_set_is_deleted(
    account: Account, tmp_path: Path, lost: bool
) -> None:
    options = AwsOptions(journal=tmp_path, isolation=Isolation.CLONE, clock=account.clock)
    target = AwsTarget(account.control(), parse_target(NAME), options)
    one_variant(target, Setting(512))
    account.change(target.endpoint().function, Description="build 7")
    account.latest()
    if lost:
        target.close()
        put_back(account)
    else:
        target.restore()
    assert list(account.functions) == [NAME]


def test_a_copy_is_deleted_although_that_is_throttled_for_minutes(
    account: Account, copy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready_s, delete = account.clock.monotonic() + 100.0, account.delete_function

    def throttled(**parameters: Any) -> Any:
        if account.clock.monotonic() < ready_s:
            raise THROTTLED
        return delete(**parameters)

    monkeypatch.setattr(account, "delete_function", throttled)
    put_back(account)
    assert list(account.functions) == [NAME]


def test_a_copy_goes_although_its_versions_may_not_be_listed(
    account: Account, copy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = account.list_versions_by_function

    def denied(FunctionName: str, **parameters: Any) -> Any:  # noqa: N803
        if FunctionName == copy:
            raise refused(403, "AccessDeniedException", "not authorized")
        return listed(FunctionName, **parameters)

    monkeypatch.setattr(account, "list_versions_by_function", denied)
    put_back(account)
    assert list(account.functions) == [NAME]


def test_the_copy_of_a_function_whose_name_begins_alike_is_left(
    account: Account, tmp_path: Path
) -> None:
    measured, other = (f"company-production-order-service-{each}" for each in ("get", "put"))
    account.add(measured)
    account.add(other)
    options = AwsOptions(journal=tmp_path, isolation=Isolation.CLONE, clock=account.clock)
    one_variant(AwsTarget(account.control(), parse_target(measured), options), Setting(512))
    assert lost_on(account.control(), other) == []
    (left,) = lost_on(account.control(), measured)
    assert left.copy is not None
