"""Which sizes are measured cold, and how often: few, since a cold start costs a fresh version.

INIT runs at full speed whatever the memory, so it is much the same at every size; the first call
after it is not. The pick, and the smallest and largest size that worked, show both.
"""

from collections.abc import Sequence

from tuner.decide.goal import Goal, Scope
from tuner.decide.result import Recommendation
from tuner.planning.budget import Budget, Spent
from tuner.records import Outcome, Sample

#: Cold starts per size unless the user says otherwise.
COLD_STARTS = 5


def cold_plan(
    samples: Sequence[Sample],
    pick: Recommendation | None,
    each: int | None,
    budget: Budget,
    spent: Spent,
) -> dict[int, int]:
    """Cold starts to force per size (MB); those that the run has already are not asked again.

    ``each`` is the user's number; ``None`` is the default, which a limit on invocations, money or
    time cuts down to what is left.
    """
    worked = sorted({s.memory_mb for s in samples if s.outcome is Outcome.OK})
    if not worked or each == 0:
        return {}
    sizes = sorted({worked[0], worked[-1], *([pick.memory_mb] if pick else [])})
    had = {size: sum(s.cold and s.memory_mb == size for s in samples) for size in sizes}
    wanted = {size: max(0, (each or COLD_STARTS) - had[size]) for size in sizes}
    if each is None:
        share = _affordable(samples, budget, spent) // len(sizes)
        wanted = {size: min(n, share) for size, n in wanted.items()}
    return {size: n for size, n in wanted.items() if n > 0}


def matters(goal: Goal) -> bool:
    """Whether cold starts count in the answer, so that they deserve a part of the budget."""
    counted = goal.cold_share > 0.0 or goal.demand is not None
    return counted or any(slo.scope is Scope.COLD for slo in goal.slos)


def _affordable(samples: Sequence[Sample], budget: Budget, spent: Spent) -> int:
    count = max(1, spent.invocations)
    longest = max((s.done_s - s.sent_s for s in samples), default=0.0)
    return budget.affordable(spent, 2.0 * spent.cost_usd / count, 2.0 * longest)
