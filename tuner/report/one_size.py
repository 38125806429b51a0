"""A run of one size as it is read: what was measured, for there was nothing to choose from."""

from dataclasses import replace

from tuner.decide.result import Recommendation, Sweep
from tuner.report.answer import misses, objective_facts, size_named
from tuner.report.elements import Answer, Fact, between, known
from tuner.units import counted, format_cost, format_ms

_NOTHING_CHOSEN = "one size was measured, so nothing is chosen"


def only_size(sweep: Sweep) -> Recommendation | None:
    """What is known of the one size that was measured; ``None`` where there were others."""
    pick, sizes = sweep.recommendation, {row.memory_mb for row in sweep.sizes}
    alone = pick is not None and sizes == {pick.memory_mb} and not sweep.beside
    return pick if alone else None


def one_size_answer(sweep: Sweep, pick: Recommendation) -> Answer:
    """Word the figures of the size, and whether it met what was asked."""
    row, missed = sweep.sizes[0], pick.meets_slo is False
    cost, times = pick.cost_usd_per_million, row.warm.duration_ms
    mean = None if times is None else known(times.mean)
    usd = None if cost is None else known(cost.mean)
    parts = (
        "" if mean is None else f"{format_ms(mean)} on average",
        "" if usd is None else f"{format_cost(usd)} per million calls",
        misses(pick),
        _NOTHING_CHOSEN,
    )
    interval = between(cost)
    facts = [
        Fact(
            "Cost per million",
            format_cost(usd),
            f"90 % interval: {interval}" if interval else "",
        )
    ]
    if times is not None:
        others = f"as measured, p50 {format_ms(times.p50)}, p99 {format_ms(times.p99)}"
        facts.append(Fact("Duration, p95", format_ms(times.p95), others))
    facts += objective_facts(pick)
    facts.append(Fact("Measured by", counted(row.warm.n, "warm call")))
    headline = f"{size_named(pick.memory_mb, sweep)} measured"
    rest = "; ".join(part for part in parts if part)
    return Answer(headline, rest, "warn" if missed else "good", tuple(facts))


def unchosen(sweep: Sweep) -> Sweep:
    """The same without what only a choice has: the pick, its rivals, and a curve over sizes."""
    size = sweep.sizes[0].memory_mb
    month = sweep.monthly
    if month is not None:
        bills = (replace(bill, role="") for bill in month.sizes if bill.memory_mb == size)
        month = replace(month, sizes=tuple(bills))
    bare = replace(
        sweep, recommendation=None, what_if=None, monthly=month, model=None, band=None, pareto_mb=()
    )
    classes = (replace(each, recommendation=None, model=None, band=None) for each in sweep.payloads)
    return replace(bare, payloads=tuple(classes))
