"""Invoke, and the calls on how asynchronous events are retried and where they end."""

import base64
import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tuner.locallambda.api.requests import ApiRequest, page
from tuner.locallambda.events import Event
from tuner.locallambda.registry.function import Function
from tuner.locallambda.registry.names import LATEST, FunctionRef, function_arn, read_reference
from tuner.locallambda.registry.validation import check_model, field_of
from tuner.locallambda.responses import (
    NO_CONTENT,
    ApiError,
    Response,
    document,
    invalid,
    mismatch,
    not_found,
    too_large,
    unreadable,
    unsatisfied,
    violated,
)
from tuner.locallambda.sandbox.invocation import Invocation, new_trace_id
from tuner.locallambda.service import Service

#: Bytes (AWS Lambda quotas; asynchronous since October 2025).
MAX_EVENT = {"RequestResponse": 6_291_456, "Event": 1_048_576}
TAIL_BYTES = 4096
_TYPES = ("RequestResponse", "Event", "DryRun")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_JSON = json.JSONDecoder(parse_constant=_refuse_constant)


def check_event(body: bytes) -> None:
    """Refuse an event that is not one JSON value in UTF-8; an empty one counts as {}."""
    if body in (b"", b"{}"):
        return
    try:
        _JSON.decode(body.decode())
    except (ValueError, RecursionError) as error:
        raise _bad_content(
            f"Could not parse request body into json: Could not parse payload into json: {error}"
        ) from error


def _bad_content(text: str) -> ApiError:
    return ApiError(400, "InvalidRequestContentException", text, Type="User")


def _client_context(encoded: str | None) -> str | None:
    if not encoded:
        return None
    try:
        text = base64.b64decode(encoded, validate=True).decode()
        if not isinstance(json.loads(text), dict):
            raise ValueError("not an object")
    except ValueError as error:
        raise _bad_content("Client context must be a valid Base64-encoded JSON object.") from error
    return re.sub(r"[\r\n]+", "", text)  # it travels in a header; in JSON they are only layout


async def invoke(
    service: Service, ref: FunctionRef, headers: Mapping[str, str], event: bytes, request_id: str
) -> Response:
    """Check a call and run or queue it; raises the ApiError of a refusal."""
    kind = _checked_kind(headers, event)
    event, trace_id = event or b"{}", headers.get("X-Amzn-Trace-Id") or new_trace_id()
    context = _client_context(headers.get("X-Amz-Client-Context"))
    deployment = service.registry.deployment(ref)
    if kind == "DryRun":
        return NO_CONTENT
    if kind == "Event":
        where, now = (ref.region, ref.name, ref.qualifier), service.clock.wall()
        service.queue.accept(Event(request_id, *where, event, trace_id, now))
        return Response(202)
    pool = service.pool(ref.region)
    invocation = Invocation(request_id, event, ref.qualified_arn, trace_id, context)
    result = await pool.run(pool.place(deployment), deployment, invocation)
    told = {"X-Amz-Executed-Version": deployment.version}
    if result.function_error:
        told["X-Amz-Function-Error"] = result.function_error
    if headers.get("X-Amz-Log-Type") == "Tail":
        told["X-Amz-Log-Result"] = base64.b64encode(result.log[-TAIL_BYTES:]).decode()
    return Response(200, result.payload, told)


async def invoke_async(service: Service, call: ApiRequest) -> Response:
    """InvokeAsync, which Invoke has replaced: 202 with its status in the body as well."""
    ref = call.ref()
    accepted = await invoke(
        service, ref, {"X-Amz-Invocation-Type": "Event"}, call.raw, str(uuid.uuid4())
    )
    return replace(accepted, body=b'{"Status": 202}')


def _checked_kind(headers: Mapping[str, str], event: bytes) -> str:
    kind = headers.get("X-Amz-Invocation-Type") or "RequestResponse"
    if kind not in _TYPES:
        constraint = f"Member must satisfy enum value set: [{', '.join(sorted(_TYPES))}]"
        raise violated([unsatisfied(kind, "invocationType", constraint)])
    limit = MAX_EVENT.get(kind, MAX_EVENT["RequestResponse"])
    if len(event) > limit:
        raise too_large(
            f"{len(event)} byte payload is too large for the {kind} invocation type "
            f"(limit {limit} bytes)"
        )
    check_event(event)
    return kind


_RETRIES = ("MaximumRetryAttempts", "MaximumEventAgeInSeconds")


async def put_event_config(service: Service, call: ApiRequest) -> Response:
    """PutFunctionEventInvokeConfig: replaces everything."""
    body = _checked(call)
    return _keep(service, *_find(service, call), body)


async def update_event_config(service: Service, call: ApiRequest) -> Response:
    """UpdateFunctionEventInvokeConfig: keeps what is not given."""
    body = _checked(call)
    _find(service, call)
    function, qualifier, config = _configured(service, call)
    return _keep(service, function, qualifier, {**config, **body})


