"""The calls on how asynchronous events of a function are retried and where they end."""

from collections.abc import Mapping
from typing import Any

from tuner.locallambda.answers import (
    NO_CONTENT,
    Answer,
    document,
    invalid,
    not_found,
    unreadable,
    violated,
)
from tuner.locallambda.control import Call, Control, page
from tuner.locallambda.functions import Function
from tuner.locallambda.names import LATEST, FunctionRef, function_arn
from tuner.locallambda.validation import out_of_bounds

_BOUNDS = {"MaximumRetryAttempts": (0, 2), "MaximumEventAgeInSeconds": (60, 21_600)}


async def put_event_config(control: Control, call: Call) -> Answer:
    """PutFunctionEventInvokeConfig: replaces everything."""
    body = _checked(call)
    function, ref = _find(control, call)
    return _keep(control, function, ref, body)


async def update_event_config(control: Control, call: Call) -> Answer:
    """UpdateFunctionEventInvokeConfig: keeps what is not given."""
    body = _checked(call)
    function, ref = _find(control, call)
    old = _configured(function, ref)
    kept = {key: value for key, value in old.items() if key != "LastModified"}
    return _keep(control, function, ref, {**kept, **body})


async def get_event_config(control: Control, call: Call) -> Answer:
    """GetFunctionEventInvokeConfig."""
    function, ref = _find(control, call)
    return document(_told(ref, _configured(function, ref)))


async def delete_event_config(control: Control, call: Call) -> Answer:
    """DeleteFunctionEventInvokeConfig: 204."""
    function, ref = _find(control, call)
    _configured(function, ref)
    del function.event_configs[ref.qualifier or LATEST]
    control.registry.keep(function)
    return NO_CONTENT


async def list_event_configs(control: Control, call: Call) -> Answer:
    """ListFunctionEventInvokeConfigs."""
    function, ref = _find(control, call)
    told = [
        _told(FunctionRef(ref.region, ref.name, qualifier), config)
        for qualifier, config in sorted(function.event_configs.items())
    ]
    return document(page(told, "FunctionEventInvokeConfigs", call.query))


def _checked(call: Call) -> dict[str, Any]:
    body = {key: value for key, value in call.body().items() if value is not None}
    body = {key: body[key] for key in (*_BOUNDS, "DestinationConfig") if key in body}
    if not body:
        raise invalid("You must specify at least one of error handling or destination setting.")
    found = [
        wrong
        for key, bounds in _BOUNDS.items()
        if key in body and (wrong := out_of_bounds(body[key], key[0].lower() + key[1:], *bounds))
    ]
    if found:
        raise violated(found)
    return body


def _find(control: Control, call: Call) -> tuple[Function, FunctionRef]:
    ref = call.ref()
    function = control.registry.find(ref)
    if function is None:
        raise not_found("The function doesn't exist.")
    control.registry.version(function, ref.qualifier)
    return function, ref


def _configured(function: Function, ref: FunctionRef) -> dict[str, Any]:
    config = function.event_configs.get(ref.qualifier or LATEST)
    if config is None:
        arn = function_arn(ref.region, ref.name, ref.qualifier or LATEST)
        raise not_found(f"The function {arn} doesn't have an EventInvokeConfig")
    return config


def _keep(control: Control, function: Function, ref: FunctionRef, body: dict[str, Any]) -> Answer:
    destinations = body.get("DestinationConfig") or {}
    for which in ("OnSuccess", "OnFailure"):
        target = _destination(destinations.get(which), which)
        if target == function.arn or target.startswith(f"{function.arn}:"):
            raise invalid("You can't specify the function as a destination for itself.")
    body["DestinationConfig"] = {"OnSuccess": {}, "OnFailure": {}, **destinations}
    body["LastModified"] = control.clock.wall()
    function.event_configs[ref.qualifier or LATEST] = body
    control.registry.keep(function)
    return document(_told(ref, body))


def _destination(config: Any, which: str) -> str:
    target = (config or {}).get("Destination") if isinstance(config or {}, dict) else config
    if not isinstance(target or "", str):
        raise unreadable(f"DestinationConfig.{which} can not be converted to a destination")
    return target or ""


def _told(ref: FunctionRef, config: Mapping[str, Any]) -> dict[str, Any]:
    return {"FunctionArn": function_arn(ref.region, ref.name, ref.qualifier or LATEST), **config}
