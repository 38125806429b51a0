"""``tuner policy``: the least IAM policy for the commands that one names."""

import re
from typing import Annotated

import typer

from tuner.cli import options as o
from tuner.cli.cold import Variants
from tuner.errors import UsageError

Commands = Annotated[
    list[str],
    typer.Argument(
        metavar="COMMAND...",
        help="sweep, cold, load, bench, apply, restore, plan, doctor.",
        show_default=False,
    ),
]
Format = Annotated[str, typer.Option("--format", help="json, terraform or cloudformation.")]
TargetOption = Annotated[
    str | None, typer.Option("--target", help="The function's name or ARN; default: any.")
]
Account = Annotated[str | None, typer.Option("--account", help="Account id; default: any.")]
Isolation = Annotated[
    str, typer.Option("--isolation", help="How sizes are made: versions, clone or in-place.")
]

Architectures = Annotated[
    bool,
    typer.Option(
        "--architectures", help="To compare architectures, on temporary copies, and to apply one."
    ),
]


def policy(
    commands: Commands,
    format_: Format = "json",
    target: TargetOption = None,
    account: Account = None,
    region: o.Region = None,
    isolation: Isolation = "versions",
    architectures: Architectures = False,
    variants: Variants = None,
) -> None:
    """Print the least IAM policy for commands. Needs no credentials and asks nobody.

    Example: tuner policy sweep apply --target myfunc --account 123456789012 --region us-east-1
    """
    from tuner.aws.policy import ISOLATIONS, PolicyScope, as_text
    from tuner.aws.policy import policy as least

    isolation = "clone" if architectures else isolation
    if isolation not in ISOLATIONS:
        fix = f"There are: {', '.join(ISOLATIONS)}."
        raise UsageError(f"--isolation {isolation[:20]}", "is not a way of isolation", fix)
    if account is not None and not re.fullmatch(r"\d{12}", account, re.ASCII):
        raise UsageError(f"--account {account[:20]}", "is not an account id", "It has 12 digits.")
    provisioned = _provisions(variants, isolation)
    where = _where(target, account, region)
    assert isinstance(where, PolicyScope)
    document = least(commands, where, isolation, architectures, provisioned=provisioned)
    typer.echo(as_text(document, format_))
    if "load" in commands:
        typer.echo("With --url of an API Gateway: also execute-api:Invoke on its ARN.", err=True)
    if isolation == "clone":
        note = (
            "A copy of a function in a VPC also needs ec2:DescribeVpcs, DescribeSubnets and "
            "DescribeSecurityGroups; one with a KMS key kms:Encrypt, Decrypt and CreateGrant."
        )
        typer.echo(note, err=True)


def _provisions(variants: str | None, isolation: str) -> bool:
    """Whether these ways to start need rights of their own; a snapshot needs none."""
    from tuner.records import provisioned
    from tuner.targets.choices import read_startups

    if variants is None:
        return False
    if isolation != "versions":
        fix = "Leave --isolation out."
        raise UsageError("--variants", "are compared by versions of the function", fix)
    return any(map(provisioned, read_startups(variants)))


def _where(target: str | None, account: str | None, region: str | None) -> object:
    from tuner.aws.policy import PolicyScope
    from tuner.targets.names import Kind, parse_target

    if target is None:
        return PolicyScope(region=region or "*", account=account or "*")
    name = parse_target(target)
    if name.kind is not Kind.AWS:
        raise UsageError(target, "is not a function on AWS", "Name one, or leave --target out.")
    words = name.function.split(":")  # a name, account:function:name, or a whole ARN
    found = words[-3] if len(words) >= 3 else None
    return PolicyScope(
        function=words[-1],
        region=region or name.region or "*",
        account=account or found or "*",
        partition=words[1] if words[0] == "arn" else _partition(region or ""),
    )


def _partition(region: str) -> str:
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"
