"""Sizes compared under load: what each bore, and the choice among those that bore it.

Objectives about callers, throttles and errors are judged by what was seen under load; all others,
cost and speed stay the curve's, which knows calls that were measured alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tuner.billing.cost import cost_usd
from tuner.billing.prices import Prices
from tuner.decide.choice import choose
from tuner.decide.decide import Conclusion, Question
from tuner.decide.goal import Goal, Slo
from tuner.decide.load_result import (
    LOAD_SCOPES,
    SizeUnderLoad,
    judge,
    least_likely,
    load_words,
    verdict_words,
)
from tuner.decide.outlook import Basis, look
from tuner.decide.result import Recommendation, RunnerUp
from tuner.measure.load_figures import LoadFigures, figures_of
from tuner.records import Advice, Outcome, Purpose, Sample
from tuner.store.documents import Ending, LoadTerms, SizeLoads
from tuner.units import format_memory, format_ms, format_share, listed


def judged_by_load(goal: Goal) -> tuple[Slo, ...]:
    """The objectives that are held against loads."""
    return tuple(slo for slo in goal.slos if slo.scope in LOAD_SCOPES)


def sizes_under_load(
    loads: SizeLoads | None, samples: Sequence[Sample], goal: Goal, rates: Prices
) -> tuple[SizeUnderLoad, ...]:
    """Return each size's result, in the order of the loads; the last load of a size counts."""
    if loads is None:
        return ()
    found = {}
    for facts in loads.each:
        figures = figures_of(facts, loads.asked.seconds, samples)
        verdicts = judge(judged_by_load(goal), figures, None)
        cost = _cost(figures, facts.setting.memory_mb, goal, rates)
        found[facts.setting.memory_mb] = SizeUnderLoad(
            facts.setting.memory_mb, figures, verdicts, cost, facts.ending, facts.note
        )
    return tuple(found.values())


def chosen_under_load(
    answer: Conclusion, question: Question, asked: LoadTerms | None, loads: Sequence[SizeUnderLoad]
) -> Conclusion:
    """The answer, with its recommendation held against what sizes did under load."""
    pick, basis = answer.recommendation, answer.basis
    known = [load for load in loads if load.ending is not Ending.CUT]
    if pick is None or basis is None or asked is None or not known:
        return answer
    case = _Case(basis, asked, known)
    if not judged_by_load(question.goal):
        chosen = _told(pick, case)
    else:
        able = [
            load
            for load in known
            if load.met and load.memory_mb > basis.observations.infeasible_mb()
        ]
        chosen = _among(able, case) if able else _nearest(case)
    return replace(answer, recommendation=chosen)


@dataclass(frozen=True)
class _Case:
    """Everything that a choice under load rests on."""

    basis: Basis
    asked: LoadTerms
    loads: Sequence[SizeUnderLoad]

    def choice(self, sizes_mb: Sequence[int]) -> Recommendation:
        """The best of these sizes by everything that a load is not judged by."""
        goal = self.basis.goal
        rest = tuple(slo for slo in goal.slos if slo not in judged_by_load(goal))
        basis = replace(self.basis, goal=replace(goal, slos=rest))
        found = choose(basis, np.array(sorted(sizes_mb), dtype=np.int64))
        return replace(found, slo=tuple(slo.text for slo in goal.slos))


def _told(pick: Recommendation, case: _Case) -> Recommendation:
    """The pick as it is, with what it did under load."""
    mine = [load for load in case.loads if load.memory_mb == pick.memory_mb]
    lines = [f"Under load ({load_words(case.asked)}) {_did(load)}." for load in mine]
    return replace(pick, reasons=(*pick.reasons, *lines))


def _among(able: Sequence[SizeUnderLoad], case: _Case) -> Recommendation:
    """The best of the sizes that met their objectives under load."""
    chosen = case.choice([load.memory_mb for load in able])
    [mine] = [load for load in able if load.memory_mb == chosen.memory_mb]
    missed = [load for load in case.loads if load.met is False]
    words = "; ".join(verdict_words(verdict) for verdict in mine.verdicts)
    tried = ", ".join(f"{size:,}" for size in sorted(load.memory_mb for load in case.loads))
    lines = [
        f"Under load ({load_words(case.asked)}) it meets {words}.",
        *(_missing(load) for load in missed),
        f"Chosen from the sizes tested under load: {tried} MB.",
    ]
    others = f"Of the sizes that met the objectives under load, {chosen.reasons[0]}"
    chances = (chosen.meets_probability, least_likely(mine.verdicts))
    return replace(
        chosen,
        meets_slo=chosen.meets_slo is not False,
        meets_probability=min((each for each in chances if each is not None), default=None),
        reasons=(others if missed else chosen.reasons[0], *lines, *chosen.reasons[1:]),
        runners_up=(*chosen.runners_up, *_why_not(missed, case)),
    )


