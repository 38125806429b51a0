"""The calls on concurrency: the account's, reserved for a function, provisioned for a version."""

from typing import Any

from tuner.locallambda.api.requests import ApiRequest, page
from tuner.locallambda.registry.function import Function, Provisioned
from tuner.locallambda.registry.names import CHANGING, LATEST
from tuner.locallambda.registry.packages import MAX_UNZIPPED, MAX_ZIPPED
from tuner.locallambda.registry.validation import check_model
from tuner.locallambda.responses import (
    NO_CONTENT,
    ApiError,
    Response,
    conflict,
    document,
    functions_only,
    invalid,
)
from tuner.locallambda.service import Service

#: What AWS keeps for functions without a reservation; a smaller account keeps all it has.
MIN_UNRESERVED = 100
#: Bytes (AWS Lambda quotas, 2026: 300 GB of unzipped code).
CODE_STORAGE = 300 * 1024**3


async def put_function_concurrency(service: Service, call: ApiRequest) -> Response:
    body = call.body()
    function = _unqualified(service, call)
    key = "ReservedConcurrentExecutions"
    check_model(body, [key], required=[key])
    asked = body[key]
    kept_ready = provisioned_of(function)
    if asked < kept_ready:
        raise invalid(
            f" ReservedConcurrentExecutions  {asked} should not be lower than function's total "
            f"provisioned concurrency [{kept_ready}].",
            typed=False,
        )
    others = set_aside(service, call.region, function)
    floor = min(MIN_UNRESERVED, service.options.account_concurrency)
    if asked and service.options.account_concurrency - others - asked < floor:
        raise invalid(
            "Specified ReservedConcurrentExecutions for function decreases account's "
            f"UnreservedConcurrentExecution below its minimum value of [{floor}].",
            typed=False,
        )
    _set(service, function, asked)
    return document({key: asked})


async def get_function_concurrency(service: Service, call: ApiRequest) -> Response:
    """GetFunctionConcurrency: an empty object when nothing is reserved."""
    reserved = service.registry.get(call.ref(CHANGING)).reserved
    return document({} if reserved is None else {"ReservedConcurrentExecutions": reserved})


async def delete_function_concurrency(service: Service, call: ApiRequest) -> Response:
    _set(service, _unqualified(service, call), None)
    return NO_CONTENT


async def get_account_settings(service: Service, call: ApiRequest) -> Response:
    functions = service.registry.in_region(call.region)
    limit = service.options.account_concurrency
    published = [version for function in functions for version in function.versions.values()]
    stored = [one.shown.code.size for one in functions]
    stored += [one.configuration.code.size for one in published]
    layers = service.documents.of("layers", call.region).values()
    stored += [one["size"] for layer in layers for one in layer["versions"].values()]
    return document(
        {
            "AccountLimit": {
                "TotalCodeSize": CODE_STORAGE,
                "CodeSizeUnzipped": MAX_UNZIPPED,
                "CodeSizeZipped": MAX_ZIPPED,
                "ConcurrentExecutions": limit,
                "UnreservedConcurrentExecutions": limit - set_aside(service, call.region),
            },
            "AccountUsage": {
                "TotalCodeSize": sum(stored),
                "FunctionCount": len(functions),
            },
        }
    )


def set_aside(service: Service, region: str, without: Function | None = None) -> int:
    """Concurrency that the functions of a region have for themselves, reserved or provisioned."""
    return sum(
        provisioned_of(f) if f.reserved is None else f.reserved
        for f in service.registry.in_region(region)
        if f is not without
    )


def provisioned_of(function: Function, besides: str | None = None) -> int:
    """Provisioned concurrency of a function, without that of one qualifier."""
    return sum(
        one.asked
        for qualifier, one in function.provisioned.items()
        if qualifier != besides and one.status != "FAILED"
    )


def _set(service: Service, function: Function, concurrency: int | None) -> None:
    function.reserved = concurrency
    service.reserve(function, concurrency)
    service.registry.keep(function)


def _unqualified(service: Service, call: ApiRequest) -> Function:
    ref = call.ref(CHANGING)
    function = service.registry.get(ref, as_latest=True)
    if ref.qualifier:
        raise functions_only()
    return function


