"""The choice between architectures, each with a curve of its own: which one, how sure, and why.

The best size of each is chosen as if it were alone; here these are held against each other, by
the same rule. Which invocations would tell more is in ``across.py``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuner.decide.choice import SURE, best_or_here, confidence_in
from tuner.decide.decide import Standing
from tuner.decide.goal import Goal
from tuner.decide.outlook import Outlook, side_by_side
from tuner.decide.reasons import changes, probability
from tuner.decide.result import Recommendation, RunnerUp, Sweep, VersusCurrent
from tuner.units import format_memory, format_ms, format_usd_per_million

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Chosen:
    """The architecture to choose, with its best size.

    ``confidence`` is the probability that it is within 5 % of the best size of any architecture;
    ``chances`` that the best size of each is the best of them all.
    """

    arch: str
    confidence: float
    chances: Mapping[str, float]


def choose_between(standings: Mapping[str, Standing], goal: Goal, here: str | None) -> Chosen:
    """Choose among architectures; ``here`` is what the function has now, ``None`` if not known.

    It stays there where no other gains more than 1 % in cost and in duration.
    """
    names = list(standings)
    joint = side_by_side([each.outlook for each in standings.values()], goal, _SHUFFLE)
    ends = np.cumsum([0, *(each.outlook.memory_mb.size for each in standings.values())])
    at = np.array([end + each.index for end, each in zip(ends, standings.values(), strict=False)])
    picks = _only(joint, at)
    won = best_or_here(picks, goal.strategy, names.index(here) if here in names else None)
    wins = np.bincount(_winners(picks), minlength=len(names)) / picks.margin.shape[0]
    chances = {name: float(wins[index]) for index, name in enumerate(names)}
    return Chosen(names[won], confidence_in(joint, int(at[won])), chances)


#: Any order will do, and the same one each time.
_SHUFFLE = 0


def _only(outlook: Outlook, at: IntArray) -> Outlook:
    """The outlook of a few candidates, with the scores that they have among all."""
    return Outlook(
        outlook.memory_mb[at],
        outlook.drifted_ms[..., at],
        outlook.drifted_cost[..., at],
        outlook.drifted[..., at],
        outlook.margin[:, at],
    )


def _winners(picks: Outlook) -> IntArray:
    """The best candidate of each draw: of those that meet the objectives, or the nearest miss."""
    meets = picks.margin <= 1.0
    best = np.where(meets, picks.score, np.inf).argmin(axis=1)
    nearest = picks.margin.argmin(axis=1)
    return np.asarray(np.where(meets.any(axis=1), best, nearest), dtype=np.int64)


def between_reasons(
    chosen: Chosen, standings: Mapping[str, Standing], sweeps: Mapping[str, Sweep]
) -> tuple[str, ...]:
    """A sentence for each architecture that was not chosen."""
    lines = []
    for arch, sweep in sweeps.items():
        if arch == chosen.arch:
            continue
        if arch not in standings:
            why = next((size.reason for size in sweep.sizes if size.reason), None)
            lines.append(f"{arch} has no result to compare{f': {why}' if why else ''}.")
            continue
        cost, time = _means(standings[arch])
        what = _change(standings[arch], standings[chosen.arch])
        lines.append(
            f"{arch} at its best, {format_memory(_size(standings[arch]))}, is {what} "
            f"({format_usd_per_million(cost)}, {format_ms(time)} on average); "
            f"{chosen.arch} is better with a probability "
            f"{probability(_better(chosen, arch))}."
        )
    return tuple(lines)


def against_others(chosen: Chosen, standings: Mapping[str, Standing]) -> tuple[RunnerUp, ...]:
    """The best size of every other architecture, and why it was not chosen."""
    found = []
    for arch, standing in standings.items():
        if arch == chosen.arch:
            continue
        meets = float(standing.outlook.meets[standing.index])
        why = _change(standing, standings[chosen.arch])
        if meets < SURE and standings[chosen.arch].outlook.meets[_at(standings, chosen)] >= meets:
            why = f"meets the objectives with a probability {probability(meets)}"
        found.append(RunnerUp(_size(standing), *_means(standing), why, arch))
    return tuple(found)


def versus_now(
    pick: Recommendation, own: Recommendation | None, standings: Mapping[str, Standing]
) -> VersusCurrent | None:
    """The pick against the present size on the present architecture, whose own answer is ``own``;
    ``None`` where that was not measured."""
    if own is None or own.versus_current is None or own.arch == pick.arch:
        return None if own is None else own.versus_current
    now = own.versus_current
    ratios = [
        there / here - 1.0
        for there, here in zip(
            _means(standings[pick.arch]), _means(standings[own.arch]), strict=True
        )
    ]
    both = zip((now.cost_change, now.duration_change), ratios, strict=True)
    cost, time = [
        None if change is None else (1.0 + change) * (1.0 + ratio) - 1.0 for change, ratio in both
    ]
    return VersusCurrent(now.memory_mb, cost, time, own.arch)


def _at(standings: Mapping[str, Standing], chosen: Chosen) -> int:
    return standings[chosen.arch].index


def _size(standing: Standing) -> int:
    return int(standing.outlook.memory_mb[standing.index])


def _means(standing: Standing) -> tuple[float, float]:
    """Mean cost (USD per million) and mean duration (ms) of its best size."""
    outlook, index = standing.outlook, standing.index
    return float(outlook.cost[:, index].mean()), float(outlook.duration_ms[:, index].mean())


def _change(there: Standing, here: Standing) -> str:
    (cost, time), (cost_here, time_here) = _means(there), _means(here)
    return changes(cost / cost_here - 1.0, time / time_here - 1.0)


def _better(chosen: Chosen, other: str) -> float:
    """Probability that the chosen architecture beats this other one, others aside."""
    both = chosen.chances[chosen.arch] + chosen.chances[other]
    return chosen.chances[chosen.arch] / both if both else 1.0
