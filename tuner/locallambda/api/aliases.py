"""The calls on aliases, weights included."""

import re
from collections.abc import Mapping
from typing import Any

from tuner.locallambda.api.concurrency import alias_on_provisioned, provisioned_elsewhere
from tuner.locallambda.api.requests import ApiRequest, page
from tuner.locallambda.registry.function import Alias, Function, new_revision
from tuner.locallambda.registry.names import CHANGING, LATEST, function_arn
from tuner.locallambda.registry.validation import check_model
from tuner.locallambda.responses import (
    NO_CONTENT,
    Response,
    alias_not_found,
    conflict,
    document,
    function_not_found,
    invalid,
    not_found,
    stale_revision,
    unsatisfied,
    violated,
)
from tuner.locallambda.service import Service

_WEIGHTS = "routingConfig.additionalVersionWeights"
_WEIGHTED_VERSION = (
    "Map keys must satisfy constraint: [Member must have length less than or equal to 1024, "
    "Member must have length greater than or equal to 1, "
    "Member must satisfy regular expression pattern: [0-9]+]"
)
_WEIGHT = (
    "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, "
    "Member must have value greater than or equal to 0.0, Member must not be null]"
)
_KEYS = ("Name", "FunctionVersion")


async def create_alias(service: Service, call: ApiRequest) -> Response:
    body = call.body()
    check_model(body, _KEYS, required=_KEYS)
    ref = call.ref(CHANGING)
    alias = Alias(body["Name"], body["FunctionVersion"], body.get("Description") or "")
    alias.weights = _weights(body)
    function = service.registry.find(ref)
    if function is None:
        raise function_not_found(function_arn(ref.region, ref.name, alias.version))
    _check_versions(function, alias)
    if alias.name in function.aliases:
        raise conflict(f"Alias already exists: {function.qualified_arn(alias.name)}")
    function.aliases[alias.name] = alias
    service.registry.keep(function)
    return document(_alias_document(function, alias), 201)


async def get_alias(service: Service, call: ApiRequest) -> Response:
    function = service.registry.get(call.ref(CHANGING))
    alias = function.aliases.get(call.words[1])
    if alias is None:
        raise alias_not_found(function.qualified_arn(call.words[1]))
    return document(_alias_document(function, alias))


async def update_alias(service: Service, call: ApiRequest) -> Response:
    """UpdateAlias: keeps what is not given."""
    body = call.body()
    check_model(body, _KEYS)
    function = service.registry.get(call.ref(CHANGING))
    old = function.aliases.get(call.words[1])
    if old is None:
        raise not_found(f"Alias not found: {function.qualified_arn(call.words[1])}")
    if body.get("RevisionId") not in (None, old.revision):
        raise stale_revision()
    description = body.get("Description")
    new = Alias(
        old.name,
        body.get("FunctionVersion") or old.version,
        old.description if description is None else description,
        old.weights if body.get("RoutingConfig") is None else _weights(body),
        new_revision(),
    )
    _check_versions(function, new)
    moves = new.name in function.provisioned and new.version != old.version
    if moves and provisioned_elsewhere(function, new.name, new.version):
        raise alias_on_provisioned()
    function.aliases[new.name] = new
    if moves:
        service.provision(function, new.name, function.provisioned[new.name].asked)
    service.registry.keep(function)
    return document(_alias_document(function, new))


async def list_aliases(service: Service, call: ApiRequest) -> Response:
    """ListAliases, of one version if ``FunctionVersion`` is given."""
    function = service.registry.get(call.ref(CHANGING))
    wanted = call.query.get("FunctionVersion")
    listed = [
        _alias_document(function, alias)
        for _, alias in sorted(function.aliases.items())
        if wanted in (None, alias.version, *alias.weights)
    ]
    return document(page(listed, "Aliases", call.query))


async def delete_alias(service: Service, call: ApiRequest) -> Response:
    """DeleteAlias: 204, also when there is none."""
    function = service.registry.get(call.ref(CHANGING))
    service.withdraw(function, call.words[1])
    if function.aliases.pop(call.words[1], None) is not None:
        service.registry.keep(function)
    return NO_CONTENT


def _alias_document(function: Function, alias: Alias) -> dict[str, Any]:
    body: dict[str, Any] = {
        "AliasArn": function.qualified_arn(alias.name),
        "Name": alias.name,
        "FunctionVersion": alias.version,
        "Description": alias.description,
        "RevisionId": alias.revision,
    }
    if alias.weights:
        body["RoutingConfig"] = {"AdditionalVersionWeights": alias.weights}
    return body


def _weights(body: Mapping[str, Any]) -> dict[str, float]:
    weights = (body.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
    if not isinstance(weights, dict):
        raise invalid("AdditionalVersionWeights has to map a version to a share.")
    if len(weights) > 1:
        raise invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
    shown = "{" + ", ".join(f"{key}={_java(value)}" for key, value in weights.items()) + "}"
    found = []
    for version, share in weights.items():
        if not re.fullmatch("[0-9]+", version):
            found.append(unsatisfied(shown, _WEIGHTS, _WEIGHTED_VERSION))
        if type(share) not in (int, float) or not 0 <= share <= 1:
            found.append(unsatisfied(shown, _WEIGHTS, _WEIGHT))
    if found:
        raise violated(found)
    return weights


def _java(value: object) -> object:
    """A number as AWS shows shares: 2 is 2.0."""
    return float(value) if type(value) is int and abs(value) < 10**15 else value


def _check_versions(function: Function, alias: Alias) -> None:
    if alias.weights and alias.version == LATEST:
        raise invalid(
            "$LATEST is not supported for an alias pointing to more than 1 version", typed=False
        )
    if alias.version in alias.weights:
        raise invalid(
            f"Invalid function version {alias.version}. Function version {alias.version} is "
            "already included in routing configuration."
        )
    for number in (alias.version, *alias.weights):
        if number != LATEST and number not in function.versions:
            raise function_not_found(function.qualified_arn(number))
