"""The calls on tags: of functions, and of what else has them."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tuner.locallambda.api.mappings import KIND as MAPPINGS
from tuner.locallambda.api.requests import ApiRequest
from tuner.locallambda.registry.function import new_revision
from tuner.locallambda.registry.names import lambda_arn
from tuner.locallambda.registry.tags import check_tag_count, read_tags
from tuner.locallambda.registry.validation import missing
from tuner.locallambda.responses import (
    NO_CONTENT,
    Response,
    document,
    invalid,
    mismatch,
    not_found,
    violated,
)
from tuner.locallambda.service import Service

#: What has tags (recorded 2025-11).
_TAGGED = (
    r"arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:"
    r"(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|"
    r"code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:"
    r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|"
    r"capacity-provider:[a-zA-Z0-9-_]+)"
)
_WORDS = {
    "event-source-mapping": "Event source mapping",
    "capacity-provider": "Capacity provider",
    "code-signing-config": "Code signing config",
    "layer": "Layer",
}


async def tag_resource(service: Service, call: ApiRequest) -> Response:
    """TagResource: 204; moves the RevisionId of a function, as recorded."""
    body = call.body()
    if body.get("Tags") is None:
        raise violated([missing("Tags")])
    added = read_tags(body["Tags"])
    tags, changed = _tags(service, call, changing=True)
    if not added:
        raise invalid("An error occurred and the request cannot be processed.")
    check_tag_count({**tags, **added})
    tags |= added
    changed()
    return NO_CONTENT


async def untag_resource(service: Service, call: ApiRequest) -> Response:
    if not call.tag_keys:
        raise violated([missing("tagKeys")])
    tags, changed = _tags(service, call)
    for key in call.tag_keys:
        tags.pop(key, None)
    changed()
    return NO_CONTENT


async def list_tags(service: Service, call: ApiRequest) -> Response:
    return document({"Tags": _tags(service, call)[0]})


def _tags(
    service: Service, call: ApiRequest, *, changing: bool = False
) -> tuple[dict[str, str], Callable[[], None]]:
    """The tags of the resource of a call, and what keeps a change of them."""
    arn = call.words[0]
    if not re.fullmatch(_TAGGED, arn, re.ASCII):
        raise violated([mismatch(arn, "resource", _TAGGED)])
    kind, _, name = arn.split(":", 5)[5].partition(":")
    if kind == "function":
        return _of_function(service, call, changing=changing)
    mappings: Mapping[str, Any] = service.documents.of(MAPPINGS, call.region)
    known = kind == "event-source-mapping" and arn == lambda_arn(call.region, f"{kind}:{name}")
    if not known or name not in mappings:
        raise not_found(f"{_WORDS[kind]} not found: {arn}")
    tags: dict[str, str] = mappings[name]["tags"]
    return tags, lambda: service.documents.keep(MAPPINGS)


def _of_function(
    service: Service, call: ApiRequest, *, changing: bool
) -> tuple[dict[str, str], Callable[[], None]]:
    ref = call.ref()
    if ref.qualifier:
        raise invalid(
            "Tags on function aliases and versions are not supported. "
            "Please specify a function ARN."
        )
    function = service.registry.get(ref)
    if changing:
        function.check_change()

    def changed() -> None:
        function.revision = new_revision()
        service.registry.keep(function)

    return function.tags, changed
