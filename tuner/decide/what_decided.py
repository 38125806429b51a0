"""What decided, in a sentence: the pick beside what the table shows to be the best in that.

A reader sees every measured size. One that beats the pick there is told, with the reason why it is
not the pick: too few calls, no gain that is worth a change, a balance that is not expected to last.
"""

import numpy as np

from tuner.decide.case import EVEN, SAME, ChoiceCase, changes
from tuner.decide.goal import Strategy
from tuner.decide.outlook import MORE_LIKELY
from tuner.units import (
    counted,
    format_cost_change,
    format_memory,
    format_share,
    format_speed_change,
)

#: The function stays at its size unless another one is better by more than this in what is
#: chosen for, or in the other of cost and duration: a change is work, and has risks of its own.
WORTH_MOVING = 0.03
#: A size counts as fastest, or cheapest, up to this much more: the better one in the other wins.
_AS_GOOD = 1.01

_BEST = {
    Strategy.COST: "the lowest cost",
    Strategy.SPEED: "the shortest expected duration",
    Strategy.BALANCED: "the best expected balance of cost and duration",
}


def what_decided(case: ChoiceCase) -> str:
    """Word it: the pick, and what it is the best in, or what keeps it from being so."""
    size = format_memory(case.memory_mb)
    if case.stays:
        none = "none that likely meets the objectives" if case.meets else "none"
        kept = f"{size} is the current size, and {none} is expected {_kept(case)}: {case.told}."
        return kept + _would_be(case)
    better = _better(case)
    if better is not None:
        return f"{size} {_beside(case, better)}: {case.told}."
    only = " that likely meet the objectives" if case.meets else ""
    few = " called as often" if _by_few(case, _ahead_of(case)) else ""
    of = f" of the sizes{few}{only}" if few or only else ""
    return f"{size} has {_BEST[case.goal.strategy]}{of}: {case.told}."


def _would_be(case: ChoiceCase) -> str:
    """What the best of the other measured sizes would change, which is too little for a change."""
    score, sizes = case.outlook.expected(), case.outlook.memory_mb.tolist()
    known = [i for i, size in enumerate(sizes) if size in case.basis.calls and i != case.index]
    known = [i for i in known if case.outlook.meets[i] >= MORE_LIKELY]
    if not known:
        return ""
    here = case.means(case.index)
    # A size that the table shows to be better in both is the one that a reader will ask about.
    ahead = [i for i in known if all(np.less_equal(case.means(i), here))]
    best = min(ahead or known, key=lambda i: score[i])
    there, size = case.means(best), format_memory(sizes[best])
    told = changes(there, here)
    if told == EVEN or not (ahead or score[best] < score[case.index]):
        return ""
    if ahead and min(np.divide(there, here)) < 1.0 - WORTH_MOVING:  # by few calls, or by luck
        return f" {size} was measured {told}, but is expected to gain less."
    return f" {size} would be {told}, which is not worth a change."


def _kept(case: ChoiceCase) -> str:
    """What another size would have to be, so that it is worth a change."""
    if case.goal.strategy is Strategy.SPEED:
        return "to be more than 3 % faster, or cheaper at the same speed"
    if case.goal.strategy is Strategy.BALANCED:
        return "to be better by more than 3 % in balance, or in speed"
    worth = case.goal.worth
    faster = format_share(worth) + " more" if worth else "the same cost"
    return f"to be more than 3 % cheaper, or faster for {'at most ' if worth else ''}{faster}"


def _decided_by(case: ChoiceCase) -> int:
    """The mean that decided: 0 for the cost, 1 for the duration."""
    return 1 if case.goal.strategy is Strategy.SPEED else 0


