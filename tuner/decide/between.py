"""The choice between architectures, each with a curve of its own: which one, how sure, and why.

The best size of each is chosen as if it were alone; here these are held against each other, by
the same rule.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from tuner.decide.case import changes
from tuner.decide.choice import SURE, best_or_here, confidence_in
from tuner.decide.decide import Standing
from tuner.decide.goal import Goal
from tuner.decide.outlook import Outlook, side_by_side
from tuner.decide.result import Recommendation, RunnerUp, Sweep, VersusCurrent
from tuner.decide.what_decided import WORTH_MOVING
from tuner.model import IntArray
from tuner.units import format_memory, format_ms, format_probability, format_usd_per_million


@dataclass(frozen=True)
class ArchChoice:
    """The architecture to choose, with its best size.

    ``confidence`` is the probability that it is within 5 % of the best size of any architecture;
    ``chances`` that the best size of each is the best of them all.
    """

    arch: str
    confidence: float
    chances: Mapping[str, float]


def choose_between(standings: Mapping[str, Standing], goal: Goal, here: str | None) -> ArchChoice:
    """Choose among architectures; ``here`` is what the function has now, ``None`` if not known.

    It stays there where no other gains more than 3 % in cost or in duration.
    """
    names = list(standings)
    joint = side_by_side([each.outlook for each in standings.values()], goal, _SHUFFLE)
    ends = np.cumsum([0, *(each.outlook.memory_mb.size for each in standings.values())])
    at = np.array([end + each.index for end, each in zip(ends, standings.values(), strict=False)])
    picks = joint.only(at)
    won = best_or_here(picks, goal.strategy, names.index(here) if here in names else None)
    wins = np.bincount(_winners(picks), minlength=len(names)) / picks.margin.shape[0]
    chances = {name: float(wins[index]) for index, name in enumerate(names)}
    return ArchChoice(names[won], confidence_in(joint, goal, int(at[won])), chances)


#: Any order will do, and the same one each time.
_SHUFFLE = 0


def _winners(picks: Outlook) -> IntArray:
    """The best candidate of each draw: of those that meet the objectives, or the nearest miss."""
    meets = picks.margin <= 1.0
    best = np.where(meets, picks.score, np.inf).argmin(axis=1)
    nearest = picks.margin.argmin(axis=1)
    return np.asarray(np.where(meets.any(axis=1), best, nearest), dtype=np.int64)


def between_reasons(
    chosen: ArchChoice, standings: Mapping[str, Standing], sweeps: Mapping[str, Sweep]
) -> tuple[str, ...]:
    """Return a sentence for each architecture that was not chosen."""
    lines = []
    for arch, sweep in sweeps.items():
        there = standings.get(arch)
        if arch == chosen.arch:
            continue
        if there is None:
            why = next((size.reason for size in sweep.sizes if size.reason), None)
            lines.append(f"{arch} has no result to compare{f': {why}' if why else ''}.")
            continue
        cost, time = there.means
        what = changes(there.means, standings[chosen.arch].means)
        chance, own = _better(chosen, arch), standings[chosen.arch].means
        why = f"; {chosen.arch} is better with {format_probability(chance)}"
        if chance < 0.5 and min(np.divide(there.means, own)) >= 1.0 - WORTH_MOVING:
            why = ", which is not worth a change"
        lines.append(
            f"The best size on {arch}, {format_memory(there.memory_mb)}, is {what} "
            f"({format_usd_per_million(cost)}, {format_ms(time)} on average){why}."
        )
    return tuple(lines)


def _better(chosen: ArchChoice, other: str) -> float:
    """Probability that the chosen architecture beats this other one, others aside."""
    both = chosen.chances[chosen.arch] + chosen.chances[other]
    return chosen.chances[chosen.arch] / both if both else 1.0


def against_others(chosen: ArchChoice, standings: Mapping[str, Standing]) -> tuple[RunnerUp, ...]:
    """Return the best size of every other architecture, and why it was not chosen."""
    found, pick = [], standings[chosen.arch]
    for arch, there in standings.items():
        if arch == chosen.arch:
            continue
        why = changes(there.means, pick.means)
        if there.meets < SURE and pick.meets >= there.meets:
            why = f"meets the objectives with {format_probability(there.meets)}"
        found.append(RunnerUp(there.memory_mb, *there.means, why, arch))
    return tuple(found)


def versus_now(
    pick: Recommendation, own: Recommendation | None, standings: Mapping[str, Standing]
) -> VersusCurrent | None:
    """Compare the pick with the present size on the present architecture.

    ``own`` is that architecture's own answer; ``None`` where it was not measured.
    """
    if own is None or own.versus_current is None or own.arch == pick.arch:
        return None if own is None else own.versus_current
    now = own.versus_current
    ratios = np.divide(standings[pick.arch].means, standings[own.arch].means)
    cost, time = (
        None if change is None else float((1.0 + change) * ratio - 1.0)
        for change, ratio in zip((now.cost_change, now.duration_change), ratios, strict=True)
    )
    return VersusCurrent(now.memory_mb, cost, time, own.arch)
