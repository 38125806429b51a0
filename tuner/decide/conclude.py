"""The whole answer from a run and its samples: the records that every output shows.

Used at the end of a sweep, and again whenever a stored run is asked something else; nothing is
invoked and nothing is read but what is handed in.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np

from tuner.billing.prices import price_advice
from tuner.decide.choice import possible
from tuner.decide.decide import RUN_SD, Conclusion, Decider, Question, choosable
from tuner.decide.goal import Goal, SloScope
from tuner.decide.load_result import SizeUnderLoad
from tuner.decide.month import Priced, monthly
from tuner.decide.opportunities import opportunities
from tuner.decide.outlook import MAX_QUANTILE, VERIFIED, Basis, look
from tuner.decide.result import (
    ColdRow,
    Monthly,
    SizeRow,
    Spend,
    StartupRow,
    Sweep,
    WarmRow,
    WhatIf,
)
from tuner.decide.rows import size_rows, startup_advice, startup_rows, startups_usd
from tuner.decide.steady import SUREST_IF_BUSY, rounds_apart
from tuner.decide.what_if import what_if
from tuner.measure.failures import causes_of
from tuner.measure.health import check
from tuner.model.observations import from_samples
from tuner.recording.power_tuning import SizePoint, chart_url
from tuner.records import Advice, Outcome, RunRecord, Sample, machine_was_busy
from tuner.sample_table import SampleTable, table_of, total
from tuner.store.documents import Notes, RunSpread, calm, on_demand
from tuner.units import counted, format_memory, format_speed_change, listed


@dataclass(frozen=True)
class Evidence:
    """Evidence of an answer. ``failed`` are sizes that could not be made callable, and why;
    ``notes`` are what samples do not tell."""

    run: RunRecord
    samples: Sequence[Sample]
    prices: Priced
    failed: Mapping[int, str] = field(default_factory=dict)
    notes: Notes = field(default_factory=Notes)


def conclude(evidence: Evidence, question: Question) -> Sweep:
    """Answer the question from the evidence, which also tells how long production's calls take."""
    evidence = replace(evidence, samples=table_of(evidence.samples))
    run, samples = evidence.run, on_demand(calm(evidence.samples), evidence.notes.startups)
    question = between_runs(question, evidence.notes)
    if machine_was_busy(run.warnings):
        question = replace(question, surest=SUREST_IF_BUSY)
    question = replace(question, goal=question.goal.served(service_s(samples)))
    decider = Decider(question)
    answer, loads, of_loads = _under_load(decider.answer(samples), evidence, question, samples)
    month, of_month = _month(answer, question.goal, evidence)
    rows = _rows(evidence, question, samples, loads, answer.basis)
    variants, of_variants, kept_usd = _startups(evidence)
    sweep = Sweep(
        run=run,
        sizes=rows,
        model=answer.model,
        band=answer.band,
        recommendation=answer.recommendation,
        spend=_spend(decider, evidence, kept_usd),
        warnings=(
            *run.warnings,
            *check(samples, run.facts),
            *_few_calls(answer),
            *rounds_apart(answer.basis, answer.recommendation),
            *_misfits(answer),
            *_unjudged(answer, question.goal),
            *_beyond(question.goal, bool(loads)),
            *of_loads,
            *of_variants,
            *_of_prices(evidence),
            *of_month,
        ),
        pareto_mb=pareto(rows),
        price=_price(evidence),
        power_tuning_url=_chart(rows, run.facts.region),
        monthly=month,
        what_if=_what_if(answer, question, evidence),
        load=None if evidence.notes.loads is None else evidence.notes.loads.asked,
        arch=question.goal.arch,
        variants=variants,
        causes=causes_of(evidence.samples),
        payloads=tuple(_by_payload(evidence, question)),
        between_runs=_spread(question, evidence.notes),
    )
    return replace(sweep, opportunities=opportunities(sweep, question.goal, evidence.prices))


def between_runs(question: Question, notes: Notes) -> Question:
    """Return the question with what earlier runs on its architecture tell of their differences."""
    sds = [each.sd for each in notes.spreads.each]
    return replace(question, run_sd=sds[0]) if sds else question


def _spread(question: Question, notes: Notes) -> RunSpread | None:
    """What runs differ by, learned or usual; ``None`` of a recording, which is one run."""
    if notes.spreads.each:
        return notes.spreads.each[0]
    sd = question.run_sd
    return RunSpread(question.goal.arch, sd, sd) if sd > RUN_SD else None


