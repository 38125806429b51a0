"""Around a run: checks before a sweep, the least IAM policy, the local Lambda, and workers."""

import os
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from tuner.errors import TunerError, UsageError
from tuner.options.manage import DoctorCommand, LocalCommand, PolicyCommand, WorkerCommand
from tuner.options.sweep import SweepOptions, as_sweep
from tuner.records import FunctionFacts, provisioned
from tuner.targets.choices import Isolation
from tuner.targets.names import Kind, parse_target
from tuner.targets.seam import Finding, Level, Progress

if TYPE_CHECKING:
    from tuner.aws.policy import PolicyScope

#: Of what could go wrong, this stops a sweep; the rest is worth a thought.
_STOPS = ("report-hidden", "reserved-zero")
_FRONT = "With --url of an API Gateway: also execute-api:Invoke on its ARN."
_COPY = (
    "A copy of a function in a VPC also needs ec2:DescribeVpcs, DescribeSubnets and "
    "DescribeSecurityGroups; one with a KMS key kms:Encrypt, Decrypt and CreateGrant."
)
_ROLE = (
    "Temporary copies, as which other code and the control of a bench run, also need iam:PassRole: "
    "name the function's role with --role ARN."
)
_PORT = 5557  # Locust's own


def findings(options: DoctorCommand) -> Iterator[Finding]:
    """Check one thing after another; an error of the target is a finding."""
    from tuner.experiment.wiring import open_target

    asked, target = as_sweep(options), None
    try:
        target = open_target(asked)
        yield from target.check_up()
        facts = target.describe()
    except TunerError as error:
        yield Finding("target", Level.PROBLEM, f"{error.thing}: {error.reason}", error.fix)
    else:
        yield Finding("target", Level.OK, "it can be described")
        yield from _settings(asked, facts)
    finally:
        if target is not None:
            target.close()


def _settings(options: SweepOptions, facts: FunctionFacts) -> Iterator[Finding]:
    """Timeout, log settings and limits, for the sizes that one means to measure."""
    from tuner.billing.prices import prices
    from tuner.planning.risks import risks
    from tuner.planning.sizes import candidates

    if facts.recorded_mb:
        return
    sizes = candidates(options.memory)
    ends = int(sizes[0]), int(sizes[-1])
    for advice in risks(facts, ends, prices(facts.region, facts.arch), len(sizes)):
        if advice.code == "side-effects":
            continue
        level = Level.PROBLEM if advice.code in _STOPS else Level.WARNING
        said, _, fix = advice.text.rpartition(". ")
        yield Finding(advice.code, level, said or fix, fix if said else "")
    yield Finding("settings", Level.OK, f"read for {ends[0]} to {ends[1]} MB")


def least_policy(options: PolicyCommand) -> tuple[str, list[str]]:
    """The policy as text, and what else a reader has to know. Raises UsageError."""
    from tuner.aws.policy import as_text, policy

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
    notes += [_COPY] if isolation == "clone" else []
    if options.role is None and (isolation == "clone" or "bench" in options.commands):
        notes.append(_ROLE)
    return as_text(document, options.format_), notes


def _scope(options: PolicyCommand) -> "PolicyScope":
    """Return what the policy covers: one function, or all of an account and region."""
    from tuner.aws.policy import PolicyScope, checked_role

    account, region, role = options.account, options.region, checked_role(options.role, "--role")
    if account is not None and not re.fullmatch(r"\d{12}", account, re.ASCII):
        raise UsageError(f"--account {account[:20]}", "is not an account id", "It has 12 digits.")
    if options.target is None:
        partition = _partition(region or "")
        return PolicyScope("*", region or "*", account or "*", partition, role)
    name = parse_target(options.target)
    if name.kind is not Kind.AWS:
        fix = "Name one, or leave --target out."
        raise UsageError(options.target, "is not a function on AWS", fix)
    partition = _partition(region or "")
    usual = PolicyScope(region=name.region or "*", partition=partition, role=role)
    found = PolicyScope.of(name.function, usual)
    return replace(found, region=region or found.region, account=account or found.account)


def _partition(region: str) -> str:
    if region.startswith("cn-"):
        return "aws-cn"
    return "aws-us-gov" if region.startswith("us-gov-") else "aws"


def serve_local(options: LocalCommand, tell: Progress) -> int:
    """Serve the local Lambda until it is stopped; gives an exit code."""
    from tuner.locallambda.sandbox.nodejs.versions import naming
    from tuner.locallambda.serve import serve
    from tuner.locallambda.service import ServiceOptions

    service = ServiceOptions(
        data=options.data,
        account_concurrency=options.account_concurrency,
        time_scale=options.time_scale,
        cpu=options.cpu,
        sqs_endpoint=options.sqs_endpoint,
        s3_endpoint=options.s3_endpoint,
        control_from_functions=options.control_from_functions,
    )
    with naming(options.node):
        return serve(service, tell, host=options.host, port=options.port)


def open_to_others(host: str) -> bool:
    """Return whether other machines reach a server at this address."""
    from tuner.aws.session import is_loopback

    return not is_loopback(f"http://[{host}]" if ":" in host else f"http://{host}")


def worker_command(options: WorkerCommand) -> tuple[list[str], dict[str, str]]:
    """The process that sends part of another machine's load, and its environment, which has the
    secret. Raises UsageError."""
    from tuner.engine.worker_process import SECRET, own_process
    from tuner.options.sending import read_secret

    host, port = parse_master(options.master)
    try:
        socket.getaddrinfo(host, port)
    except OSError as error:
        fix = "Check the name, or give the address of the machine that runs `tuner load`."
        reason = f"is not known here: {error.strerror}"
        raise UsageError(f"--master {host[:60]}", reason, fix) from None
    secret = read_secret(options.secret_file)
    command = own_process("tuner.engine.worker.locust_worker", host, port, "alone")
    return command, {**os.environ, SECRET: secret}


def parse_master(text: str) -> tuple[str, int]:
    """Host and port of ``HOST``, ``HOST:PORT`` or ``[IPV6]:PORT``. Raises UsageError."""
    host, colon, port = text.rpartition(":")
    if not colon or "]" in port or (":" in host and not host.startswith("[")):
        host, port = text, str(_PORT)  # no port; an IPv6 address is full of colons
    host = host.removeprefix("[").removesuffix("]")
    known = port.isascii() and port.isdigit() and 0 < int(port) < 65536
    if not known or not host or any(c.isspace() for c in host):
        raise UsageError(
            "--master", f"{text!r:.80} is not of the form HOST:PORT", f"Write it like ci-1:{_PORT}."
        )
    return host, int(port)
