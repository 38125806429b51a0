"""The choice between architectures, each with a curve of its own: which one, and how sure it is.

The best size of each is chosen as if it were alone; here these are held against each other, by
the same rule. Which invocations would tell more is in ``across.py``, wording in ``between_words``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuner.decide.choice import best_or_here, confidence_in
from tuner.decide.decide import Standing
from tuner.decide.goal import Goal
from tuner.decide.outlook import Outlook, side_by_side

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
