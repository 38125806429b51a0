"""Checks before a sweep: credentials, permissions, quotas and settings."""

from collections.abc import Iterator

from tuner.billing.prices import prices
from tuner.clock import WallClock
from tuner.errors import TunerError
from tuner.experiment.wiring import open_target
from tuner.options.manage import DoctorCommand
from tuner.options.sweep import SweepOptions, as_sweep
from tuner.planning.risks import risks
from tuner.planning.sizes import candidates
from tuner.records import FunctionFacts
from tuner.targets.seam import Finding, Level

#: Of what could go wrong, this stops a sweep; the rest is worth a thought.
_STOPS = ("report-hidden", "reserved-zero")


def findings(options: DoctorCommand) -> Iterator[Finding]:
    """Check one thing after another; an error of the target is a finding."""

    asked = as_sweep(options)
    try:
        target = open_target(asked, lambda _text: None, WallClock())
    except TunerError as error:
        yield Finding("target", Level.PROBLEM, error.reason, error.fix)
        return
    try:
        yield from target.check_up()
        facts = target.describe()
    except TunerError as error:
        yield Finding("target", Level.PROBLEM, error.reason, error.fix)
    else:
        yield Finding("target", Level.OK, "it can be described")
        yield from _settings(asked, facts)
    finally:
        target.close()


def _settings(options: SweepOptions, facts: FunctionFacts) -> Iterator[Finding]:
    """Timeout, log settings and limits, for the sizes that one means to measure."""
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