def _by_payload(evidence: Evidence, question: Question) -> Iterator[Sweep]:
    """Yield the answer for each class of payloads as if there were no other; calls confirm the
    pick of the mix only, so three of a size, which give an interval, are enough here."""
    notes = replace(evidence.notes, loads=None, weights={})
    for name, weight in evidence.notes.weights.items():
        own = _with_payload(calm(evidence.samples), name)
        alone = replace(evidence, samples=own, notes=notes)
        answer = conclude(alone, replace(question, enough=3))
        told = [row for row in answer.sizes if row.warm.n or row.cold.n or row.status == "failed"]
        yield replace(answer, sizes=tuple(told), payload=name, weight=weight)


def _with_payload(samples: SampleTable, name: str) -> SampleTable:
    return samples.only(lambda kind: kind.setting.payload_class == name)


def _spend(decider: Decider, evidence: Evidence, kept_usd: float | None) -> Spend:
    run = evidence.run
    spent = decider.spent(evidence.samples, (run.finished_at or run.started_at) - run.started_at)
    cost = None if kept_usd is None else spent.cost_usd + kept_usd
    return Spend(spent.invocations, cost, spent.seconds)


def _of_prices(evidence: Evidence) -> tuple[Advice, ...]:
    run = evidence.run
    ended = datetime.fromtimestamp(run.finished_at or run.started_at, UTC)
    return price_advice(evidence.prices.own, ended.date(), run.facts.ephemeral_mb)


def _chart(rows: Sequence[SizeRow], region: str) -> str | None:
    points = [SizePoint(size, mean, cost / 1e6) for size, cost, mean in _priced(rows)]
    return chart_url(points, region=region)


_START_PRICES = (
    "provisioned_capacity_gb_second_usd",
    "provisioned_duration_gb_second_usd",
    "snap_start_cache_gb_second_usd",
    "snap_start_restore_gb_usd",
)


def _few_calls(answer: Conclusion) -> tuple[Advice, ...]:
    """Say that the recommended size was called less often than it takes to be sure."""
    pick = answer.recommendation
    if pick is None or pick.verified_calls >= VERIFIED:
        return ()
    calls = counted(pick.verified_calls, "call")
    text = (
        f"{format_memory(pick.memory_mb)} rests on {calls} of its own; {VERIFIED} are needed to be "
        "sure of it. Allow more invocations, time or samples."
    )
    return (Advice("few-calls", text),)


def _misfits(answer: Conclusion) -> tuple[Advice, ...]:
    """Say which sizes are nothing like the curve, which then says little of other sizes."""
    if answer.basis is None or not (misfits := answer.basis.curve.misfits):
        return ()
    told = listed(
        f"{format_memory(size)} ({format_speed_change(times - 1.0)} than it)"
        for size, times in sorted(misfits.items())
    )
    text = (
        f"No curve explains {told}. The answer rests on what each size measured "
        "and says little of other sizes; measure more of them with --method grid."
    )
    return (Advice("off-the-curve", text),)


def _beyond(goal: Goal, loads: bool) -> tuple[Advice, ...]:
    """Say which objectives are on rarer calls than a curve knows; ``loads`` tell what callers
    waited."""
    scopes = {SloScope.DURATION, SloScope.COLD, *([] if loads else [SloScope.CLIENT])}
    most = MAX_QUANTILE + 1e-9  # 99.9 / 100 is a little above 0.999
    found = [s.text for s in goal.slos if s.scope in scopes and (s.quantile or 0.0) > most]
    if not found:
        return ()
    text = (
        f"{' and '.join(found)} {'are' if len(found) > 1 else 'is'} judged by p99.9, the rarest "
        "that the curve tells. `tuner load` judges any percentile by its own calls."
    )
    return (Advice("percentile-beyond", text),)


def _unjudged(answer: Conclusion, goal: Goal) -> tuple[Advice, ...]:
    """Say which objectives nothing was measured for."""
    seen = answer.observations
    cold = [slo.text for slo in goal.slos if slo.scope is SloScope.COLD]
    if seen is None or not cold or len(seen.cold):
        return ()
    be = "is" if len(cold) == 1 else "are"
    text = (
        f"No cold start was measured, so {listed(cold)} {be} judged by warm calls alone. "
        "Measure some: --cold 5."
    )
    return (Advice("cold-unmeasured", text),)


