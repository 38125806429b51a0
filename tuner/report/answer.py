"""The answer in words: which size, what it changes, how sure it is, and the figures beside it.

Sizes are named here as all tables and charts name them.
"""

from collections.abc import Iterator

from tuner.decide.as_good import is_as_good, to_be_as_good
from tuner.decide.outlook import MORE_LIKELY, NO_CHANCE, VERIFIED
from tuner.decide.reasons import SURE_ENOUGH
from tuner.decide.result import Recommendation, Sweep, VersusCurrent
from tuner.records import Backend, RunRecord, RunState
from tuner.report.elements import Answer, Fact, between, estimate, format_chance, known
from tuner.units import (
    UNKNOWN,
    counted,
    format_change,
    format_cost,
    format_cost_change,
    format_memory,
    format_ms,
    format_probability,
    format_speed_change,
    is_same,
    listed,
)

_ONE_ROW = "1 recorded row"


def answer(sweep: Sweep) -> Answer:
    """Word a sweep's recommendation, or why there is none."""
    pick = sweep.recommendation
    if pick is None and sweep.run.command == "cold":
        return _cold_answer(sweep)
    if pick is None and sweep.run.facts.invoke_only and (seen := _client_answer(sweep)):
        return seen
    if pick is None:
        return Answer("No size is recommended", _why_none(sweep), "bad")
    now, missed = pick.versus_current, pick.meets_slo is False
    keep = now is not None and (now.memory_mb, now.arch or pick.arch) == (pick.memory_mb, pick.arch)
    named = size_named(pick.memory_mb, sweep)
    headline = f"Keep {named} (current)" if keep else named
    parts = (
        _unverified_part(pick, sweep),
        "" if now is None or keep else _versus(now, sweep),
        _p95_part(pick, sweep),
        _cost_part(pick),
        misses(pick),
        _safe_part(pick, sweep),
    )
    rest = "; ".join(part for part in parts if part)
    tone = "warn" if missed or _unverified_part(pick, sweep) else "good"
    return Answer(headline, rest, tone, _facts(pick, sweep), pick.reasons)


def _unverified_part(pick: Recommendation, sweep: Sweep) -> str:
    """Say first of all that too few calls of its own are behind a size."""
    calls, _ = rests_on(pick.verified_calls, sweep)
    if pick.verified_calls < VERIFIED:
        return f"not verified ({pick.verified_calls} of {VERIFIED} calls)"
    return f"not verified ({calls})" if calls == _ONE_ROW else ""


def missed_words(pick: Recommendation) -> str:
    """The objectives that it misses; all, where it misses none by itself."""
    if pick.missed_slo or len(pick.slo) == 1:
        return listed(pick.missed_slo or pick.slo)
    return f"{listed(pick.slo)} together" if pick.slo else "its objectives"


def misses(pick: Recommendation) -> str:
    """Say which objectives it does not meet, or is unlikely to; nothing where it meets them."""
    if pick.meets_slo is not False:
        return ""
    does = "is unlikely to meet" if _may_meet(pick) else "does not meet"
    return f"{does} {missed_words(pick)}"


def _may_meet(pick: Recommendation) -> bool:
    """True where calls leave open if objectives that are rather missed are met."""
    chance = known(pick.meets_probability)
    return chance is not None and NO_CHANCE <= chance < MORE_LIKELY


def _cold_answer(sweep: Sweep) -> Answer:
    """Word what was asked for alone: cold starts. The range is over the sizes' medians."""
    rows = [s for each in sweep.each for s in each.sizes if s.cold.n and s.cold.total_ms]
    if not rows:
        return Answer("No cold starts", _why_none(sweep) if sweep.sizes else "none was seen", "bad")
    if sweep.variants:
        return _variants_answer(sweep)
    totals = [row.cold.total_ms.p50 for row in rows if row.cold.total_ms]
    inits = [row.cold.init_ms.p50 for row in rows if row.cold.init_ms]
    sizes = {row.memory_mb for row in rows}
    at = f"{len(sizes)} sizes" if len(sizes) > 1 else format_memory(rows[0].memory_mb)
    headline = f"{counted(sum(row.cold.n for row in rows), 'cold start')} at {at}"
    rest = f"INIT {_span(inits)}; INIT and first call {_span(totals)}"
    return Answer(headline, rest, "good")


