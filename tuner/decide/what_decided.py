"""What decided, in a sentence: the pick beside what the table shows to be the best in that.

A reader sees every measured size. One that beats the pick there is told, with the reason why it is
not the pick: too few calls, no gain that is worth a change, a balance that is not expected to last.
"""

import numpy as np

from tuner.decide.case import EVEN, SAME, ChoiceCase, changes
from tuner.decide.goal import Strategy
from tuner.decide.outlook import MORE_LIKELY, VERIFIED, worth_each
from tuner.units import (
    counted,
    format_cost_change,
    format_memory,
    format_share,
    format_speed_change,
    is_same,
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
    often = f" called {_often(case)}" if _by_few(case, _ahead_of(case)) else ""
    of = f" of the sizes{often}{only}" if often or only else ""
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
    gains = np.divide(there, here)
    decides = {Strategy.COST: gains[0], Strategy.SPEED: gains[1]}
    seen = min(gains) if ahead else decides.get(case.goal.strategy, float(np.prod(gains)))
    if seen < 1.0 - WORTH_MOVING:  # by few calls, or by luck
        calls = counted(case.basis.calls[sizes[best]], "call")
        return f" {size} was measured {told}, in {calls}, but is expected to gain less."
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


def _enough(case: ChoiceCase) -> int:
    """Calls that a size needs to be held against the pick: as many as that has, and no more than
    it takes to rely on a size."""
    return min(case.basis.calls.get(case.memory_mb, 0), VERIFIED)


def _often(case: ChoiceCase) -> str:
    least = _enough(case)
    return f"at least {least} times" if least == VERIFIED else "as often"


def _relied_on(case: ChoiceCase) -> list[int]:
    """Indices of the sizes that were called often enough, the pick among them."""
    calls, least = case.basis.calls, max(1, _enough(case))  # the pick may never have been called
    sizes = case.outlook.memory_mb.tolist()
    return [i for i, s in enumerate(sizes) if i == case.index or calls.get(s, 0) >= least]


def _better(case: ChoiceCase) -> int | None:
    """Index of the cheapest, or the fastest, size that was called often enough, if that is not the
    pick; ``None`` where the balance decided."""
    if case.goal.strategy is Strategy.BALANCED:
        return None
    return _ahead(case, _relied_on(case))


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
    enough, balanced = _enough(case), case.goal.strategy is Strategy.BALANCED
    of = [i for i, s in enumerate(sizes) if s in calls and (balanced or calls[s] < enough)]
    best, measured = _ahead(case, of), _measured(case)
    if case.stays or best is None or measured[best] > measured[case.index] * (1.0 - SAME):
        return None
    # Otherwise it is told with its chance to meet the objectives.
    return best if case.outlook.meets[best] >= case.outlook.meets[case.index] else None


def _by_few(case: ChoiceCase, index: int | None) -> bool:
    """True for a size that was called too seldom to be held against the pick."""
    calls, sizes = case.basis.calls, case.outlook.memory_mb.tolist()
    return index is not None and calls[sizes[index]] < _enough(case)


def ahead_in_table(case: ChoiceCase) -> list[str]:
    """Say which size the table shows to be ahead: in what decided, by too few calls, or in a
    balance that is expected to be no better; or in what speed may cost."""
    best = _ahead_of(case)
    if best is None:
        return _worth_more(case)
    calls, sizes = case.basis.calls, case.outlook.memory_mb.tolist()
    told, size = changes(case.means(best), case.means(case.index)), format_memory(sizes[best])
    if _by_few(case, best):
        few = f"{size} was {told} in {counted(calls[sizes[best]], 'call')}, too few to rely on."
        return [few, *_worth_more(case)]
    return [f"{size} was measured {told}, a better balance than is expected of it."]


#: Less than this part of the pick's score is worth a sentence.
_CLEARLY = 0.99


def worth_more(case: ChoiceCase) -> int | None:
    """Index of a size that was called often enough and that the table shows to be a better value
    where cost decides: clearly so by what speed may cost, or faster for the same cost."""
    of = [i for i in _relied_on(case) if case.outlook.meets[i] >= MORE_LIKELY or i == case.index]
    of = [i for i in of if i != _better(case)]  # which is told anyway
    if case.goal.strategy is not Strategy.COST or not case.goal.worth or case.index not in of:
        return None
    cost, ms = np.array([case.means(i) for i in of]).T
    value, here = worth_each(ms, cost, case.goal.worth), of.index(case.index)
    better = value < value[here] * _CLEARLY
    better |= (cost <= cost[here] * (1.0 + SAME)) & (ms < ms[here] * (1.0 - WORTH_MOVING))
    return of[int(np.where(better, value, np.inf).argmin())] if better.any() else None


def _worth_more(case: ChoiceCase) -> list[str]:
    """Say why a size that the table shows to be a better value than the pick is not taken: it is
    expected to cost more, or to gain less, than was measured."""
    best = None if case.stays else worth_more(case)
    if best is None or case.outlook.meets[best] < case.outlook.meets[case.index]:
        return []  # or it is told with its chance to meet the objectives
    told = changes(case.means(best), case.means(case.index))
    likely = case.outlook.meets >= MORE_LIKELY
    cost = case.outlook.cost.mean(axis=0)
    over = float(cost[best] / cost[likely].min() - 1.0)
    size, worth = format_memory(int(case.outlook.memory_mb[best])), case.goal.worth
    why = "but is expected to gain less"
    if over > worth and format_share(over) != format_share(worth):
        why = (
            f"but is expected to cost {format_share(over)} more than the cheapest, and speed may "
            f"cost {format_share(worth)}"
        )
    return [f"{size} was measured {told}, {why}."]


def _beside(case: ChoiceCase, better: int) -> str:
    """What the pick is beside the size that was measured to be the cheapest, or the fastest: as
    good, where the two are even."""
    what, here, there = _decided_by(case), case.means(case.index), case.means(better)
    named = format_memory(int(case.outlook.memory_mb[better]))
    if here[what] > there[what] * _AS_GOOD:
        of = " of those that likely meet the objectives" if case.goal.slos else ""
        best = f"{named}, the {('cheapest', 'fastest')[what]}{of}"
        return f"is {changes(here, there)} than {best}{_evened_out(case, better)}"
    other = (format_speed_change, format_cost_change)[what](here[1 - what] / there[1 - what] - 1.0)
    as_good = ("costs as little", "is as fast")[what]
    same = is_same(here[1 - what] / there[1 - what] - 1.0)
    return f"{as_good} as {named}" + ("" if same else f" and is {other}")


def _evened_out(case: ChoiceCase, better: int) -> str:
    """What the pick is expected to cost, or take, more than the size that was measured to be the
    best in that, where it was measured to be worse by more than is allowed."""
    what, goal = _decided_by(case), case.goal
    seen = case.means(case.index)[what] / case.means(better)[what] - 1.0
    of_all = (case.outlook.cost, case.outlook.duration_ms)[what].mean(axis=0)
    expected = float(of_all[case.index] / of_all[better] - 1.0)
    most = (goal.worth, _AS_GOOD - 1.0)[what]
    if seen <= most + SAME:
        return ""
    verb = ("to cost", "to take")[what]
    if expected < SAME:
        return f" (by the calls of all sizes it is expected {verb} no more)"
    longer = ("more", "longer")[what]
    return f" (by the calls of all sizes it is expected {verb} {format_share(expected)} {longer})"
