"""One answer over several architectures: the chosen one's, with the others beside it.

Each architecture is concluded as a sweep of its own; the choice between them is ``between.py``'s.
Nothing is invoked and nothing is read but what is handed in.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tuner.billing.cost import sample_usd
from tuner.decide.as_good import to_be_as_good
from tuner.decide.between import ArchChoice, against_others, between_reasons, versus_now
from tuner.decide.conclude import Evidence, between_runs, conclude, pareto, service_s
from tuner.decide.decide import Question, Standing
from tuner.decide.month import Priced
from tuner.decide.planner import Race
from tuner.decide.reasons import NOT_CERTAIN, SURE_ENOUGH
from tuner.decide.result import Recommendation, Spend, Sweep
from tuner.measure.health import OF_CALLS
from tuner.planning.budget import NO_LIMIT
from tuner.records import ON_DEMAND, Advice, RunRecord, Sample, Setting
from tuner.sample_table import table_of
from tuner.store.documents import Notes, calm, on_demand
from tuner.units import MemoryRange, format_share_beside


@dataclass(frozen=True)
class ArchSide:
    """The question on one architecture, and its prices."""

    question: Question
    prices: Priced

    def over(self, wish: MemoryRange) -> "ArchSide":
        """The same over other sizes."""
        return replace(self, question=replace(self.question, wish=wish))

    def price(self, sample: Sample) -> float | None:
        """US dollars of a request here, as far as its report tells."""
        return sample_usd(sample, self.prices.own, self.question.goal.ephemeral_mb)


@dataclass(frozen=True)
class Findings:
    """All that a run found. ``failed`` are settings that could not be made callable, and why;
    ``notes`` are what samples do not tell."""

    run: RunRecord
    samples: Sequence[Sample]
    failed: Mapping[Setting, str] = field(default_factory=dict)
    notes: Notes = field(default_factory=Notes)

    def on(self, arch: str, prices: Priced) -> Evidence:
        """Return what concerns one architecture."""
        own = [each for each in self.failed if each.arch == arch and each.start == ON_DEMAND]
        return Evidence(
            self.run,
            table_of(self.samples).only(lambda kind: kind.setting.arch == arch),
            prices,
            {each.memory_mb: self.failed[each] for each in own},
            self.notes.on(arch),
        )


def conclude_all(found: Findings, sides: Mapping[str, ArchSide]) -> Sweep:
    """Return the answer over all architectures, of which there is at least one."""
    if len(sides) == 1:
        [(arch, side)] = sides.items()
        there = replace(found.run, facts=found.run.facts.on(arch))
        evidence = replace(found.on(arch, side.prices), run=there)
        return replace(conclude(evidence, side.question), run=found.run)
    of = {arch: found.on(arch, side.prices) for arch, side in sides.items()}
    sides = {arch: _served(side, of[arch]) for arch, side in sides.items()}
    sweeps = {arch: _alone(arch, of[arch], side) for arch, side in sides.items()}
    everything = [row for sweep in sweeps.values() for row in sweep.sizes]
    sweeps = {
        arch: replace(sweep, pareto_mb=pareto(sweep.sizes, everything))
        for arch, sweep in sweeps.items()
    }
    chosen, standings = _chosen(found, sides, sweeps)
    first = chosen.arch if chosen else next(iter(sweeps))
    pick, run = sweeps[first].recommendation, found.run
    if chosen is not None and pick is not None:
        pick = _between(pick, chosen, standings, sweeps, run.facts.arch)
    told = told_apart({arch: sweep.warnings for arch, sweep in sweeps.items()})
    rows = [replace(row, arch=arch) for arch, each in sweeps.items() for row in each.variants]
    return replace(
        sweeps[first],
        run=run,
        recommendation=pick,
        spend=_spend(list(sweeps.values())),
        warnings=(*run.warnings, *told),
        beside=tuple(sweep for arch, sweep in sweeps.items() if arch != first),
        chances={} if chosen is None else chosen.chances,
        opportunities=tuple(o for o in sweeps[first].opportunities if o.code != "arm64"),
        variants=tuple(rows),
    )


def _chosen(
    found: Findings, sides: Mapping[str, ArchSide], sweeps: Mapping[str, Sweep]
) -> tuple[ArchChoice | None, Mapping[str, Standing]]:
    """The choice between architectures, and how each stands, under load where it was loaded."""
    facts, questions = found.run.facts, {arch: side.question for arch, side in sides.items()}
    race = Race(questions, NO_LIMIT, facts.arch if facts.memory_mb is not None else None)
    standings = race.standings(on_demand(calm(found.samples), found.notes.startups))
    if found.notes.loads is not None:
        standings = {
            arch: _held_to_load(standing, sweeps[arch].recommendation)
            for arch, standing in standings.items()
        }
    return race.choose(standings), standings


def _served(side: ArchSide, evidence: Evidence) -> ArchSide:
    question = between_runs(side.question, evidence.notes)
    goal = question.goal.served(service_s(evidence.samples))
    return replace(side, question=replace(question, goal=goal))


def _alone(arch: str, evidence: Evidence, side: ArchSide) -> Sweep:
    """One architecture's sweep, as if there were no other."""
    there = replace(evidence.run, facts=evidence.run.facts.on(arch), warnings=())
    return conclude(replace(evidence, run=there), side.question)