def _client_answer(sweep: Sweep) -> Answer | None:
    """Word the client's own times, where nothing else is known."""
    for row in sweep.sizes:
        if (seen := row.warm.client_ms) is not None:
            times = f"p50 {format_ms(seen.p50)}, p95 {format_ms(seen.p95)}"
            rest = f"{times} as this client saw them; no durations and no prices are known"
            return Answer(
                f"{counted(row.warm.n, 'warm call')} at {format_memory(row.memory_mb)}",
                rest,
                "warn",
            )
    return None


def _variants_answer(sweep: Sweep) -> Answer:
    """Word how long the first answer takes in each way, the shortest first."""
    known_ms = [(row.first_ms.p50, row.name) for row in sweep.variants if row.first_ms]
    listed = [f"{variant} {format_ms(ms)}" for ms, variant in sorted(known_ms)]
    size = format_memory(sweep.variants[0].memory_mb)
    tone = "warn" if len(listed) < len(sweep.variants) else "good"
    return Answer(f"First answer at {size}, p50", ", ".join(listed), tone)


def _span(medians: list[float]) -> str:
    low, high = format_ms(min(medians)), format_ms(max(medians))
    return f"p50 {low}" if low == high else f"p50 {low} to {high}"


def _why_none(sweep: Sweep) -> str:
    if not sweep.sizes:
        why = _ended_early(sweep.run)
        return f"nothing was measured, since {why}" if why else "nothing was measured"
    if all(size.status == "failed" for size in sweep.sizes):
        ways = {size.reason.rpartition(" (")[0] for size in sweep.sizes if size.reason}
        return f"every size failed ({ways.pop()})" if len(ways) == 1 else "every size failed"
    if why := _ended_early(sweep.run):
        return f"too little was measured, since {why}"
    # Advice says why where there is any; where this sentence stands alone, a command shows it.
    where = f"; see the warnings (`tuner report {sweep.run.run}`)" if sweep.warnings else ""
    return f"the measurements do not allow one{where}"


def _ended_early(run: RunRecord) -> str:
    """Name the limit that ended a run, or say that it was interrupted; empty for any other end."""
    if run.state is RunState.INTERRUPTED:
        return "it was interrupted"
    limited = run.state is RunState.PARTIAL and (run.note or "").endswith(" is reached")
    return str(run.note) if limited else ""


def _versus(versus: VersusCurrent, sweep: Sweep) -> str:
    """``31 % cheaper and 4.1x faster than the current 128 MB``."""
    where = f" on {versus.arch}" if versus.arch else ""
    now = f"the current {format_memory(versus.memory_mb)}{where}"
    cost, speed = known(versus.cost_change), known(versus.duration_change)
    if cost is None and speed is None:
        return f"instead of {now}{_unknown(versus, sweep)}"
    maybe = "perhaps " if _may_be_none(versus) else ""
    dearer = f"{maybe}{format_cost_change(cost)}" if _differs(cost) else ""
    slower = format_speed_change(speed) if _differs(speed) else ""
    if dearer and slower:
        joined = "and" if (cost or 0.0) * (speed or 0.0) > 0 else "but"
        return f"{dearer} {joined} {slower} than {now}"
    if slower:
        return f"{slower} than {now}" + ("" if cost is None else " at the same cost")
    if dearer:
        link = "of" if dearer.endswith("the cost") else "than"
        return f"{dearer} {link} {now}" + ("" if speed is None else " at the same speed")
    return f"indistinguishable from {now}"


def _unknown(versus: VersusCurrent, sweep: Sweep) -> str:
    """Why nothing can be held against the current size."""
    arch = versus.arch or sweep.arch
    rows = (row for each in sweep.each if each.arch == arch for row in each.sizes)
    row = next((row for row in rows if row.memory_mb == versus.memory_mb), None)
    if row is None:
        return ", which was not measured"
    if row.status == "failed":
        return f", which failed: {row.reason}" if row.reason else ", which failed"
    return ""


