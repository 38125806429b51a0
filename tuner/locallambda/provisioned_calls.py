"""The calls on provisioned concurrency of versions and aliases."""

from typing import Any

from tuner.locallambda.answers import (
    NO_CONTENT,
    Answer,
    ApiError,
    conflict,
    document,
    invalid,
    violated,
)
from tuner.locallambda.concurrency_calls import MIN_UNRESERVED, provisioned_of, set_aside
from tuner.locallambda.control import Call, Control, page
from tuner.locallambda.functions import Function, Provisioned
from tuner.locallambda.names import LATEST, function_arn
from tuner.locallambda.validation import missing, out_of_bounds

_FIELD = "provisionedConcurrentExecutions"


async def put_provisioned(control: Control, call: Call) -> Answer:
    """PutProvisionedConcurrencyConfig: 202, IN_PROGRESS with none allocated yet."""
    asked = call.body().get("ProvisionedConcurrentExecutions")
    if asked is None:
        raise violated([missing(_FIELD)])
    wrong = out_of_bounds(asked, _FIELD, 1, 1 << 31)
    if wrong:
        raise violated([wrong])
    function = control.registry.get(call.ref())
    qualifier = call.ref().qualifier
    if qualifier in (None, LATEST):
        raise invalid(
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
        )
    _check_target(control, function, str(qualifier))
    _check_room(control, function, str(qualifier), asked)
    one = control.provisioning.start(function, str(qualifier), asked)
    control.registry.keep(function)
    return document(_told(one), 202)


async def get_provisioned(control: Control, call: Call) -> Answer:
    """GetProvisionedConcurrencyConfig, or with ``List=ALL`` ListProvisionedConcurrencyConfigs."""
    if call.query.get("List") == "ALL":
        function = control.registry.get(call.ref())
        told = [
            {"FunctionArn": function_arn(function.region, function.name, key), **_told(one)}
            for key, one in sorted(function.provisioned.items())
        ]
        return document(page(told, "ProvisionedConcurrencyConfigs", call.query))
    function, qualifier = _configured(control, call)
    return document(_told(function.provisioned[qualifier]))


async def delete_provisioned(control: Control, call: Call) -> Answer:
    """DeleteProvisionedConcurrencyConfig: 204."""
    function, qualifier = _configured(control, call)
    control.provisioning.stop(function, qualifier)
    control.registry.keep(function)
    return NO_CONTENT


def provisioned_elsewhere(function: Function, qualifier: str, number: str) -> bool:
    """Whether sandboxes of a version are kept ready already, under another qualifier."""
    return any(
        key != qualifier and one.version == number for key, one in function.provisioned.items()
    )


def alias_on_provisioned() -> ApiError:
    """409 for an alias whose version has provisioned concurrency of its own."""
    return conflict(
        "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned "
        "version"
    )


def _check_target(control: Control, function: Function, qualifier: str) -> None:
    """404 without such a version or alias, 409 if its version has such a configuration."""
    alias = function.aliases.get(qualifier)
    if alias is not None and alias.version == LATEST:
        raise invalid(
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
        )
    control.registry.version(function, qualifier)  # 404 if there is none
    if provisioned_elsewhere(function, qualifier, alias.version if alias else qualifier):
        if qualifier in function.aliases:
            raise alias_on_provisioned()
        raise conflict("Version is pointed by a Provisioned Concurrency alias")


def _check_room(control: Control, function: Function, qualifier: str, asked: int) -> None:
    """400 if the function's reservation, or else the account, has not that much left."""
    others = provisioned_of(function, besides=qualifier)
    if function.reserved is not None:
        if others + asked > function.reserved:
            raise invalid(
                "Requested Provisioned Concurrency should not be greater than the "
                "reservedConcurrentExecution for function"
            )
        return
    limit = control.account_concurrency
    left = limit - set_aside(control, function.region, function) - others
    if asked > left:
        raise invalid(
            "Specified ConcurrentExecutions for function is greater than account's unreserved "
            f"concurrency [{left}].",
            typed=False,
        )
    floor = min(MIN_UNRESERVED, limit)
    if left - asked < floor:
        raise invalid(
            "Specified ConcurrentExecutions for function decreases account's "
            f"UnreservedConcurrentExecution below its minimum value of [{floor}].",
            typed=False,
        )


def _configured(control: Control, call: Call) -> tuple[Function, str]:
    ref = call.ref()
    function = control.registry.get(ref)
    if ref.qualifier in (None, LATEST):
        raise invalid("The function resource provided must be an alias or a published version.")
    control.registry.version(function, ref.qualifier)
    if ref.qualifier not in function.provisioned:
        raise ApiError(
            404,
            "ProvisionedConcurrencyConfigNotFoundException",
            "No Provisioned Concurrency Config found for this function",
            Type="User",
        )
    return function, str(ref.qualifier)


def _told(one: Provisioned) -> dict[str, Any]:
    told: dict[str, Any] = {
        "RequestedProvisionedConcurrentExecutions": one.asked,
        "AllocatedProvisionedConcurrentExecutions": one.ready,
        "AvailableProvisionedConcurrentExecutions": one.ready,
        "Status": one.status,
        "LastModified": one.modified,
    }
    return told if one.reason is None else {**told, "StatusReason": one.reason}
