"""The IAM policy of a scheduled suite: the least for its functions, in CloudFormation's words.

What each command needs is ``tuner.aws.policy``'s; here it is said once for all functions of a
suite, with the stack's own account and region where a target names none.
"""

from typing import Any

from tuner.aws.policy import Where, policy
from tuner.targets.names import Kind, parse_target

#: What ``tuner bench`` may do to a function.
COMMANDS = ("bench",)


def functions_of(targets: tuple[str, ...]) -> tuple[str, ...]:
    """Those targets that are functions on AWS, each once, without alias or version."""
    names = [parse_target(target) for target in targets]
    return tuple(dict.fromkeys(name.function for name in names if name.kind is Kind.AWS))


def suite_policy(functions: tuple[str, ...], isolation: str = "versions") -> dict[str, Any]:
    """One policy document for all functions; statements of the same kind are merged.

    Resources hold CloudFormation's pseudo parameters, so each is an ``Fn::Sub``.
    """
    merged: dict[str, dict[str, Any]] = {}
    for function in functions:
        for statement in policy(COMMANDS, _where(function), isolation)["Statement"]:
            known = merged.setdefault(statement["Sid"], {**statement, "Resource": []})
            more = statement["Resource"]
            for resource in [more] if isinstance(more, str) else more:
                if resource not in known["Resource"]:
                    known["Resource"].append(resource)
    for statement in merged.values():
        statement["Resource"] = [_substituted(text) for text in statement["Resource"]]
    return {"Version": "2012-10-17", "Statement": list(merged.values())}


def _where(function: str) -> Where:
    """A name, ``account:function:name`` or a whole ARN, as the policy wants it."""
    words = function.split(":")
    whole = words[0] == "arn"
    return Where(
        function=words[-1],
        region=words[3] if whole else "${AWS::Region}",
        account=words[-3] if len(words) >= 3 else "${AWS::AccountId}",
        partition=words[1] if whole else "${AWS::Partition}",
    )


def _substituted(text: str) -> str | dict[str, str]:
    return {"Fn::Sub": text} if "${" in text else text
