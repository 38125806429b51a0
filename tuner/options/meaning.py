"""What written options mean in numbers: the goal, the limits, the question.

Everything is checked before a function is touched; raises only
:class:`tuner.errors.UsageError`.
"""

from dataclasses import replace
from pathlib import Path

from tuner.billing.prices import Prices
from tuner.billing.traffic import Demand, read_demand, steady_demand
from tuner.decide.decide import Question
from tuner.decide.goal import Goal, parse_slo, parse_strategy
from tuner.errors import UsageError
from tuner.options.options import SweepOptions
from tuner.options.texts import read_text
from tuner.planning.budget import Budget
from tuner.records import Advice, FunctionFacts
from tuner.targets.choices import Isolation, read_arches, read_isolation, read_startups
from tuner.units import parse_memory, parse_seconds, parse_share, parse_usd

METHODS = ("adaptive", "grid")
CPU_METHODS = ("auto", "cgroup-v1", "cgroup-v2", "duty-cycle")
#: What `--memory` is unless it is written.
DEFAULT_MEMORY = "128:1536"
#: How long a call is taken to be for a cold share, until calls are measured.
_TYPICAL_S = 0.1


def check(options: SweepOptions) -> None:
    """Read everything that can be read before a function is touched; raises UsageError."""
    if options.method not in METHODS:
        fix = "Choose adaptive or grid."
        raise UsageError(f"--method {options.method[:40]!r}", "is not a method", fix)
    if options.cpu not in CPU_METHODS:
        fix = f"Choose {', '.join(CPU_METHODS)}."
        raise UsageError(f"--cpu {options.cpu[:40]!r}", "is no way to limit CPU", fix)
    parse_memory(options.memory)
    read_isolation(options.isolation)
    _check_architectures(options)
    parse_strategy(options.strategy)
    for text in options.slo:
        parse_slo(text)
    read_limit(options)
    if options.cold_share is not None and str(options.cold_share).strip() != "recorded":
        parse_share(options.cold_share)
    if options.traffic is not None:
        read_traffic(str(options.traffic))
    for name in ("samples", "invocations"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise UsageError(f"--{name} {value}", "is below 1", "Give a positive number.")
    if (options.cold or 0) < 0:
        raise UsageError(f"--cold {options.cold}", "is below 0", "Give 0 or more.")
    if not 0.0 <= options.balance <= 1.0:
        raise UsageError(f"--balance {options.balance:g}", "is not between 0 and 1", "0 is speed.")
    if read_variants(options) and options.memory != DEFAULT_MEMORY:
        sizes = parse_memory(options.memory).sizes_mb
        if len(sizes) != 1:
            fix = "Name one, or leave --memory out for the function's present size."
            raise UsageError("--variants", "are compared at one memory size", fix)


def read_variants(options: SweepOptions) -> tuple[str, ...]:
    """The ways to start that are compared; none if the user asked for no comparison."""
    return () if options.variants is None else read_startups(options.variants)


def startup_size(options: SweepOptions, facts: FunctionFacts) -> int:
    """The size (MB) at which ways to start are compared: the one named, or the present one."""
    if options.memory != DEFAULT_MEMORY:
        return parse_memory(options.memory).sizes_mb[0]
    if facts.memory_mb is None:
        raise UsageError("--variants", "needs a memory size", "Name one with --memory.")
    return facts.memory_mb


def _check_architectures(options: SweepOptions) -> None:
    if options.architectures is None:
        return
    read_arches(options.architectures, "x86_64")
    if read_isolation(options.isolation) is Isolation.IN_PLACE:
        fix = "Leave --isolation out: temporary copies are measured."
        raise UsageError("--architectures", "cannot be measured in place", fix)


def question(options: SweepOptions, facts: FunctionFacts, prices: Prices) -> Question:
    """All that a decision depends on except the samples."""
    return Question(
        goal=read_goal(options, facts),
        rates=prices,
        wish=parse_memory(options.memory),
        recorded_mb=facts.recorded_mb,
        grid_samples=options.samples if options.method == "grid" else None,
        budget=read_limit(options),
        seed=options.seed,
    )


def read_limit(options: SweepOptions) -> Budget:
    """What the user says a run may use up, in numbers; no limit where nothing is said."""
    return budget(options.max_cost, options.max_time, options.invocations)


def budget(
    max_cost: str | float | None, max_time: str | float | None, invocations: int | None = None
) -> Budget:
    """These limits in USD and seconds. Raises UsageError where one cannot be read."""
    return Budget(
        invocations=invocations,
        cost_usd=None if max_cost is None else parse_usd(max_cost),
        seconds=None if max_time is None else parse_seconds(str(max_time)),
    )


def read_goal(options: SweepOptions, facts: FunctionFacts) -> Goal:
    """What to choose for. A cold share that follows from traffic is rough until calls are timed."""
    share, source = _cold_share(options, facts)
    demand = None if options.traffic is None else read_traffic(str(options.traffic))
    if demand is not None and not source:
        share = demand.cold_share(_TYPICAL_S)
    return Goal(
        strategy=parse_strategy(options.strategy),
        balance=options.balance,
        slos=tuple(parse_slo(text) for text in options.slo),
        cold_share=share,
        arch=facts.arch,
        current_mb=facts.memory_mb,
        ephemeral_mb=facts.ephemeral_mb,
        demand=demand,
        cold_share_from=source,
    )


def _cold_share(options: SweepOptions, facts: FunctionFacts) -> tuple[float, str]:
    """The share that ``--cold-share`` names, and where it is from; ("" when it names none)."""
    if options.cold_share is None:
        return 0.0, ""
    if str(options.cold_share).strip() != "recorded":
        return parse_share(options.cold_share), "given"
    calls = facts.platform.get("recorded_calls", 0)
    cold = facts.platform.get("recorded_cold_starts", 0)
    if not cold:
        fix = "Give a share like 1%, or leave it to --traffic."
        raise UsageError("--cold-share recorded", "finds no recorded cold start", fix)
    return cold / calls, f"recorded: {cold:,} of {calls:,} calls"


def read_traffic(text: str, option: str = "--traffic") -> Demand:
    """Production's traffic: a rate like ``20rps``, or the name of a file of minutes or calls."""
    try:
        return steady_demand(text, option)
    except UsageError as error:
        if not Path(text).suffix and not Path(text).is_file():
            fix = f"{error.fix.rstrip('.')}; or name a CSV or JSON file."
            raise UsageError(error.thing, error.reason, fix) from None
    return read_demand(read_text(text, option), f"{option} {text}")


def without_lost_traffic(options: SweepOptions) -> tuple[SweepOptions, tuple[Advice, ...]]:
    """Options of a stored run, without its traffic if the file of that cannot be read any more."""
    try:
        read_traffic(str(options.traffic))
    except UsageError as error:
        text = (
            f"The run's traffic is left out ({error.thing} {error.reason}); give --traffic again."
        )
        return replace(options, traffic=None), (Advice("traffic-lost", text),)
    return options, ()
