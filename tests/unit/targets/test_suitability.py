"""Which functions are refused before anything is changed, and why."""

from types import SimpleNamespace
from typing import Any

import pytest

from tuner.errors import TargetError
from tuner.targets.suitability import (
    refuse_other_version,
    refuse_split_alias,
    refuse_unsuitable,
    uses_snap_start,
)

FINE = {
    "FunctionName": "orders",
    "State": "Active",
    "LastUpdateStatus": "Successful",
    "PackageType": "Zip",
    "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
    "CodeSha256": "a",
    "Version": "$LATEST",
    "MemorySize": 128,
    "Timeout": 3,
}

REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"CapacityProviderConfig": {"LambdaManagedInstancesCapacityProviderConfig": {}}}, "Managed"),
    ({"DurableConfig": {"ExecutionTimeout": 60}}, "durable"),
    ({"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}, "tenant"),
    ({"PackageType": "Image", "SnapStart": {"ApplyOn": "PublishedVersions"}}, "SnapStart"),
    ({"MasterArn": "arn:aws:lambda:us-east-1:000000000000:function:orders:3"}, "Lambda@Edge"),
    ({"State": "Inactive", "StateReason": "idle for long"}, "inactive (idle for long)"),
    ({"State": "Failed", "StateReason": "no ENI"}, "its state is Failed (no ENI)"),
    ({"State": "Deactivated"}, "its state is Deactivated"),
    ({"LastUpdateStatus": "Failed", "LastUpdateStatusReason": "KMS"}, "last update failed (KMS)"),
]


@pytest.mark.parametrize(("more", "said"), REFUSED)
def test_what_cannot_be_measured_is_refused_with_reason_and_next_step(
    more: dict[str, Any], said: str
) -> None:
    with pytest.raises(TargetError) as caught:
        refuse_unsuitable({**FINE, **more}, "orders")
    assert said in caught.value.reason
    assert caught.value.fix


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"PackageType": "Image"},
        {"SnapStart": {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}},
        {"State": None},
    ],
)
def test_ordinary_functions_pass(more: dict[str, Any]) -> None:
    refuse_unsuitable({**FINE, **more}, "orders")


def test_a_version_that_differs_in_memory_only_is_measured() -> None:
    refuse_other_version({**FINE, "Version": "3", "MemorySize": 512}, FINE, "orders:3")


def test_a_version_with_other_code_is_refused_and_the_difference_named() -> None:
    other = {**FINE, "Version": "3", "CodeSha256": "b", "Timeout": 30}
    with pytest.raises(TargetError) as caught:
        refuse_other_version(other, FINE, "orders:live")
    assert "version 3, which differs from $LATEST in code, timeout" in caught.value.reason


def refuse_alias(alias: dict[str, Any], qualifier: str = "live") -> None:
    control: Any = SimpleNamespace(get_alias=lambda _function, _qualifier: alias)
    refuse_split_alias(control, "orders", qualifier, f"orders:{qualifier}")


def test_an_alias_that_splits_its_traffic_is_refused() -> None:
    refuse_alias({"FunctionVersion": "3"})
    refuse_alias({"FunctionVersion": "3", "RoutingConfig": {}})
    split = {"FunctionVersion": "3", "RoutingConfig": {"AdditionalVersionWeights": {"4": 0.1}}}
    with pytest.raises(TargetError, match="between versions 3, 4"):
        refuse_alias(split)
    refuse_alias(split, "3")


def test_snap_start_is_seen() -> None:
    assert uses_snap_start({"SnapStart": {"ApplyOn": "PublishedVersions"}})
    assert not uses_snap_start(FINE)
    assert not uses_snap_start({})
