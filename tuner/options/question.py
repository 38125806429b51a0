"""What a sweep's options ask of a function: the goal, and the question on each architecture."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tuner.billing.prices import Prices
from tuner.decide.conclude_across import ArchSide
from tuner.decide.confirm import REPEATS
from tuner.decide.decide import RUN_SD, Question
from tuner.decide.goal import Goal, Slo, SloScope
from tuner.decide.month import Priced
from tuner.errors import UsageError
from tuner.options.readers import read_traffic
from tuner.options.sweep import DEFAULT_MEMORY, SweepOptions
from tuner.records import Advice, Backend, FunctionFacts

#: How long a call is taken to be for a cold share, until calls are measured.
_TYPICAL_S = 0.1
#: What a size's mean differs by from one run to the next (log-sd). AWS: functions measured in
#: November and December 2025 by cebert/aws-lambda-performance-benchmarks differ by a common 3.4 %.
#: This machine: the same grid came out 15 to 18 % dearer minutes later.
_RUN_SD = {Backend.REPLAY: RUN_SD, Backend.AWS: 0.03, Backend.LOCAL: 0.08}


def question(options: SweepOptions, facts: FunctionFacts, prices: Prices) -> Question:
    """All that a decision depends on except the samples."""
    return Question(
        goal=goal_of(options, facts),
        rates=prices,
        wish=options.memory,
        recorded_mb=facts.recorded_mb,
        grid_samples=options.samples if options.method == "grid" or facts.invoke_only else None,
        budget=options.limit,
        seed=options.seed,
        run_sd=_RUN_SD[facts.backend],
        repeats=REPEATS if facts.backend is Backend.LOCAL else 0,
    )


def goal_of(options: SweepOptions, facts: FunctionFacts) -> Goal:
    """What to choose for. A cold share that follows from traffic is rough until calls are timed."""
    share, source = _cold_share(options, facts)
    demand = options.traffic.demand if options.traffic else None
    if demand is not None and not source:
        share = demand.cold_share(_TYPICAL_S)
    return Goal(
        strategy=options.strategy,
        balance=options.balance,
        worth=options.worth,
        slos=_answerable(options.slo),
        cold_share=share,
        arch=facts.arch,
        current_mb=facts.now_mb,
        ephemeral_mb=facts.ephemeral_mb,
        demand=demand,
        cold_share_from=source,
    )


def _answerable(slos: tuple[Slo, ...]) -> tuple[Slo, ...]:
    """The objectives, none of which is about what only a load checks. Raises UsageError."""
    for slo in slos:
        if slo.scope is SloScope.CHECKS:
            fix = "Run `tuner load --expect ...` with it."
            raise UsageError(f"--slo {slo.text}", "is about answers, which a load checks", fix)
    return slos


def _cold_share(options: SweepOptions, facts: FunctionFacts) -> tuple[float, str]:
    """The share that ``--cold-share`` names, and where it is from; ("" when it names none)."""
    if options.cold_share is None:
        return 0.0, ""
    if options.cold_share.share is not None:
        return options.cold_share.share, "given"
    calls = facts.platform.get("recorded_calls", 0)
    cold = facts.platform.get("recorded_cold_starts", 0)
    if not cold:
        fix = "Give a share like 1%, or leave it to --traffic."
        raise UsageError("--cold-share recorded", "needs a recording with cold starts", fix)
    return cold / calls, f"recorded: {cold:,} of {calls:,} calls"


def startup_size(options: SweepOptions, facts: FunctionFacts) -> int:
    """The size (MB) at which ways to start are compared: the one named, or the present one."""
    if str(options.memory) != DEFAULT_MEMORY:
        return options.memory.sizes_mb[0]
    if facts.memory_mb is None:
        raise UsageError("--variants", "needs a memory size", "Name one with --memory.")
    return facts.memory_mb


def measured_arches(options: SweepOptions, facts: FunctionFacts) -> tuple[str, ...]:
    """The architectures to measure, the function's own first; one unless others are asked for."""
    asked = options.architectures or (facts.arch,)
    return tuple(sorted(asked, key=lambda arch: arch != facts.arch))


def sides(
    options: SweepOptions, facts: FunctionFacts, prices: Mapping[str, Priced]
) -> dict[str, ArchSide]:
    """What is asked on each architecture; ``prices`` by architecture."""
    found = {}
    for arch in measured_arches(options, facts):
        # Durations of the other one are measured, so its price alone would only mislead.
        priced = prices[arch] if len(prices) == 1 else replace(prices[arch], other=None)
        found[arch] = ArchSide(question(options, facts.on(arch), priced.own), priced)
    return found


def without_lost_traffic(
    kept: Mapping[str, Any], *, again: bool
) -> tuple[Mapping[str, Any], tuple[Advice, ...]]:
    """Options that a run keeps, without its traffic if the file of that cannot be read any more.

    Nothing is lost where the traffic is given ``again``.
    """
    if again or kept.get("traffic") is None:
        return kept, ()
    try:
        read_traffic(str(kept["traffic"]))
    except UsageError as error:
        text = (
            f"The run's traffic is left out ({error.thing} {error.reason}); give --traffic again."
        )
        return {**kept, "traffic": None}, (Advice("traffic-lost", text),)
    return kept, ()