def _nearest(case: _Case) -> Recommendation:
    """No size met its objectives under load: the nearest miss, which is said to be one."""
    mine = min(case.loads, key=lambda load: (load.miss, load.ending is Ending.BLOWN))
    chosen = case.choice([mine.memory_mb])
    texts = listed(slo.text for slo in judged_by_load(case.basis.goal))
    others = [load for load in case.loads if load is not mine]
    missed = [verdict.slo.text for verdict in mine.verdicts if not verdict.met]
    lines = (
        f"No size tested under load ({load_words(case.asked)}) meets {texts}; "
        "this one comes closest.",
        _missing(mine),
    )
    return replace(
        chosen,
        meets_slo=False,
        missed_slo=(*missed, *chosen.missed_slo),
        confidence=None,
        safe_range_mb=None,
        reasons=(*lines, *chosen.reasons[1:]),
        runners_up=_why_not(others, case),
    )


def _did(load: SizeUnderLoad) -> str:
    """``it answered 99.8 % of 1,200 calls, with a latency of 300 ms (p95)``."""
    share = load.figures.share(Outcome.OK)
    calls = f"{format_share(share)} of {load.figures.calls:,} calls"
    return f"it answered {calls}, p95 {format_ms(load.figures.latency.percentile_ms(95.0))}"


def _missing(load: SizeUnderLoad) -> str:
    return f"{format_memory(load.memory_mb)} {_why(load)}."


def _why(load: SizeUnderLoad) -> str:
    missed = "; ".join(verdict_words(verdict) for verdict in load.verdicts if not verdict.met)
    if load.ending is Ending.BLOWN:
        return f"was {load.note or 'cut short'} under load"
    return f"misses {missed} under load"


def _why_not(loads: Sequence[SizeUnderLoad], case: _Case) -> tuple[RunnerUp, ...]:
    """Sizes that did not bear the load, with what they cost alone."""
    found = []
    for load in sorted(loads, key=lambda each: each.memory_mb):
        at = np.array([load.memory_mb], dtype=np.int64)
        means = case.basis.seen(load.memory_mb) or look(case.basis, at).means(0)
        found.append(RunnerUp(load.memory_mb, *means, _why(load)))
    return tuple(found)


def _cost(figures: LoadFigures, memory_mb: int, goal: Goal, rates: Prices) -> float | None:
    if not figures.billed or figures.billed_ms is None:
        return None
    each = cost_usd(figures.billed_ms / figures.billed, memory_mb, rates, goal.ephemeral_mb)
    return each * 1e6


#: Calls take this much longer under load than alone before it is worth a word.
_SLOWER, _SLOWER_MS = 1.1, 2.0
#: A percentile needs this many calls beyond it to be more than the few longest.
_BEYOND = 5


def load_doubts(loads: Sequence[SizeUnderLoad], calm: Sequence[Sample]) -> tuple[Advice, ...]:
    """Return warnings about the loads; ``calm`` are the samples that were measured alone."""
    found = []
    slower = {load.memory_mb: ratio for load in loads if (ratio := slowdown(load, calm))}
    if worst := max(slower.values(), default=0.0):
        sizes = listed(f"{size:,}" for size in sorted(slower))
        text = (
            f"At {sizes} MB calls took up to {worst:.1f} times as long under load as alone: "
            "something they share (a database, this machine's cores) was busy. Costs shown are of "
            "calls alone; see the load table."
        )
        found.append(Advice("slower-under-load", text))
    short = {slo.text for load in loads for slo in _thin(load)}
    if short:
        text = f"Few calls to judge {listed(sorted(short))} by; use a longer --duration."
        found.append(Advice("load-short", text))
    return tuple(found)


def slowdown(load: SizeUnderLoad, calm: Sequence[Sample]) -> float | None:
    """Ratio of a call's median under load to that alone; ``None`` if much the same."""
    alone = [
        s.duration_ms
        for s in calm
        if s.memory_mb == load.memory_mb
        and s.duration_ms is not None
        and s.outcome is Outcome.OK
        and not s.cold
        and s.purpose is not Purpose.WARM_UP
    ]
    now = load.figures.warm.percentile_ms(50.0)
    if not alone or now is None:
        return None
    before = float(np.median(alone))
    return now / before if now > max(_SLOWER * before, before + _SLOWER_MS) else None


def _thin(load: SizeUnderLoad) -> list[Slo]:
    """Objectives about a percentile that so few calls cannot tell."""
    count = load.figures.latency.count
    return [
        verdict.slo
        for verdict in load.verdicts
        if verdict.slo.quantile is not None
        and verdict.slo.quantile < 1.0
        and count * (1.0 - verdict.slo.quantile) < _BEYOND
    ]
