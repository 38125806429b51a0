"""The calls on concurrency: reserved for a function, and the account's."""

from tuner.locallambda.answers import (
    NO_CONTENT,
    Answer,
    document,
    function_not_found,
    invalid,
    violated,
)
from tuner.locallambda.control import Call, Control
from tuner.locallambda.functions import Function
from tuner.locallambda.names import LATEST, function_arn
from tuner.locallambda.packages import MAX_UNZIPPED, MAX_ZIPPED
from tuner.locallambda.storage import packages_of
from tuner.locallambda.validation import missing, out_of_bounds

#: What AWS keeps for functions without a reservation; a smaller account keeps all it has.
MIN_UNRESERVED = 100
#: Bytes (AWS Lambda quotas, 2026: 300 GB of unzipped code).
CODE_STORAGE = 300 * 1024**3


async def put_function_concurrency(control: Control, call: Call) -> Answer:
    """PutFunctionConcurrency."""
    body = call.body()
    function = _unqualified(control, call)
    asked = body.get("ReservedConcurrentExecutions")
    if asked is None:
        raise violated([missing("reservedConcurrentExecutions")])
    wrong = out_of_bounds(asked, "reservedConcurrentExecutions", 0, 1 << 31)
    if wrong:
        raise violated([wrong])
    kept_ready = provisioned_of(function)
    if asked < kept_ready:
        raise invalid(
            f" ReservedConcurrentExecutions  {asked} should not be lower than function's total "
            f"provisioned concurrency [{kept_ready}].",
            typed=False,
        )
    others = set_aside(control, call.region, function)
    floor = min(MIN_UNRESERVED, control.account_concurrency)
    if asked and control.account_concurrency - others - asked < floor:
        raise invalid(
            "Specified ReservedConcurrentExecutions for function decreases account's "
            f"UnreservedConcurrentExecution below its minimum value of [{floor}].",
            typed=False,
        )
    _set(control, function, asked)
    return document({"ReservedConcurrentExecutions": asked})


async def get_function_concurrency(control: Control, call: Call) -> Answer:
    """GetFunctionConcurrency: an empty object when nothing is reserved."""
    function = control.registry.get(call.ref())
    reserved = function.reserved
    return document({} if reserved is None else {"ReservedConcurrentExecutions": reserved})


async def delete_function_concurrency(control: Control, call: Call) -> Answer:
    """DeleteFunctionConcurrency: 204."""
    function = _unqualified(control, call)
    _set(control, function, None)
    return NO_CONTENT


async def get_account_settings(control: Control, call: Call) -> Answer:
    """GetAccountSettings."""
    functions = control.registry.in_region(call.region)
    limit = control.account_concurrency
    stored = {package for function in functions for package in packages_of(function)}
    return document(
        {
            "AccountLimit": {
                "TotalCodeSize": CODE_STORAGE,
                "CodeSizeUnzipped": MAX_UNZIPPED,
                "CodeSizeZipped": MAX_ZIPPED,
                "ConcurrentExecutions": limit,
                "UnreservedConcurrentExecutions": limit - set_aside(control, call.region),
            },
            "AccountUsage": {
                "TotalCodeSize": sum(package.size for package in stored),
                "FunctionCount": len(functions),
            },
        }
    )


def set_aside(control: Control, region: str, without: Function | None = None) -> int:
    """Concurrency that the functions of a region keep for themselves, reserved or provisioned."""
    return sum(
        provisioned_of(f) if f.reserved is None else f.reserved
        for f in control.registry.in_region(region)
        if f is not without
    )


def provisioned_of(function: Function, besides: str | None = None) -> int:
    """Sandboxes that a function keeps ready, without those of one qualifier."""
    return sum(
        one.asked
        for qualifier, one in function.provisioned.items()
        if qualifier != besides and one.status != "FAILED"
    )


def _set(control: Control, function: Function, concurrency: int | None) -> None:
    function.reserved = concurrency
    control.reserve(function, concurrency)
    control.registry.keep(function)


def _unqualified(control: Control, call: Call) -> Function:
    ref = call.ref()
    function = control.registry.find(ref)
    if function is None:
        raise function_not_found(function_arn(ref.region, ref.name, ref.qualifier or LATEST))
    if ref.qualifier:
        raise invalid(
            "This operation is permitted on Lambda functions only. Aliases and versions do not "
            "support this operation. Please specify either a function name or an unqualified "
            "function ARN."
        )
    return function
