"""The adaptive plan: ask where an invocation changes the decision most per cent of its cost.

Starts with a few sizes over the range, then asks a size at a time until the decision is settled
or a budget is spent. It is handed beliefs (arrays) and never fits a curve itself.
"""

from dataclasses import dataclass

import numpy as np

from tuner.plan.ask import Ask, Done
from tuner.plan.budget import Budget, Spent
from tuner.plan.sizes import IntArray, start_sizes
from tuner.plan.value import Beliefs, expected_gain


@dataclass(frozen=True)
class Adaptive:
    """How the plan goes about it. ``confidence`` is asked of the pick being within 5 %."""

    confidence: float = 0.9
    tolerance: float = 0.05
    settled_regret: float = 0.008  # stop when less than this is expected to be lost
    worthwhile: float = 0.0004  # an invocation that gains less than this is not made
    start_sizes: int = 5
    start_repeats: int = 2
    repeats: int = 2
    least: int = 14  # invocations before the noise can be judged at all


def first_ask(sizes_mb: IntArray, plan: Adaptive, budget: Budget) -> Ask:
    """The start: a few sizes over the whole range, fewer when the budget is small."""
    most = budget.affordable(Spent(), 0.0, 0.0)
    count = min(plan.start_sizes, max(2, most // plan.start_repeats))
    repeats = max(1, min(plan.start_repeats, most // count))
    sizes = start_sizes(sizes_mb, count)[: max(1, most)]
    return Ask({int(s): repeats for s in sizes}, "a first look over the whole range")


def next_ask(
    beliefs: Beliefs, plan: Adaptive, budget: Budget, spent: Spent, rng: np.random.Generator
) -> Ask | Done:
    """The size worth asking next, or why to stop."""
    gain = expected_gain(beliefs, plan.repeats, rng)
    cost = beliefs.price_usd + 0.05 * float(beliefs.price_usd.mean())
    best = int(np.argmax(gain / cost))
    size = int(beliefs.ask_mb[best])
    sure = beliefs.confidence(plan.tolerance)
    if spent.invocations >= plan.least:
        if sure >= plan.confidence and beliefs.regret <= plan.settled_regret:
            return Done(f"settled: {sure:.0%} sure to be within 5 % of the best", settled=True)
        if gain.max() < plan.worthwhile:
            return Done("no further invocation is worth its cost", settled=sure >= plan.confidence)
    reason = budget.ran_out(spent)
    repeats = min(
        plan.repeats,
        budget.affordable(spent, float(beliefs.price_usd[best]), float(beliefs.seconds[best])),
    )
    if reason or repeats == 0:
        return Done(reason or "the next invocation does not fit the budget", False, {size: 20})
    return Ask({size: repeats}, f"what {size} MB takes decides most per cent now")
