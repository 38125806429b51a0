"""From a run and its samples to the whole answer: the records that every output shows.

Used at the end of a sweep, and again whenever a stored run is asked something else; nothing is
invoked and nothing is read but what is handed in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tuner.billing.prices import Prices, price_advice
from tuner.measure.health import check
from tuner.recommend.decide import Decider, Question
from tuner.recommend.power_tuning import chart_url
from tuner.recommend.result import ColdRow, SizeRow, Spend, Sweep, WarmRow
from tuner.recommend.sizes import size_rows
from tuner.recording.power_tuning import Point
from tuner.records import RunRecord, Sample

_NOTHING = WarmRow(0, None, None, None, None), ColdRow(0, None, None, None, None)


@dataclass(frozen=True)
class Evidence:
    """What an answer rests on. ``failed`` are sizes that could not be made callable, and why."""

    run: RunRecord
    samples: Sequence[Sample]
    prices: Prices
    failed: Mapping[int, str] = field(default_factory=dict)


def conclude(evidence: Evidence, question: Question) -> Sweep:
    """Answer the question from the evidence."""
    run, samples = evidence.run, evidence.samples
    decider = Decider(question)
    answer = decider.answer(samples)
    rows = _rows(evidence, question)
    ended = datetime.fromtimestamp(run.finished_at or run.started_at, UTC)
    seconds = (run.finished_at or run.started_at) - run.started_at
    spent = decider.spent(samples, seconds)
    return Sweep(
        run=run,
        sizes=rows,
        model=answer.model,
        band=answer.band,
        recommendation=answer.recommendation,
        spend=Spend(spent.invocations, spent.cost_usd, seconds),
        warnings=(
            *run.warnings,
            *check(samples, run.facts),
            *price_advice(evidence.prices, ended.date(), run.facts.ephemeral_mb),
        ),
        pareto_mb=pareto(rows),
        price=evidence.prices.facts(),
        power_tuning_url=chart_url(_points(rows), region=run.facts.region),
    )


def _rows(evidence: Evidence, question: Question) -> tuple[SizeRow, ...]:
    rows = {r.memory_mb: r for r in size_rows(evidence.samples, question.goal, question.rates)}
    for size, reason in evidence.failed.items():
        if size not in rows:
            rows[size] = SizeRow(size, "failed", reason, *_NOTHING, 0, 0, 0, 0, 0, None)
    return tuple(rows[size] for size in sorted(rows))


def _mean_ms(row: SizeRow) -> float | None:
    stats = row.warm.duration_ms or row.cold.duration_ms
    return stats.mean if stats else None


def pareto(rows: Sequence[SizeRow]) -> tuple[int, ...]:
    """Measured sizes (MB) that no other beats in both mean cost and mean duration."""
    points = [
        (row.memory_mb, row.cost_usd_per_million.mean, mean)
        for row in rows
        if row.cost_usd_per_million and (mean := _mean_ms(row)) is not None
    ]
    return tuple(
        size
        for size, cost, mean in points
        if not any(c <= cost and m <= mean and (c, m) != (cost, mean) for _, c, m in points)
    )


def _points(rows: Sequence[SizeRow]) -> list[Point]:
    return [
        Point(row.memory_mb, mean, row.cost_usd_per_million.mean / 1e6)
        for row in rows
        if row.cost_usd_per_million and (mean := _mean_ms(row)) is not None
    ]