async def put_provisioned(service: Service, call: ApiRequest) -> Response:
    """PutProvisionedConcurrencyConfig: 202, IN_PROGRESS with none allocated yet."""
    body, key = call.body(), "ProvisionedConcurrentExecutions"
    check_model(body, [key], required=[key])
    asked = body[key]
    ref = call.ref(CHANGING)
    qualifier = ref.qualifier or LATEST
    function = service.registry.qualified(ref)
    _check_target(function, qualifier)
    _check_room(service, function, qualifier, asked)
    one = service.provision(function, qualifier, asked)
    service.registry.keep(function)
    return document(_provisioned_document(one), 202)


async def get_provisioned(service: Service, call: ApiRequest) -> Response:
    """GetProvisionedConcurrencyConfig, or with ``List=ALL`` ListProvisionedConcurrencyConfigs."""
    if call.query.get("List") == "ALL":
        function = service.registry.get(call.ref(CHANGING))
        listed = [
            {"FunctionArn": function.qualified_arn(key), **_provisioned_document(one)}
            for key, one in sorted(function.provisioned.items())
        ]
        return document(page(listed, "ProvisionedConcurrencyConfigs", call.query))
    function, qualifier = _provisionable(service, call)
    if qualifier not in function.provisioned:
        text = "No Provisioned Concurrency Config found for this function"
        code = "ProvisionedConcurrencyConfigNotFoundException"
        raise ApiError(404, code, text, Type="User")
    return document(_provisioned_document(function.provisioned[qualifier]))


async def delete_provisioned(service: Service, call: ApiRequest) -> Response:
    """DeleteProvisionedConcurrencyConfig: 204, also when there is none."""
    function, qualifier = _provisionable(service, call)
    service.withdraw(function, qualifier)
    service.registry.keep(function)
    return NO_CONTENT


def provisioned_elsewhere(function: Function, qualifier: str, number: str) -> bool:
    """True if a version has provisioned concurrency under another qualifier."""
    return any(
        key != qualifier and one.version == number for key, one in function.provisioned.items()
    )


def alias_on_provisioned() -> ApiError:
    """409 for an alias whose version has provisioned concurrency of its own."""
    return conflict(
        "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned "
        "version"
    )


def _check_target(function: Function, qualifier: str) -> None:
    """Raise 400 for $LATEST, 409 if the version is provisioned already."""
    alias = function.aliases.get(qualifier)
    if LATEST in (qualifier, alias.version if alias else None):
        raise invalid(
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
        )
    if provisioned_elsewhere(function, qualifier, alias.version if alias else qualifier):
        if qualifier in function.aliases:
            raise alias_on_provisioned()
        raise conflict("Version is pointed by a Provisioned Concurrency alias")


def _check_room(service: Service, function: Function, qualifier: str, asked: int) -> None:
    """Raise 400 if the function's reservation, or else the account, has not that much left."""
    others = provisioned_of(function, besides=qualifier)
    if function.reserved is not None:
        if others + asked > function.reserved:
            raise invalid(
                "Requested Provisioned Concurrency should not be greater than the "
                "reservedConcurrentExecution for function"
            )
        return
    limit = service.options.account_concurrency
    left = limit - set_aside(service, function.region, function) - others
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


def _provisionable(service: Service, call: ApiRequest) -> tuple[Function, str]:
    ref = call.ref(CHANGING)
    if ref.qualifier in (None, LATEST):
        raise invalid("The function resource provided must be an alias or a published version.")
    return service.registry.qualified(ref), str(ref.qualifier)


def _provisioned_document(one: Provisioned) -> dict[str, Any]:
    body: dict[str, Any] = {
        "RequestedProvisionedConcurrentExecutions": one.asked,
        "AllocatedProvisionedConcurrentExecutions": one.ready,
        "AvailableProvisionedConcurrentExecutions": one.ready,
        "Status": one.status,
        "LastModified": one.modified,
    }
    return body if one.reason is None else {**body, "StatusReason": one.reason}