def _differs(change: float | None) -> bool:
    return change is not None and not is_same(change)


def _p95_part(pick: Recommendation, sweep: Sweep) -> str:
    """The curve's p95, and that of the size's own calls where the two read differently."""
    if known(pick.p95_ms) is None:
        return ""
    row = next((row for row in sweep.sizes if row.memory_mb == pick.memory_mb), None)
    stats = None if row is None else row.warm.duration_ms
    said = f"estimated p95 {format_ms(pick.p95_ms)}"
    if row is None or stats is None or format_ms(stats.p95) == format_ms(pick.p95_ms):
        return said
    return f"{said} (measured in {counted(row.warm.n, 'call')}: {format_ms(stats.p95)})"


def _cost_part(pick: Recommendation) -> str:
    cost = pick.cost_usd_per_million
    if pick.versus_current is not None or cost is None or known(cost.mean) is None:
        return ""
    return f"{format_cost(cost.mean)} per million calls"


def _safe_part(pick: Recommendation, sweep: Sweep) -> str:
    low, high = safe_range(sweep) or (0, 0)
    if low == high:
        return ""
    good = to_be_as_good(pick.strategy, pick.within, objectives=bool(pick.slo))
    return f"{low:,} to {high:,} MB are estimated to {good}"


def _facts(pick: Recommendation, sweep: Sweep) -> tuple[Fact, ...]:
    cost = pick.cost_usd_per_million
    interval = between(cost)
    facts = [
        Fact(
            "Cost per million",
            format_cost(None if cost is None else cost.mean),
            f"90 % interval: {interval}" if interval else "",
        ),
        *saving_fact(pick),
        _p95_fact(pick),
    ]
    facts += objective_facts(pick)
    if pick.meets_slo is False:
        return tuple(facts)
    chance = format_chance(pick.confidence)
    facts.append(Fact("Confidence", chance, chance_of(pick)))
    verified = "Rests on" if _unverified_part(pick, sweep) else "Verified by"
    facts.append(Fact(verified, *rests_on(pick.verified_calls, sweep)))
    if (safe := safe_range(sweep)) is not None:
        low, high = safe
        value = format_memory(low) if low == high else f"{low:,} to {high:,} MB"
        good = to_be_as_good(pick.strategy, pick.within, objectives=bool(pick.slo))
        facts.append(Fact("Safe range", value, f"estimated to {good}, by the curve"))
    return tuple(facts)


def saving_fact(pick: Recommendation) -> tuple[Fact, ...]:
    """The change of cost against the size now with its interval, where that is known."""
    now = pick.versus_current
    if now is None or now.cost_change is None:
        return ()
    low, high = known(now.cost_change_low), known(now.cost_change_high)
    if low is None or high is None:
        return ()
    sure = ", so it may be none" if _may_be_none(now) else ""
    said = f"90 % interval: {format_change(1.0 + low)} to {format_change(1.0 + high)}{sure}"
    return (Fact("Cost against now", format_change(1.0 + now.cost_change), said),)


def _may_be_none(now: VersusCurrent) -> bool:
    """True if the interval of the change of cost holds no change."""
    low, high = known(now.cost_change_low), known(now.cost_change_high)
    return low is not None and high is not None and low < 0.0 < high


def rests_on(calls: int, sweep: Sweep) -> tuple[str, str]:
    """The calls that a size rests on, and what they are: a replay draws them from recorded rows,
    and where there is one row of each size that is all there is."""
    facts = sweep.run.facts.on(sweep.arch or sweep.run.facts.arch)
    if facts.backend is not Backend.REPLAY:
        return counted(calls, "call"), "of this size itself"
    rows = facts.platform.get("recorded_calls")
    if isinstance(rows, int) and 0 < rows <= len(facts.recorded_mb):
        return _ONE_ROW, f"of this size, drawn {counted(calls, 'time')}"
    return counted(calls, "call"), "drawn from the recorded rows of this size"