def _price(evidence: Evidence) -> Mapping[str, str | float | None]:
    """The prices that were used, and those of ways to start where these were compared."""
    own, names = evidence.prices.own, () if evidence.notes.startups is None else _START_PRICES
    return {**own.facts(), **{name: getattr(own, name) for name in names}}


def _startups(
    evidence: Evidence,
) -> tuple[tuple[StartupRow, ...], tuple[Advice, ...], float | None]:
    """Ways to start side by side, what has to be known of them, and what keeping them cost."""
    startups, facts, own = evidence.notes.startups, evidence.run.facts, evidence.prices.own
    if startups is None:
        return (), (), 0.0
    rows = startup_rows(startups, evidence.samples, facts, own)
    return rows, startup_advice(rows, own), startups_usd(startups, facts, own)


def _under_load(
    answer: Conclusion, evidence: Evidence, question: Question, samples: Sequence[Sample]
) -> tuple[Conclusion, Sequence[SizeUnderLoad], tuple[Advice, ...]]:
    """The answer held against loads, what each size did under its load, and doubts about that."""
    loads = evidence.notes.loads
    if loads is None:
        return answer, (), ()
    from tuner.decide.under_load import chosen_under_load, load_doubts, sizes_under_load

    rows = sizes_under_load(loads, evidence.samples, question.goal, question.rates)
    chosen = chosen_under_load(answer, question, loads.asked, rows)
    return chosen, rows, load_doubts(rows, samples)


def service_s(samples: Sequence[Sample]) -> float:
    """Mean duration of the calls that ended well, in seconds; 0 without any."""
    took = table_of(samples).only(lambda kind: kind.outcome is Outcome.OK).duration_ms
    took = took[took > 0]
    return total(took) / took.size / 1000.0 if took.size else 0.0


def _month(
    answer: Conclusion, goal: Goal, evidence: Evidence
) -> tuple[Monthly | None, tuple[Advice, ...]]:
    basis, pick = answer.basis, answer.recommendation
    if goal.demand is None or basis is None or pick is None:
        return None, ()
    return monthly(basis, pick, evidence.prices)


def _what_if(answer: Conclusion, question: Question, evidence: Evidence) -> WhatIf | None:
    basis, pick = answer.basis, answer.recommendation
    if basis is None or pick is None or evidence.notes.loads is not None:
        return None
    sizes = np.array(sorted(basis.calls), dtype=np.int64)
    sizes = possible(np.intersect1d(sizes, choosable(question)), basis.observations)
    return what_if(basis, look(basis, sizes), pick.memory_mb, evidence.prices.own)


def _rows(
    evidence: Evidence,
    question: Question,
    samples: Sequence[Sample],
    loads: Sequence[SizeUnderLoad],
    basis: Basis | None,
) -> tuple[SizeRow, ...]:
    seen = from_samples(samples) if basis is None else basis.observations
    rows = {r.memory_mb: r for r in size_rows(samples, seen, question.goal, question.rates)}
    for size, reason in evidence.failed.items():
        if size not in rows:
            rows[size] = SizeRow(size, "failed", reason, WarmRow(), ColdRow())
    for load in loads:  # a size was called alone before, so it has a row
        if load.memory_mb in rows:
            rows[load.memory_mb] = replace(rows[load.memory_mb], load=load)
    return tuple(rows[size] for size in sorted(rows))


def pareto(rows: Sequence[SizeRow], beside: Sequence[SizeRow] = ()) -> tuple[int, ...]:
    """Measured sizes (MB) of ``rows`` that no other, nor one ``beside`` them, beats in both mean
    cost and mean duration."""
    rivals = [(cost, mean) for _, cost, mean in (*_priced(rows), *_priced(beside))]
    return tuple(
        size
        for size, cost, mean in _priced(rows)
        if not any(c <= cost and m <= mean and (c, m) != (cost, mean) for c, m in rivals)
    )


def _priced(rows: Sequence[SizeRow]) -> list[tuple[int, float, float]]:
    """Size (MB), mean cost and mean duration of the rows that have both."""
    timed = ((row, row.warm.duration_ms or row.cold.duration_ms) for row in rows)
    return [
        (row.memory_mb, row.cost_usd_per_million.mean, stats.mean)
        for row, stats in timed
        if row.cost_usd_per_million and stats
    ]
