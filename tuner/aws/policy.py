"""The least IAM policy for what each command does, as a document and in three notations.

The table says which action each command needs and on what; tests record the calls that the
commands make and hold them against it. Which rights a user has is not asked here.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tuner.errors import UsageError

#: On what an action is allowed: the function, its versions and aliases, both, the copies that
#: isolation by clone makes, any layer, the function's role, its log group, or the account.
FUNCTION, VERSIONS, BOTH, CLONES = "function", "versions", "both", "clones"
LAYERS, ROLES, LOGS, ACCOUNT = "layers", "roles", "logs", "account"

#: How the names of temporary copies begin; ``tuner.aws.clone`` makes them.
CLONE_PREFIX = "tuner-"

Grant = tuple[str, str]

_DESCRIBE: tuple[Grant, ...] = (
    ("lambda:GetFunction", BOTH),
    ("lambda:GetAlias", BOTH),
    ("lambda:GetAccountSettings", ACCOUNT),
)
_METRICS: tuple[Grant, ...] = (("cloudwatch:GetMetricData", ACCOUNT),)
_SET: tuple[Grant, ...] = (("lambda:UpdateFunctionConfiguration", FUNCTION),)
# DeleteFunction is given for versions only, so that nothing can delete the function itself.
_VERSIONS: tuple[Grant, ...] = (
    *_SET,
    ("lambda:ListVersionsByFunction", FUNCTION),
    ("lambda:DeleteFunction", VERSIONS),
)
_CLONE: tuple[Grant, ...] = (
    ("lambda:CreateFunction", CLONES),
    ("lambda:TagResource", CLONES),
    ("lambda:GetFunction", CLONES),
    ("lambda:UpdateFunctionConfiguration", CLONES),
    ("lambda:PublishVersion", CLONES),
    ("lambda:DeleteFunction", CLONES),
    ("lambda:InvokeFunction", CLONES),
    ("lambda:GetLayerVersion", LAYERS),
    ("iam:PassRole", ROLES),
)
#: ApiCall where an answer's log tail lacks REPORT, and what became of events.
_LOGS: tuple[Grant, ...] = (("logs:FilterLogEvents", LOGS),)
#: What CloudWatch and X-Ray counted, asked when a run is over; neither knows resources.
_WITNESSES: tuple[Grant, ...] = (
    *_METRICS,
    ("xray:GetTraceSummaries", ACCOUNT),
    ("xray:BatchGetTraces", ACCOUNT),
)
_MEASURE: Mapping[str, tuple[Grant, ...]] = {
    "versions": (
        *_DESCRIBE,
        *_LOGS,
        *_VERSIONS,
        ("lambda:PublishVersion", FUNCTION),
        ("lambda:InvokeFunction", VERSIONS),
    ),
    "clone": (*_DESCRIBE, *_LOGS, *_CLONE),
    "in-place": (*_DESCRIBE, *_LOGS, *_SET, ("lambda:InvokeFunction", FUNCTION)),
}
_SWEEP: Mapping[str, tuple[Grant, ...]] = {
    isolation: (*needed, *_WITNESSES) for isolation, needed in _MEASURE.items()
}
_RESTORE: Mapping[str, tuple[Grant, ...]] = {
    "versions": (("lambda:GetFunction", FUNCTION), *_VERSIONS),
    "clone": (("lambda:GetFunction", CLONES), ("lambda:DeleteFunction", CLONES)),
    "in-place": (("lambda:GetFunction", FUNCTION), *_SET),
}
#: Versions are called as they are, other code and the control run as copies.
_BENCH: Mapping[str, tuple[Grant, ...]] = {
    isolation: (*_MEASURE[isolation], *_CLONE, ("lambda:InvokeFunction", BOTH))
    for isolation in ("versions", "clone")
}
#: What `--variants provisioned=N` needs beside, and `tuner restore` after it.
_PROVISIONED: Mapping[str, tuple[Grant, ...]] = {
    "cold": (
        ("lambda:ListProvisionedConcurrencyConfigs", FUNCTION),
        ("lambda:PutProvisionedConcurrencyConfig", VERSIONS),
        ("lambda:GetProvisionedConcurrencyConfig", VERSIONS),
        ("lambda:DeleteProvisionedConcurrencyConfig", VERSIONS),
    ),
    "plan": (("lambda:ListProvisionedConcurrencyConfigs", FUNCTION),),
    "restore": (
        ("lambda:GetFunction", VERSIONS),
        ("lambda:DeleteProvisionedConcurrencyConfig", VERSIONS),
    ),
}
_ALWAYS: Mapping[str, tuple[Grant, ...]] = {
    "load": (
        *_DESCRIBE,
        *_LOGS,
        *_WITNESSES,
        ("lambda:InvokeFunction", BOTH),
        ("lambda:GetFunctionEventInvokeConfig", BOTH),  # of events, with --mode async
        ("lambda:InvokeFunctionUrl", BOTH),  # with --url, signed with IAM
    ),
    "plan": _DESCRIBE,
    "doctor": (
        *_DESCRIBE,
        *_LOGS,
        *_WITNESSES,
        *_SET,
        ("lambda:InvokeFunction", BOTH),
        ("lambda:ListVersionsByFunction", FUNCTION),
        ("lambda:PublishVersion", FUNCTION),
        ("lambda:ListEventSourceMappings", ACCOUNT),
        ("lambda:ListProvisionedConcurrencyConfigs", FUNCTION),
        ("sts:GetCallerIdentity", ACCOUNT),
    ),
    "apply": (
        ("lambda:GetFunction", BOTH),
        *_VERSIONS,
        ("lambda:PublishVersion", FUNCTION),
        ("lambda:GetAlias", BOTH),
        ("lambda:UpdateAlias", BOTH),
        *_METRICS,
    ),
}
#: Beside that, for setting another architecture.
_ARCHITECTURE: Mapping[str, tuple[Grant, ...]] = {
    "apply": (("lambda:UpdateFunctionCode", FUNCTION), ("lambda:GetLayerVersion", LAYERS)),
}
_BY_ISOLATION = {"bench": _BENCH, "sweep": _SWEEP, "cold": _SWEEP, "restore": _RESTORE}
COMMANDS = tuple(sorted({*_ALWAYS, *_BY_ISOLATION}))
ISOLATIONS = tuple(_MEASURE)


@dataclass(frozen=True)
class PolicyScope:
    """What is known of the resources; ``*`` stands for what is not."""

    function: str = "*"
    region: str = "*"
    account: str = "*"
    partition: str = "aws"


def grants(
    commands: Iterable[str],
    isolation: str = "versions",
    architectures: bool = False,
    *,
    provisioned: bool = False,
) -> tuple[Grant, ...]:
    """Every (action, scope) that the commands need, ``architectures`` with what another one of
    those takes, ``provisioned`` with what comparing ways to start does. Raises UsageError for an
    unknown one."""
    found: list[Grant] = []
    for command in commands:
        found += _ARCHITECTURE.get(command, ()) if architectures else ()
        if command in _ALWAYS:
            found += _ALWAYS[command]
        elif isolation in _BY_ISOLATION.get(command, ()):
            found += _BY_ISOLATION[command][isolation]
        elif command in _BY_ISOLATION:
            fix = "Choose versions or clone."
            raise UsageError(command, f"cannot be done with isolation {isolation}", fix)
        else:
            fix = f"Commands that call AWS: {', '.join(COMMANDS)}."
            raise UsageError(command[:40], "is no command that needs rights", fix)
        found += _PROVISIONED.get(command, ()) if provisioned else ()
    return tuple(dict.fromkeys(found))


def policy(
    commands: Iterable[str],
    where: PolicyScope,
    isolation: str = "versions",
    architectures: bool = False,
    *,
    provisioned: bool = False,
) -> dict[str, Any]:
    """The policy document: one statement per set of resources, actions in order."""
    by_scope: dict[str, set[str]] = {}
    for action, scope in grants(commands, isolation, architectures, provisioned=provisioned):
        by_scope.setdefault(scope, set()).add(action)
    _merge(by_scope)
    return {
        "Version": "2012-10-17",
        "Statement": [
            _statement(scope, by_scope[scope], where) for scope in _RESOURCES if by_scope.get(scope)
        ],
    }


def as_text(document: Mapping[str, Any], notation: str) -> str:
    """The document as ``json``, ``terraform`` or ``cloudformation``; raises UsageError."""
    if notation not in _NOTATIONS:
        fix = f"There are: {', '.join(_NOTATIONS)}."
        raise UsageError(f"--format {notation[:20]}", "is not a format", fix)
    return _NOTATIONS[notation](document)


def _merge(by_scope: dict[str, set[str]]) -> None:
    """What is allowed on the function and its versions need not be allowed on one of them."""
    split = by_scope.get(FUNCTION, set()) & by_scope.get(VERSIONS, set())
    both = by_scope[BOTH] = by_scope.get(BOTH, set()) | split
    for scope in (FUNCTION, VERSIONS):
        by_scope[scope] = by_scope.get(scope, set()) - both


def _statement(scope: str, actions: set[str], where: PolicyScope) -> dict[str, Any]:
    resources = [text.format(**_words(where)) for text in _RESOURCES[scope]]
    statement: dict[str, Any] = {
        "Sid": f"Tuner{scope.title()}",
        "Effect": "Allow",
        "Action": sorted(actions),
        "Resource": resources[0] if len(resources) == 1 else resources,
    }
    if scope == ROLES:
        statement["Condition"] = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    return statement


_LAMBDA = "arn:{partition}:lambda:{region}:{account}"
_RESOURCES: Mapping[str, tuple[str, ...]] = {
    FUNCTION: (f"{_LAMBDA}:function:{{function}}",),
    VERSIONS: (f"{_LAMBDA}:function:{{function}}:*",),
    BOTH: (f"{_LAMBDA}:function:{{function}}", f"{_LAMBDA}:function:{{function}}:*"),
    CLONES: (f"{_LAMBDA}:function:{CLONE_PREFIX}*",),
    LAYERS: ("arn:{partition}:lambda:{region}:*:layer:*:*",),
    ROLES: ("arn:{partition}:iam::{account}:role/*",),
    LOGS: ("arn:{partition}:logs:{region}:{account}:log-group:/aws/lambda/{function}:*",),
    ACCOUNT: ("*",),
}


def _words(where: PolicyScope) -> dict[str, str]:
    return {
        "partition": where.partition,
        "region": where.region,
        "account": where.account,
        "function": where.function,
    }


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2)


def _terraform(document: Mapping[str, Any]) -> str:
    blocks = [_terraform_statement(statement) for statement in document["Statement"]]
    body = "\n\n".join(blocks)
    return f'data "aws_iam_policy_document" "tuner" {{\n{body}\n}}'


def _terraform_statement(statement: Mapping[str, Any]) -> str:
    resources = statement["Resource"]
    lines = [
        "  statement {",
        f"    sid       = {json.dumps(statement['Sid'])}",
        f"    actions   = {json.dumps(statement['Action'])}",
        f"    resources = {json.dumps([resources] if isinstance(resources, str) else resources)}",
    ]
    for test, values in statement.get("Condition", {}).items():
        for variable, value in values.items():
            lines += [
                "    condition {",
                f"      test     = {json.dumps(test)}",
                f"      variable = {json.dumps(variable)}",
                f"      values   = {json.dumps([value])}",
                "    }",
            ]
    return "\n".join([*lines, "  }"])


def _cloudformation(document: Mapping[str, Any]) -> str:
    """YAML by hand: the document is plain, and JSON strings are YAML strings."""
    lines = [
        "TunerPolicy:",
        "  Type: AWS::IAM::ManagedPolicy",
        "  Properties:",
        "    PolicyDocument:",
        f"      Version: {json.dumps(document['Version'])}",
        "      Statement:",
    ]
    for statement in document["Statement"]:
        first = "        - "
        for key, value in statement.items():
            if isinstance(value, list):
                lines.append(f"{first}{key}:")
                lines += [f"            - {json.dumps(item)}" for item in value]
            else:
                lines.append(f"{first}{key}: {json.dumps(value)}")
            first = "          "
    return "\n".join(lines)


_NOTATIONS = {"json": _json, "terraform": _terraform, "cloudformation": _cloudformation}
FORMATS = tuple(_NOTATIONS)
