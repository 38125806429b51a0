"""The least IAM policy for the commands that one names; works offline."""

import re
from dataclasses import replace

from tuner.aws.policy import PolicyScope, as_text, policy
from tuner.errors import UsageError
from tuner.options.manage import PolicyCommand
from tuner.records import provisioned
from tuner.targets.choices import Isolation
from tuner.targets.names import Kind, parse_target

_FRONT = "With --url of an API Gateway: also execute-api:Invoke on its ARN."
_COPY = (
    "A copy of a function in a VPC also needs ec2:DescribeVpcs, DescribeSubnets and "
    "DescribeSecurityGroups; one with a KMS key kms:Encrypt, Decrypt and CreateGrant."
)


def least_policy(options: PolicyCommand) -> tuple[str, list[str]]:
    """The policy as text, and what else a reader has to know. Raises UsageError."""
    isolation = Isolation.CLONE if options.architectures else options.isolation
    if options.variants and isolation is not Isolation.VERSIONS:
        reason = "are compared by versions of the function"
        raise UsageError("--variants", reason, "Leave --isolation out.")
    document = policy(
        options.commands,
        _scope(options),
        isolation,
        options.architectures,
        provisioned=any(map(provisioned, options.variants)),
    )
    notes = [_FRONT] if "load" in options.commands else []
    return as_text(document, options.format_), [*notes, *([_COPY] if isolation == "clone" else [])]


def _scope(options: PolicyCommand) -> PolicyScope:
    """Return what the policy covers: one function, or all of an account and region."""
    account, region = options.account, options.region
    if account is not None and not re.fullmatch(r"\d{12}", account, re.ASCII):
        raise UsageError(f"--account {account[:20]}", "is not an account id", "It has 12 digits.")
    if options.target is None:
        return PolicyScope(region=region or "*", account=account or "*")
    name = parse_target(options.target)
    if name.kind is not Kind.AWS:
        fix = "Name one, or leave --target out."
        raise UsageError(options.target, "is not a function on AWS", fix)
    usual = PolicyScope(region=name.region or "*", partition=_partition(region or ""))
    found = PolicyScope.of(name.function, usual)
    return replace(found, region=region or found.region, account=account or found.account)


def _partition(region: str) -> str:
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
