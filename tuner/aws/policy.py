"""The least IAM policy for what each command does, as a document and in three notations.

The table says which action each command needs and on what; tests compare it with the calls that
the commands make. Which rights a user has is not checked here.
"""

import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tuner.errors import UsageError

#: Scopes of an action: the function, its versions and aliases, both, the copies that isolation by
#: clone makes, any layer, the function's role, its log group, or the account.
FUNCTION, VERSIONS, BOTH, CLONES = "function", "versions", "both", "clones"
LAYERS, ROLES, LOGS, ACCOUNT = "layers", "roles", "logs", "account"

#: The start of the names of temporary copies; ``tuner.aws.clone`` makes them.
CLONE_PREFIX = "tuner-"

Grant = tuple[str, str]


def _on(scope: str, actions: str) -> tuple[Grant, ...]:
    """Actions on this scope, in one text; those of Lambda are written without ``lambda:``."""
    named = (each if ":" in each else f"lambda:{each}" for each in actions.split())
    return tuple((action, scope) for action in named)


_DESCRIBE = _on(BOTH, "GetFunction GetAlias") + _on(ACCOUNT, "GetAccountSettings")
_METRICS = _on(ACCOUNT, "cloudwatch:GetMetricData")
_INVOKE = _on(BOTH, "InvokeFunction")
_SET = _on(FUNCTION, "UpdateFunctionConfiguration")
#: What a run says on the function while it changes it; GetFunction shows tags only with ListTags.
_UNTAG = _on(FUNCTION, "ListTags UntagResource")
_CHANGE = _SET + _on(FUNCTION, "TagResource") + _UNTAG
# DeleteFunction is given for versions only, so that nothing can delete the function itself.
_VERSIONS = _on(FUNCTION, "ListVersionsByFunction") + _on(VERSIONS, "DeleteFunction")
_PUBLISH = _on(FUNCTION, "PublishVersion")
_CLONE = (
    *_on(CLONES, "CreateFunction TagResource GetFunction UpdateFunctionConfiguration"),
    *_on(CLONES, "PublishVersion DeleteFunction InvokeFunction"),
    *_on(LAYERS, "GetLayerVersion"),
    *_on(ROLES, "iam:PassRole"),
)
#: Read where an answer's log tail lacks REPORT, and to follow events.
_LOGS = _on(LOGS, "logs:FilterLogEvents")
#: What CloudWatch and X-Ray counted, read after a run; neither knows resources.
_CROSS_CHECK = _METRICS + _on(ACCOUNT, "xray:GetTraceSummaries xray:BatchGetTraces")
_READ = _DESCRIBE + _LOGS
_MEASURE: Mapping[str, tuple[Grant, ...]] = {
    "versions": _READ + _CHANGE + _VERSIONS + _PUBLISH + _on(VERSIONS, "InvokeFunction"),
    "clone": _READ + _CLONE,
    "in-place": _READ + _CHANGE + _on(FUNCTION, "InvokeFunction"),
}
_SWEEP = {isolation: needed + _CROSS_CHECK for isolation, needed in _MEASURE.items()}
#: For what is known of in no directory; a lost copy is found by its name.
_LOST = _on(FUNCTION, "GetFunction ListVersionsByFunction ListTags") + _on(ACCOUNT, "ListFunctions")
_RESTORE: Mapping[str, tuple[Grant, ...]] = {
    "versions": _LOST + _SET + _UNTAG + _VERSIONS,
    "clone": _LOST + _on(CLONES, "GetFunction ListVersionsByFunction DeleteFunction"),
    "in-place": _LOST + _SET + _UNTAG,
}
#: Versions are called as they are; other code and the control run as copies, if these are allowed.
_BENCH = {isolation: _MEASURE[isolation] + _INVOKE for isolation in ("versions", "clone")}
_LIST_PROVISIONED = _on(FUNCTION, "ListProvisionedConcurrencyConfigs")
_WITHDRAW = _on(VERSIONS, "DeleteProvisionedConcurrencyConfig")
_PROVIDE = "PutProvisionedConcurrencyConfig GetProvisionedConcurrencyConfig"
#: What `--variants provisioned=N` needs beside, and `tuner restore` after it.
_PROVISIONED: Mapping[str, tuple[Grant, ...]] = {
    "cold": _LIST_PROVISIONED + _WITHDRAW + _on(VERSIONS, _PROVIDE),
    "plan": _LIST_PROVISIONED,
    "restore": _on(VERSIONS, "GetFunction") + _WITHDRAW,
}
_ALWAYS: Mapping[str, tuple[Grant, ...]] = {
    "load": (
        *(*_READ, *_CROSS_CHECK, *_INVOKE),
        *_on(BOTH, "GetFunctionEventInvokeConfig"),  # of events, with --mode async
        *_on(BOTH, "InvokeFunctionUrl"),  # with --url, signed with IAM
    ),
    "plan": _DESCRIBE,
    "doctor": (
        *(*_READ, *_CROSS_CHECK, *_SET, *_PUBLISH, *_LIST_PROVISIONED, *_INVOKE),
        *_on(FUNCTION, "ListVersionsByFunction ListTags"),
        *_on(ACCOUNT, "ListFunctions ListEventSourceMappings sts:GetCallerIdentity"),
    ),
    "fleet": (
        *_on(ACCOUNT, "ListFunctions tag:GetResources"),
        *_METRICS,
        *_on(ACCOUNT, "compute-optimizer:GetLambdaFunctionRecommendations"),
        *_on(LOGS, "logs:StartQuery logs:GetQueryResults"),
        *_on(ACCOUNT, "logs:StopQuery"),
    ),
    "apply": _CHANGE
    + _VERSIONS
    + _PUBLISH
    + _METRICS
    + _on(BOTH, "GetFunction GetAlias UpdateAlias"),
}
#: Beside that, for a load of a copy or of a size that is set in place.
_ISOLATED_LOAD: Mapping[str, tuple[Grant, ...]] = {"clone": _CLONE, "in-place": _CHANGE}
#: Beside that, for setting another architecture.
_ARCHITECTURE: Mapping[str, tuple[Grant, ...]] = {
    "apply": _on(FUNCTION, "UpdateFunctionCode") + _on(LAYERS, "GetLayerVersion"),
}
_BY_ISOLATION = {"bench": _BENCH, "sweep": _SWEEP, "cold": _SWEEP, "restore": _RESTORE}
COMMANDS = tuple(sorted({*_ALWAYS, *_BY_ISOLATION}))
ISOLATIONS = tuple(_MEASURE)