def _better(case: ChoiceCase) -> int | None:
    """Index of the cheapest, or the fastest, size that was called as often, if that is not the
    pick; ``None`` where the balance decided."""
    if case.goal.strategy is Strategy.BALANCED:
        return None
    calls, least = case.basis.calls, case.basis.calls.get(case.memory_mb, 0)
    sizes = case.outlook.memory_mb.tolist()
    return _ahead(case, [i for i, size in enumerate(sizes) if calls.get(size, 0) >= least])


def _ahead(case: ChoiceCase, of: list[int]) -> int | None:
    """Index of the one of these that was measured to be the best in what decided, and likely meets
    the objectives; ``None`` where that is the pick."""
    likely = [i for i in of if case.outlook.meets[i] >= MORE_LIKELY]
    measured = _measured(case)
    best = min(likely, key=lambda i: (measured[i], i != case.index), default=case.index)
    return None if measured[best] >= measured[case.index] else best


def _measured(case: ChoiceCase) -> dict[int, float]:
    """What decided, as measured, of each size that was called, and of the pick."""
    sizes, goal = case.outlook.memory_mb.tolist(), case.goal
    of = {i: case.means(i) for i, s in enumerate(sizes) if s in case.basis.calls or i == case.index}
    if goal.strategy is not Strategy.BALANCED:
        return {i: means[_decided_by(case)] for i, means in of.items()}
    dear, slow = (max(means[what] for means in of.values()) for what in (0, 1))
    weights = goal.balance, 1.0 - goal.balance
    return {i: weights[0] * cost / dear + weights[1] * ms / slow for i, (cost, ms) in of.items()}


def _ahead_of(case: ChoiceCase) -> int | None:
    """Index of the size that the table shows to be ahead, if there is one to be told of."""
    calls, sizes = case.basis.calls, case.outlook.memory_mb.tolist()
    own, balanced = calls.get(case.memory_mb, 0), case.goal.strategy is Strategy.BALANCED
    of = [i for i, s in enumerate(sizes) if s in calls and (balanced or calls[s] < own)]
    best, measured = _ahead(case, of), _measured(case)
    if case.stays or best is None or measured[best] > measured[case.index] * (1.0 - SAME):
        return None
    # Otherwise it is told with its chance to meet the objectives.
    return best if case.outlook.meets[best] >= case.outlook.meets[case.index] else None


def _by_few(case: ChoiceCase, index: int | None) -> bool:
    """True for a size that was called less often than the pick."""
    calls, sizes = case.basis.calls, case.outlook.memory_mb.tolist()
    return index is not None and calls[sizes[index]] < calls.get(case.memory_mb, 0)


def ahead_in_table(case: ChoiceCase) -> list[str]:
    """Say which size the table shows to be ahead in what decided: by fewer calls than the pick's,
    or in a balance that is expected to be no better."""
    best = _ahead_of(case)
    if best is None:
        return []
    calls, sizes = case.basis.calls, case.outlook.memory_mb.tolist()
    told, size = changes(case.means(best), case.means(case.index)), format_memory(sizes[best])
    if _by_few(case, best):
        return [f"{size} was {told} in {counted(calls[sizes[best]], 'call')}, too few to rely on."]
    return [f"{size} was measured {told}, a better balance than is expected of it."]


def _beside(case: ChoiceCase, better: int) -> str:
    """What the pick is beside the size that was measured to be the cheapest, or the fastest: as
    good, where the two are even."""
    what, here, there = _decided_by(case), case.means(case.index), case.means(better)
    named = format_memory(int(case.outlook.memory_mb[better]))
    if here[what] > there[what] * _AS_GOOD:
        of = " of those that likely meet the objectives" if case.goal.slos else ""
        return f"is {changes(here, there)} than {named}, the {('cheapest', 'fastest')[what]}{of}"
    other = (format_speed_change, format_cost_change)[what](here[1 - what] / there[1 - what] - 1.0)
    as_good = ("costs as little", "is as fast")[what]
    same = abs(here[1 - what] / there[1 - what] - 1.0) < SAME
    return f"{as_good} as {named}" + ("" if same else f" and is {other}")