def chance_of(pick: Recommendation) -> str:
    """What the confidence is a chance of: another one than to meet the objectives alone."""
    good = is_as_good(pick.strategy, pick.within, objectives=bool(pick.slo))
    return f"chance that it {good}"


def objective_facts(pick: Recommendation) -> tuple[Fact, ...]:
    """Whether the objectives are met, where there are any."""
    if not pick.slo:
        return ()
    likely = known(pick.meets_probability)
    sure = "" if likely is None else f" with {format_probability(likely)}"
    not_met = f"unlikely to be met,{sure}" if _may_meet(pick) else "not met"
    met = {True: f"met{sure}", False: not_met, None: UNKNOWN}[pick.meets_slo]
    which = missed_words(pick) if pick.meets_slo is False else ", ".join(pick.slo)
    return (Fact("Objective", met, which),)


def _p95_fact(pick: Recommendation) -> Fact:
    others = (("p50", pick.p50_ms), ("p99", pick.p99_ms))
    shown = (f"{name} {format_ms(ms)}" for name, ms in others if known(ms) is not None)
    note = ", ".join(["on Lambda, estimated by the fitted curve", *shown])
    cell = estimate(pick.p95_ms)
    return Fact("Duration, p95", cell.value, note, cell.estimated)


def sure(pick: Recommendation) -> bool:
    """Tell if the pick is sure enough for a claim about the sizes around it."""
    return pick.confidence is None or pick.confidence >= SURE_ENOUGH


def safe_range(sweep: Sweep) -> tuple[int, int] | None:
    """The sizes (MB) that are said, and drawn, to be as good; ``None`` where nothing is said.

    A choice that does not hold says nothing.
    """
    pick = sweep.recommendation
    if pick is None or pick.meets_slo is False or not sure(pick):
        return None
    return as_good(sweep)


def as_good(sweep: Sweep) -> tuple[int, int] | None:
    """The sizes (MB) around the pick that are estimated to be as good, however sure that is.

    The range ends before a size that was measured to be dearer than that, or slower where speed
    decides: at the last one that was measured, or at the pick.
    """
    pick = sweep.recommendation
    if pick is None or pick.safe_range_mb is None:
        return None
    (low, high), here = pick.safe_range_mb, pick.memory_mb
    means = {size: mean for size, mean in _decisive(sweep, pick) if low <= size <= high}
    cost = pick.cost_usd_per_million if pick.strategy == "cost" else None
    own = means.get(here) if cost is None else known(cost.mean)
    if own is None:
        return low, high
    worse = {size for size, mean in means.items() if mean > own * (1.0 + pick.within)} - {here}
    above, below = [s for s in worse if s > here], [s for s in worse if s < here]
    if above:
        high = max([here, *(s for s in means if s < min(above))])
    if below:
        low = min([here, *(s for s in means if s > max(below))])
    return low, high


def _decisive(sweep: Sweep, pick: Recommendation) -> Iterator[tuple[int, float]]:
    """Each measured size (MB) with its mean of what was chosen for, if that is one thing."""
    for row in sweep.sizes:
        cost, times = row.cost_usd_per_million, row.warm.duration_ms or row.cold.duration_ms
        of = {"cost": cost, "speed": times}.get(pick.strategy)
        if of is not None and (mean := known(of.mean)) is not None:
            yield row.memory_mb, mean


def payload_named(sweep: Sweep) -> str:
    """Return the class of payloads whose answer it is, or ``payload 2`` where it has no name."""
    return f"payload {sweep.payload}" if sweep.payload.isdigit() else sweep.payload


def size_named(memory_mb: int, sweep: Sweep, compared: bool | None = None) -> str:
    """``512 MB``, with its architecture where it is not the function's own or several are
    ``compared``, and with the payload if it is of one."""
    several = bool(sweep.beside) if compared is None else compared
    text = format_memory(memory_mb)
    if sweep.payload:
        text = f"{payload_named(sweep)} at {text}"
    other = sweep.arch not in ("", sweep.run.facts.arch)
    return f"{text} on {sweep.arch}" if several or other else text