@dataclass(frozen=True)
class PolicyScope:
    """The resources that a policy is for; ``*`` stands for what is not known.

    ``role`` is the function's own (an ARN), which temporary copies get. Without it nothing lets
    anybody pass one: to whoever may pass any, the account is open.
    """

    function: str = "*"
    region: str = "*"
    account: str = "*"
    partition: str = "aws"
    role: str = ""

    @classmethod
    def of(cls, function: str, where: "PolicyScope") -> "PolicyScope":
        """A name, ``account:function:name`` or a whole ARN; what it leaves out is that of
        ``where``."""
        words = function.split(":")
        whole = words[0] == "arn"
        return cls(
            function=words[-1],
            region=words[3] if whole else where.region,
            account=words[-3] if len(words) >= 3 else where.account,
            partition=words[1] if whole else where.partition,
            role=where.role,
        )


_ROLE = re.compile(r"arn:aws[a-zA-Z-]*:iam::\d{12}:role/[\w+=,.@/-]{1,600}", re.ASCII)


def checked_role(role: str | None, option: str) -> str:
    """Return the ARN of a role, empty for none; raises UsageError for another text or a pattern."""
    if role is None or _ROLE.fullmatch(role):
        return role or ""
    fix = "Write it like arn:aws:iam::123456789012:role/orders."
    raise UsageError(f"{option} {role[:80]!r}", "is not the ARN of a role", fix)


