"""``tuner doctor``: can this function be measured here, and if not, what helps?"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from tuner.cli import options as o

if TYPE_CHECKING:
    from tuner.options.options import SweepOptions
    from tuner.records import FunctionFacts
    from tuner.targets.checkup import Finding

_MARKS = {"ok": "ok", "unknown": "?", "warning": "!", "problem": "X"}


def doctor(
    target: o.TargetArg,
    memory: o.Memory = "128:1536",
    region: o.Region = None,
    profile: o.Profile = None,
    endpoint_url: o.EndpointUrl = None,
    assume_role: o.AssumeRole = None,
    handler: o.Handler = None,
    runtime: o.Runtime = None,
    env: o.Env = None,
    cpu: o.Cpu = "auto",
    json_to: o.Json = None,
) -> None:
    """Check credentials, permissions, quotas and settings, with the fix for each; changes nothing.

    Exits 1 if something stands in the way of a sweep.
    """
    from tuner.api.sweep import sweep_options
    from tuner.cli.output import write_document
    from tuner.targets.checkup import Level

    given = {k: v for k, v in locals().items() if k in _OPTIONS and v is not None}
    found = []
    for finding in _findings(sweep_options(target, **given)):
        found.append(finding)
        if json_to != "-":
            _show(finding)
    bad = any(finding.level is Level.PROBLEM for finding in found)
    if json_to is not None:
        listed = [asdict(finding) for finding in found]
        document = {"schema": "tuner.doctor/1", "target": target, "ok": not bad, "findings": listed}
        write_document(document, json_to)
    raise typer.Exit(1 if bad else 0)


_OPTIONS = (
    *("memory", "region", "profile", "endpoint_url", "assume_role"),
    *("handler", "runtime", "env", "cpu"),
)


#: Of what could go wrong, this stops a sweep; the rest is worth a thought.
_STOPS = ("report-hidden", "reserved-zero")


def _findings(options: "SweepOptions") -> "Iterator[Finding]":
    from tuner.clock import WallClock
    from tuner.errors import TunerError
    from tuner.experiment.wiring import open_target
    from tuner.targets.aws import AwsTarget
    from tuner.targets.checkup import Finding, Level

    try:
        target = open_target(options, lambda _text: None, WallClock())
    except TunerError as error:
        yield Finding("target", Level.PROBLEM, error.reason, error.fix)
        return
    try:
        if isinstance(target, AwsTarget):
            yield from target.check_up()
        facts = target.describe()
    except TunerError as error:
        yield Finding("target", Level.PROBLEM, error.reason, error.fix)
    else:
        yield Finding("target", Level.OK, "it can be described")
        yield from _settings(options, facts)
    finally:
        target.close()


def _settings(options: "SweepOptions", facts: "FunctionFacts") -> "Iterator[Finding]":
    """Timeout, log settings and limits, for the sizes that one means to measure."""
    from tuner.billing.prices import prices
    from tuner.planning.risks import risks
    from tuner.planning.sizes import candidates
    from tuner.targets.checkup import Finding, Level
    from tuner.units import parse_memory

    if facts.recorded_mb:
        return
    sizes = candidates(parse_memory(options.memory))
    ends = int(sizes[0]), int(sizes[-1])
    for advice in risks(facts, ends, prices(facts.region, facts.arch), len(sizes)):
        if advice.code == "side-effects":
            continue
        level = Level.PROBLEM if advice.code in _STOPS else Level.WARNING
        said, _, fix = advice.text.rpartition(". ")
        yield Finding(advice.code, level, said or fix, fix if said else "")
    yield Finding("settings", Level.OK, f"read for {ends[0]} to {ends[1]} MB")


def _show(finding: "Finding") -> None:
    typer.echo(f"{_MARKS[finding.level.value]:<2} {finding.name}: {finding.text}")
    if finding.fix and finding.level.value != "ok":
        typer.echo(f"   -> {finding.fix}")
