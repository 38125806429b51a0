"""The calls on resource policies.

Policies are kept and shown; nobody is refused by them. Texts are AWS's, as recorded.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from tuner.locallambda.api.requests import ApiRequest
from tuner.locallambda.registry.function import Function, new_revision
from tuner.locallambda.registry.names import LATEST
from tuner.locallambda.registry.validation import check_model
from tuner.locallambda.responses import (
    NO_CONTENT,
    Response,
    conflict,
    document,
    invalid,
    not_found,
    stale_revision,
)
from tuner.locallambda.service import Service

_REQUIRED = ("StatementId", "Action", "Principal")
#: Key of a request -> operator and key of the condition that it becomes.
_CONDITIONS = {
    "SourceArn": ("ArnLike", "AWS:SourceArn"),
    "SourceAccount": ("StringEquals", "AWS:SourceAccount"),
    "EventSourceToken": ("StringEquals", "lambda:EventSourceToken"),
    "FunctionUrlAuthType": ("StringEquals", "lambda:FunctionUrlAuthType"),
    "PrincipalOrgID": ("StringEquals", "aws:PrincipalOrgID"),
}
#: An account, an identity or a service (developer guide, "resource-based policies").
_PRINCIPAL = r"\*|\d{12}|arn:aws[a-zA-Z-]*:(iam|sts)::.+|[a-z0-9.-]+\.amazonaws\.com(\.cn)?"
_NONE = "The resource you requested does not exist."


async def add_permission(service: Service, call: ApiRequest) -> Response:
    """AddPermission: 201 with the statement as text."""
    body = call.body()
    check_model(body, _REQUIRED, required=_REQUIRED)
    ref = call.ref()
    if ref.qualifier == LATEST:
        raise invalid("We currently do not support adding policies for $LATEST.")
    _check_principal(str(body["Principal"]))
    function, qualifier = service.registry.qualified(ref), ref.qualifier or LATEST
    policy = function.policies.get(qualifier) or _no_policy(function, qualifier)
    _check_revision(policy, body.get("RevisionId"))
    if any(one["Sid"] == body["StatementId"] for one in policy["statements"]):
        raise conflict(
            f"The statement id ({body['StatementId']}) provided already exists. Please provide a "
            "new statement id, or remove the existing statement."
        )
    made, text = statement(body, ref.qualified_arn)
    _keep(service, function, qualifier, [*policy["statements"], made])
    return document({"Statement": text}, 201)


async def get_policy(service: Service, call: ApiRequest) -> Response:
    ref = call.ref()
    function = service.registry.find(ref)
    policy = function.policies.get(ref.qualifier or LATEST) if function else None
    if policy is None:
        raise not_found(_NONE)
    return document(kept_policy(policy))


async def remove_permission(service: Service, call: ApiRequest) -> Response:
    """RemovePermission: 204."""
    ref = call.ref()
    if service.registry.find(ref) is None and ref.qualifier is None:
        raise not_found(f"No policy found for: {ref.qualified_arn}")
    function, qualifier = service.registry.qualified(ref), ref.qualifier or LATEST
    policy = function.policies.get(qualifier)
    if policy is None:
        raise not_found("No policy is associated with the given resource.")
    _check_revision(policy, call.query.get("RevisionId"))
    _keep(service, function, qualifier, without_statement(policy, call.words[1]))
    return NO_CONTENT


def kept_policy(policy: Mapping[str, Any]) -> dict[str, str]:
    """A policy as GetPolicy shows it."""
    text = {"Version": "2012-10-17", "Id": "default", "Statement": policy["statements"]}
    shown = json.dumps(text, separators=(",", ":"))
    return {"Policy": shown, "RevisionId": policy["revision"]}


def without_statement(policy: Mapping[str, Any], name: str) -> list[Any]:
    """Its statements but one; 404 if there is none of the name."""
    left = [one for one in policy["statements"] if one["Sid"] != name]
    if len(left) == len(policy["statements"]):
        raise not_found(f"Statement {name} is not found in resource policy.")
    return left


def _no_policy(function: Function, qualifier: str) -> dict[str, Any]:
    """Before its first permission the revision is that of the alias or the function."""
    alias = function.aliases.get(qualifier)
    return {"statements": [], "revision": alias.revision if alias else function.revision}


def _check_principal(principal: str) -> None:
    if not re.fullmatch(_PRINCIPAL, principal):
        raise invalid(
            "The provided principal was invalid. Please check the principal and try again."
        )


def _check_revision(policy: Mapping[str, Any], given: str | None) -> None:
    if given not in (None, policy["revision"]):
        raise stale_revision("GetPolicy")


def _keep(service: Service, function: Function, qualifier: str, statements: list[Any]) -> None:
    if statements:
        function.policies[qualifier] = {"statements": statements, "revision": new_revision()}
    else:
        del function.policies[qualifier]
    service.registry.keep(function)


def statement(body: Mapping[str, Any], arn: str) -> tuple[dict[str, Any], str]:
    """A statement as AWS writes it from a request, and its text."""
    principal = str(body["Principal"])
    who: Any = {"Service": principal}
    if principal == "*":
        who = "*"
    elif principal.startswith("arn:"):
        who = {"AWS": principal}
    elif principal.isdecimal():
        who = {"AWS": f"arn:aws:iam::{principal}:root"}
    made = {"Sid": body["StatementId"], "Effect": "Allow", "Principal": who}
    made |= {"Action": body["Action"], "Resource": arn}
    conditions: dict[str, dict[str, str]] = {}
    for key, (operator, name) in _CONDITIONS.items():
        if body.get(key) is not None:
            conditions.setdefault(operator, {})[name] = body[key]
    if conditions:
        made["Condition"] = conditions
    return made, json.dumps(made, separators=(",", ":"))