def grants(
    commands: Iterable[str],
    isolation: str = "versions",
    architectures: bool = False,
    *,
    provisioned: bool = False,
    copies: bool = False,
) -> tuple[Grant, ...]:
    """Every (action, scope) that the commands need; ``architectures`` adds what setting another one
    takes, ``provisioned`` what comparing ways to start takes, ``copies`` what a bench takes that
    runs other code or the control. Raises UsageError for an unknown command."""
    found: list[Grant] = []
    for command in commands:
        found += _ARCHITECTURE.get(command, ()) if architectures else ()
        found += _CLONE if command == "bench" and copies else ()
        if command in _ALWAYS:
            found += _ALWAYS[command]
            found += _ISOLATED_LOAD.get(isolation, ()) if command == "load" else ()
        elif isolation in _BY_ISOLATION.get(command, ()):
            found += _BY_ISOLATION[command][isolation]
        elif command in _BY_ISOLATION:
            fix = "Choose versions or clone."
            raise UsageError(command, f"cannot be done with isolation {isolation}", fix)
        else:
            fix = f"Commands that call AWS: {', '.join(COMMANDS)}."
            raise UsageError(command[:40], "is not a command that needs permissions", fix)
        found += _PROVISIONED.get(command, ()) if provisioned else ()
    return tuple(dict.fromkeys(found))


def policy(
    commands: Iterable[str],
    where: PolicyScope,
    isolation: str = "versions",
    architectures: bool = False,
    *,
    provisioned: bool = False,
    beside: Sequence[PolicyScope] = (),
) -> dict[str, Any]:
    """The policy document: one statement per set of resources, actions in order.

    ``beside`` are further functions that the same is allowed on.
    """
    by_scope: dict[str, set[str]] = {}
    needed = grants(
        commands, isolation, architectures, provisioned=provisioned, copies=bool(where.role)
    )
    for action, scope in needed:
        by_scope.setdefault(scope, set()).add(action)
    _merge(by_scope)
    return {
        "Version": "2012-10-17",
        "Statement": [
            _statement(scope, by_scope[scope], (where, *beside))
            for scope in _RESOURCES
            if by_scope.get(scope) and (scope != ROLES or where.role)
        ],
    }


def as_text(document: Mapping[str, Any], notation: str) -> str:
    """The document as ``json``, ``terraform`` or ``cloudformation``; raises UsageError."""
    if notation not in _NOTATIONS:
        fix = f"There are: {', '.join(_NOTATIONS)}."
        raise UsageError(f"--format {notation[:20]}", "is not a format", fix)
    return _NOTATIONS[notation](document)


def _merge(by_scope: dict[str, set[str]]) -> None:
    """Drop from the function and from its versions what is allowed on both."""
    split = by_scope.get(FUNCTION, set()) & by_scope.get(VERSIONS, set())
    both = by_scope[BOTH] = by_scope.get(BOTH, set()) | split
    for scope in (FUNCTION, VERSIONS):
        by_scope[scope] = by_scope.get(scope, set()) - both


def _statement(scope: str, actions: set[str], where: Sequence[PolicyScope]) -> dict[str, Any]:
    texts = [text.format(**asdict(each)) for each in where for text in _RESOURCES[scope]]
    resources = list(dict.fromkeys(texts))
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
    ROLES: ("{role}",),
    LOGS: ("arn:{partition}:logs:{region}:{account}:log-group:/aws/lambda/{function}:*",),
    ACCOUNT: ("*",),
}


def _terraform(document: Mapping[str, Any]) -> str:
    body = "\n\n".join(_terraform_statement(statement) for statement in document["Statement"])
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
    from ruamel.yaml import YAML

    resource = {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"PolicyDocument": document}}
    yaml, text = YAML(), io.StringIO()
    yaml.width = 1000  # long ARNs stay on one line
    yaml.dump({"TunerPolicy": resource}, text)
    return text.getvalue().rstrip()


_NOTATIONS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "json": lambda document: json.dumps(document, indent=2),
    "terraform": _terraform,
    "cloudformation": _cloudformation,
}
