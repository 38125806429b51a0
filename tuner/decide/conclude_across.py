"""From samples of several architectures to one answer: the chosen one's, with the others beside it.

Each architecture is concluded as a sweep of its own; the choice between them is ``between.py``'s.
Nothing is invoked and nothing is read but what is handed in.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tuner.decide.across import AcrossDecider, by_arch
from tuner.decide.between import Chosen, against_others, between_reasons, versus_now
from tuner.decide.conclude import Evidence, conclude, pareto, service_s
from tuner.decide.decide import Question, Standing
from tuner.decide.month import Priced
from tuner.decide.result import Recommendation, Spend, Sweep
from tuner.planning.budget import Budget
from tuner.records import Advice, RunRecord, Sample, Setting


@dataclass(frozen=True)
class Side:
    """What is asked on one architecture, and its prices."""

    question: Question
    prices: Priced


def conclude_across(
    run: RunRecord,
    samples: Sequence[Sample],
    sides: Mapping[str, Side],
    failed: Mapping[Setting, str],
) -> Sweep:
    """Answer over all architectures; ``failed`` are settings that could not be made callable."""
    of = by_arch(samples, sides)
    sides = {arch: _served(side, of[arch]) for arch, side in sides.items()}
    sweeps = {arch: _alone(arch, run, of[arch], side, failed) for arch, side in sides.items()}
    everything = [row for sweep in sweeps.values() for row in sweep.sizes]
    sweeps = {
        arch: replace(sweep, pareto_mb=pareto(sweep.sizes, everything))
        for arch, sweep in sweeps.items()
    }
    facts = run.facts
    here = facts.arch if facts.memory_mb is not None else None
    questions = {arch: side.question for arch, side in sides.items()}
    decider = AcrossDecider(questions, Budget(None), here)
    chosen, standings = decider.chosen(samples), decider.standings(samples)
    first = chosen.arch if chosen else next(iter(sweeps))
    others = tuple(sweep for arch, sweep in sweeps.items() if arch != first)
    top = sweeps[first]
    pick = top.recommendation
    if chosen is not None and pick is not None:
        pick = _between(pick, chosen, standings, sweeps, facts.arch)
    return replace(
        top,
        run=run,
        recommendation=pick,
        spend=_spend(list(sweeps.values())),
        warnings=(
            *run.warnings,
            *told_apart({arch: sweep.warnings for arch, sweep in sweeps.items()}),
        ),
        beside=others,
        chances={} if chosen is None else chosen.chances,
    )


def _served(side: Side, samples: Sequence[Sample]) -> Side:
    goal = side.question.goal.served(service_s(samples))
    return replace(side, question=replace(side.question, goal=goal))


def _alone(
    arch: str,
    run: RunRecord,
    samples: Sequence[Sample],
    side: Side,
    failed: Mapping[Setting, str],
) -> Sweep:
    """One architecture's sweep, as if there were no other."""
    of_arch = {setting.memory_mb: why for setting, why in failed.items() if setting.arch == arch}
    there = replace(run, facts=run.facts.on(arch), warnings=())
    return conclude(Evidence(there, samples, side.prices, of_arch), side.question)


def _between(
    pick: Recommendation,
    chosen: Chosen,
    standings: Mapping[str, Standing],
    sweeps: Mapping[str, Sweep],
    here: str,
) -> Recommendation:
    """The chosen architecture's recommendation, held against the best of the others."""
    own = sweeps[here].recommendation if here in sweeps else None
    return replace(
        pick,
        confidence=chosen.confidence,
        reasons=(*between_reasons(chosen, standings, sweeps), *pick.reasons),
        runners_up=(*against_others(chosen, standings), *pick.runners_up),
        versus_current=versus_now(pick, own, standings),
    )


def _spend(sweeps: Sequence[Sweep]) -> Spend:
    costs = [sweep.spend.cost_usd for sweep in sweeps]
    known = [cost for cost in costs if cost is not None]
    return Spend(
        sum(sweep.spend.invocations for sweep in sweeps),
        sum(known) if len(known) == len(costs) else None,
        sweeps[0].spend.seconds,
    )


def told_apart(advice_of: Mapping[str, Sequence[Advice]]) -> tuple[Advice, ...]:
    """What holds of every architecture once, and what does not with its name before it."""
    counts = Counter(advice for each in advice_of.values() for advice in set(each))
    found: dict[Advice, None] = {}
    for arch, each in advice_of.items():
        for advice in each:
            common = counts[advice] == len(advice_of)
            text = advice.text if common else f"On {arch}: {advice.text}"
            found[replace(advice, text=text)] = None
    return tuple(found)
