"""The calls on settings of a function that are kept and shown, without effect here."""

from typing import Any

from tuner.locallambda.api.requests import ApiRequest
from tuner.locallambda.registry.function import Function
from tuner.locallambda.registry.names import CHANGING, LATEST
from tuner.locallambda.registry.validation import check_one_of, missing
from tuner.locallambda.responses import Response, document, invalid, violated
from tuner.locallambda.service import Service

_LOOPS = ("Terminate", "Allow")
_UPDATES = ("Auto", "Manual", "FunctionUpdate")


async def get_recursion_config(service: Service, call: ApiRequest) -> Response:
    return document({"RecursiveLoop": service.registry.get(call.ref(CHANGING)).recursive_loop})


async def put_recursion_config(service: Service, call: ApiRequest) -> Response:
    body = call.body()
    if body.get("RecursiveLoop") is None:
        raise violated([missing("RecursiveLoop")])
    check_one_of(body, "RecursiveLoop", _LOOPS)
    function = service.registry.get(call.ref(CHANGING))
    function.recursive_loop = body["RecursiveLoop"]
    service.registry.keep(function)
    return document({"RecursiveLoop": function.recursive_loop})


async def get_runtime_management_config(service: Service, call: ApiRequest) -> Response:
    """GetRuntimeManagementConfig: ``Auto`` unless it was set."""
    ref = call.ref()
    return document(_management(service.registry.qualified(ref), ref.qualifier or LATEST))


async def put_runtime_management_config(service: Service, call: ApiRequest) -> Response:
    body, ref = call.body(), call.ref()
    if body.get("UpdateRuntimeOn") is None:
        raise violated([missing("UpdateRuntimeOn")])
    check_one_of(body, "UpdateRuntimeOn", _UPDATES)
    manual = body["UpdateRuntimeOn"] == "Manual"
    if manual and not body.get("RuntimeVersionArn"):
        raise invalid("UpdateRuntimeOn Manual needs a RuntimeVersionArn.")
    function, qualifier = service.registry.qualified(ref), ref.qualifier or LATEST
    keys = ("UpdateRuntimeOn", *(["RuntimeVersionArn"] if manual else []))
    function.runtime_updates[qualifier] = {key: body[key] for key in keys}
    service.registry.keep(function)
    return document(_management(function, qualifier))


def _management(function: Function, qualifier: str) -> dict[str, Any]:
    kept = function.runtime_updates.get(qualifier, {"UpdateRuntimeOn": "Auto"})
    return {**kept, "FunctionArn": function.qualified_arn(qualifier)}
