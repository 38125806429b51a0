"""The calls on event source mappings: kept and shown, but nothing is polled here."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

from tuner.locallambda.api.requests import ApiRequest, page
from tuner.locallambda.registry.names import FunctionRef, lambda_arn, read_reference
from tuner.locallambda.registry.tags import read_tags
from tuner.locallambda.registry.validation import check_one_of, missing
from tuner.locallambda.responses import Response, conflict, document, invalid, not_found
from tuner.locallambda.service import Service

KIND = "event-source-mappings"
_STREAM = {
    "BatchSize": 100,
    "MaximumBatchingWindowInSeconds": 0,
    "BisectBatchOnFunctionError": False,
    "DestinationConfig": {"OnFailure": {}},
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "ParallelizationFactor": 1,
    "TumblingWindowInSeconds": 0,
    "LastProcessingResult": "No records processed",
    "FunctionResponseTypes": [],
    "StateTransitionReason": "User action",
}
#: Service in a source's ARN -> what AWS fills in.
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "sqs": {
        "BatchSize": 10,
        "MaximumBatchingWindowInSeconds": 0,
        "FunctionResponseTypes": [],
        "StateTransitionReason": "USER_INITIATED",
    },
    "kinesis": _STREAM,
    "dynamodb": _STREAM,
}
_POSITIONS = ("LATEST", "AT_TIMESTAMP", "TRIM_HORIZON")
_GIVEN = (
    *("BatchSize", "MaximumBatchingWindowInSeconds", "StartingPosition", "DestinationConfig"),
    *("StartingPositionTimestamp", "MaximumRecordAgeInSeconds", "BisectBatchOnFunctionError"),
    *("MaximumRetryAttempts", "ParallelizationFactor", "TumblingWindowInSeconds", "ScalingConfig"),
    *("FunctionResponseTypes", "KMSKeyArn", "MetricsConfig", "FilterCriteria"),
)


async def create_event_source_mapping(service: Service, call: ApiRequest) -> Response:
    """CreateEventSourceMapping: 202, Creating."""
    body = {key: value for key, value in call.body().items() if value is not None}
    check_one_of(body, "StartingPosition", _POSITIONS)
    source = str(body.get("EventSourceArn") or "")
    kind = _kind(source)
    _check(body, kind, source)
    ref = _function(service, call, body)
    mappings = service.documents.of(KIND, call.region)
    _refuse_second(mappings, kind, source, ref)
    name = str(uuid.uuid4())
    made = {
        "UUID": name,
        "EventSourceMappingArn": lambda_arn(call.region, f"event-source-mapping:{name}"),
        "EventSourceArn": source,
        "FunctionArn": ref.qualified_arn,
        **_DEFAULTS[kind],
        **_given(body),
        "LastModified": service.clock.wall(),
        "State": "Disabled" if body.get("Enabled") is False else "Enabled",
    }
    _drop_empty_filters(made)
    mappings[name] = {"shown": made, "tags": read_tags(body.get("Tags") or {})}
    service.documents.keep(KIND)
    return document({**made, "State": "Creating"}, 202)


async def get_event_source_mapping(service: Service, call: ApiRequest) -> Response:
    return document(_find(service, call)["shown"])


async def update_event_source_mapping(service: Service, call: ApiRequest) -> Response:
    """UpdateEventSourceMapping: 202, Updating; keeps what is not given."""
    found = _find(service, call)["shown"]
    body = {key: value for key, value in call.body().items() if value is not None}
    changed = {**found, **_given(body)}
    _check_window(changed, _kind(found["EventSourceArn"]))
    _check_filters(body)
    if body.get("FunctionName"):
        changed["FunctionArn"] = _function(service, call, body).qualified_arn
    if "Enabled" in body:
        changed["State"] = "Enabled" if body["Enabled"] else "Disabled"
    found |= {**changed, "LastModified": service.clock.wall()}
    _drop_empty_filters(found)
    service.documents.keep(KIND)
    return document({**found, "State": "Updating"}, 202)


async def delete_event_source_mapping(service: Service, call: ApiRequest) -> Response:
    """DeleteEventSourceMapping: 202, Deleting."""
    found = _find(service, call)["shown"]
    del service.documents.of(KIND, call.region)[call.words[0]]
    service.documents.keep(KIND)
    return document({**found, "State": "Deleting"}, 202)


async def list_event_source_mappings(service: Service, call: ApiRequest) -> Response:
    """ListEventSourceMappings, of one function or source if it is given."""
    source, name = call.query.get("EventSourceArn"), call.query.get("FunctionName")
    arn = read_reference(name, call.region).qualified_arn if name else None
    listed = [
        one["shown"]
        for one in service.documents.of(KIND, call.region).values()
        if source in (None, one["shown"]["EventSourceArn"])
        and arn in (None, one["shown"]["FunctionArn"])
    ]
    return document(page(listed, "EventSourceMappings", call.query, most=100))


def _find(service: Service, call: ApiRequest) -> dict[str, Any]:
    found: dict[str, Any] | None = service.documents.of(KIND, call.region).get(call.words[0])
    if found is None:
        raise not_found("The resource you requested does not exist.")
    return found


def _kind(source: str) -> str:
    words = source.split(":")
    if len(words) < 6:
        raise invalid("Unrecognized event source.")
    if words[2] not in _DEFAULTS:
        raise invalid(
            "The local Lambda keeps mappings of SQS queues and of Kinesis and DynamoDB streams; "
            f"{source} works on AWS."
        )
    return words[2]


def _given(body: Mapping[str, Any]) -> dict[str, Any]:
    return {key: body[key] for key in _GIVEN if key in body}


def _check(body: Mapping[str, Any], kind: str, source: str) -> None:
    if "OnSuccess" in (body.get("DestinationConfig") or {}):
        raise invalid(
            "Unsupported DestinationConfig parameter for given event source mapping type."
        )
    if kind != "sqs" and body.get("StartingPosition") is None:
        raise invalid(f"1 validation error detected: {missing('StartingPosition')}.")
    if kind == "dynamodb" and body["StartingPosition"] == "AT_TIMESTAMP":
        raise invalid(f"Unsupported starting position for arn type: {source}")
    _check_window(body, kind)
    _check_filters(body)


def _check_filters(body: Mapping[str, Any]) -> None:
    if "FilterCriteria" not in body:
        return
    try:
        filters = body["FilterCriteria"].get("Filters") or []
        patterns = [json.loads(each["Pattern"]) for each in filters]
        fine = all(isinstance(each, dict) and _is_pattern(each) for each in patterns)
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError):
        fine = False
    if not fine:
        raise invalid("Invalid filter pattern definition.")


def _drop_empty_filters(mapping: dict[str, Any]) -> None:
    """Criteria without filters are none, and take away those that there are (AWS, "Control which
    events Lambda sends to your function"); they are not shown, as recorded."""
    if not (mapping.get("FilterCriteria") or {}).get("Filters"):
        mapping.pop("FilterCriteria", None)


def _is_pattern(pattern: Any) -> bool:
    """True for a map whose leaves are lists of rules (Amazon EventBridge, "Event patterns")."""
    if isinstance(pattern, dict):
        return all(map(_is_pattern, pattern.values()))
    return isinstance(pattern, list) and bool(pattern)


def _check_window(body: Mapping[str, Any], kind: str) -> None:
    size, window = body.get("BatchSize") or 10, body.get("MaximumBatchingWindowInSeconds") or 0
    if kind == "sqs" and size > 10 and window == 0:
        raise invalid(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
            "greater than 10"
        )


def _function(service: Service, call: ApiRequest, body: Mapping[str, Any]) -> FunctionRef:
    ref = read_reference(str(body.get("FunctionName") or ""), call.region)
    function = service.registry.find(ref)
    qualifiers = (None, "$LATEST", *function.versions, *function.aliases) if function else ()
    if ref.qualifier not in qualifiers:
        raise invalid("Function does not exist")
    return ref


def _refuse_second(mappings: Mapping[str, Any], kind: str, source: str, ref: FunctionRef) -> None:
    """409 for what there is already, in the words for its source."""
    for name, one in mappings.items():
        shown = one["shown"]
        if (shown["EventSourceArn"], shown["FunctionArn"]) == (source, ref.qualified_arn):
            what = (
                "An event source mapping with SQS arn" if kind == "sqs" else "The event source arn"
            )
            is_there = "already exists" if kind == "sqs" else "provided mapping already exists"
            raise conflict(
                f'{what} (" {source} ") and function (" {ref.name} ") {is_there}. Please update or '
                f"delete the existing mapping with UUID {name}"
            )