async def get_event_config(service: Service, call: ApiRequest) -> Response:
    function, qualifier, config = _configured(service, call)
    return document({"FunctionArn": function.qualified_arn(qualifier), **config})


async def delete_event_config(service: Service, call: ApiRequest) -> Response:
    function, qualifier, _ = _configured(service, call)
    del function.event_configs[qualifier]
    service.registry.keep(function)
    return NO_CONTENT


async def list_event_configs(service: Service, call: ApiRequest) -> Response:
    function, _ = _find(service, call)
    listed = [
        {"FunctionArn": function.qualified_arn(qualifier), **config}
        for qualifier, config in sorted(function.event_configs.items())
    ]
    return document(page(listed, "FunctionEventInvokeConfigs", call.query))


def _checked(call: ApiRequest) -> dict[str, Any]:
    body = {key: value for key, value in call.body().items() if value is not None}
    body = {key: body[key] for key in (*_RETRIES, "DestinationConfig") if key in body}
    if not body:
        raise invalid("You must specify at least one of error handling or destination setting.")
    check_model(body, _RETRIES)
    return body


def _find(service: Service, call: ApiRequest) -> tuple[Function, str]:
    ref = call.ref()
    function = service.registry.find(ref)
    qualifier = ref.qualifier or LATEST
    if function is None or qualifier not in (LATEST, *function.aliases, *function.versions):
        raise not_found("The function doesn't exist.")
    return function, qualifier


def _configured(service: Service, call: ApiRequest) -> tuple[Function, str, dict[str, Any]]:
    ref = call.ref()
    function, qualifier = service.registry.find(ref), ref.qualifier or LATEST
    config = function.event_configs.get(qualifier) if function else None
    if function is None or config is None:
        arn = function_arn(ref.region, ref.name, qualifier)
        raise not_found(f"The function {arn} doesn't have an EventInvokeConfig")
    return function, qualifier, config


def _keep(service: Service, function: Function, qualifier: str, body: dict[str, Any]) -> Response:
    destinations = body.get("DestinationConfig") or {}
    for which in ("OnSuccess", "OnFailure"):
        target = _destination(destinations.get(which), which)
        if target and not re.fullmatch(_ARN, target):
            field = f"destinationConfig.{field_of(which)}.destination"
            raise violated([mismatch(target, field, _ARN)])
        if target == function.arn or target.startswith(f"{function.arn}:"):
            raise invalid("You can't specify the function as a destination for itself.")
        if target:
            _check_destination(service, function.region, target, destinations)
    body["DestinationConfig"] = {"OnSuccess": {}, "OnFailure": {}, **destinations}
    body["LastModified"] = service.clock.wall()
    function.event_configs[qualifier] = body
    service.registry.keep(function)
    return document({"FunctionArn": function.qualified_arn(qualifier), **body})


#: As in botocore's Lambda model (2026-11).
_ARN = (
    r"$|kafka://([^.]([a-zA-Z0-9\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:"
    r"((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)"
)


#: Services that take a record of an event (developer guide, "Retaining records").
_DELIVERED = ("sqs", "sns", "lambda", "events", "s3")


def _check_destination(service: Service, region: str, arn: str, asked: Mapping[str, Any]) -> None:
    """Refuse what AWS refuses, and what cannot be delivered to from here."""
    kind = arn.split(":")[2]
    if kind not in _DELIVERED:
        shown = ", ".join(
            f"{field_of(which)}={_shown(which, asked)}" for which in ("OnSuccess", "OnFailure")
        )
        raise invalid(f"The provided destination config DestinationConfig({shown}) is invalid.")
    if kind not in ("sqs", "lambda"):
        raise invalid(
            f"The local Lambda delivers to SQS queues and functions only; {arn} works on AWS."
        )
    if kind == "lambda" and not _is_function(service, region, arn):
        raise invalid(f"The destination ARN {arn} is invalid.")
    if arn.endswith(".fifo"):
        raise invalid(f"Lambda sends records to standard queues only; {arn} is a FIFO queue.")


def _shown(which: str, asked: Mapping[str, Any]) -> str:
    target = _destination(asked.get(which), which)
    return f"{which}(destination={target})" if target else "null"


def _is_function(service: Service, region: str, arn: str) -> bool:
    try:
        ref = read_reference(arn, region)
        function = service.registry.find(ref)
    except ApiError:  # of another region or account
        return False
    known = (None, LATEST, *function.aliases, *function.versions) if function else ()
    return ref.qualifier in known


def _destination(config: Any, which: str) -> str:
    target = (config or {}).get("Destination") if isinstance(config or {}, dict) else config
    if not isinstance(target or "", str):
        raise unreadable(f"DestinationConfig.{which} can not be converted to a destination")
    return target or ""