#: The miss of a size that did not meet its objectives under load, as a share of their limits.
_MISSED = 1.01


def _held_to_load(standing: Standing, pick: Recommendation | None) -> Standing:
    """An architecture's standing, with the size that was chosen under load, and whether that met
    the objectives there."""
    if pick is None:
        return standing
    outlook = standing.outlook
    index, margin = int(np.abs(outlook.memory_mb - pick.memory_mb).argmin()), outlook.margin
    if pick.meets_slo is not None:
        margin = np.minimum(margin, 1.0) if pick.meets_slo else np.maximum(margin, _MISSED)
    return Standing(replace(outlook, margin=margin), index, standing.seen)


def _between(
    pick: Recommendation,
    chosen: ArchChoice,
    standings: Mapping[str, Standing],
    sweeps: Mapping[str, Sweep],
    here: str,
) -> Recommendation:
    """The chosen architecture's recommendation, held against the best of the others."""
    own = sweeps[here].recommendation if here in sweeps else None
    return replace(
        pick,
        confidence=chosen.confidence,
        reasons=(*between_reasons(chosen, standings, sweeps), *pick.reasons, *_doubt(pick, chosen)),
        runners_up=(*against_others(chosen, standings), *pick.runners_up),
        versus_current=versus_now(pick, own, standings),
    )


def _doubt(pick: Recommendation, chosen: ArchChoice) -> list[str]:
    """Say how unsure the choice among all is, where that of the architecture alone is not."""
    said = any(line.startswith(NOT_CERTAIN) for line in pick.reasons)
    if said or chosen.confidence >= SURE_ENOUGH or pick.meets_slo is False:
        return []
    share = format_share_beside(chosen.confidence, SURE_ENOUGH)
    as_good = to_be_as_good(pick.strategy, pick.within, objectives=bool(pick.slo))
    return [f"{NOT_CERTAIN}: {share} sure to {as_good}, of all architectures."]


def _spend(sweeps: Sequence[Sweep]) -> Spend:
    costs = [sweep.spend.cost_usd for sweep in sweeps]
    known = [cost for cost in costs if cost is not None]
    return Spend(
        sum(sweep.spend.invocations for sweep in sweeps),
        sum(known) if len(known) == len(costs) else None,
        sweeps[0].spend.seconds,
    )


def told_apart(advice_of: Mapping[str, Sequence[Advice]]) -> tuple[Advice, ...]:
    """Return advice that holds of every architecture once, other advice with its name.

    Where it counts the calls or sizes of one, it says that it is of each.
    """
    counts = Counter(advice for each in advice_of.values() for advice in set(each))
    found: dict[Advice, None] = {}
    for arch, each in advice_of.items():
        for advice in each:
            where = arch
            if counts[advice] == len(advice_of):
                counted = len(advice_of) > 1 and advice.code in OF_CALLS
                where = "each architecture" if counted else ""
            text = f"On {where}: {advice.text}" if where else advice.text
            found[replace(advice, text=text)] = None
    return tuple(found)
