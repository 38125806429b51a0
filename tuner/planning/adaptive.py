"""The adaptive plan: ask where an invocation changes the decision most per cent of its cost.

Starts with a few sizes over the range, then asks a size at a time until the decision is settled
or a budget is spent. It is handed beliefs (arrays) and never fits a curve itself.
"""

from dataclasses import dataclass

import numpy as np

from tuner.model import IntArray
from tuner.planning.ask import Ask, Done
from tuner.planning.budget import Budget, Spent
from tuner.planning.sizes import start_sizes
from tuner.planning.value import Beliefs, expected_gain
from tuner.records import Setting


@dataclass(frozen=True)
class Adaptive:
    """The plan's own settings. ``confidence`` is asked of the pick being within 5 %.

    ``settled_regret`` and ``worthwhile`` are shares of the best size's cost: less than the former
    is left to lose when the decision counts as settled; less gain than the latter is not worth an
    invocation. Of two architectures, the best sizes are asked again up to ``precise_until``
    invocations each.
    """

    confidence: float = 0.9
    tolerance: float = 0.05
    settled_regret: float = 0.01
    worthwhile: float = 0.0004
    start_sizes: int = 5
    start_repeats: int = 2
    repeats: int = 3
    least: int = 14
    precise_until: int = 32


def first_ask(sizes_mb: IntArray, arch: str, plan: Adaptive, budget: Budget) -> Ask:
    """The start: a few sizes over the whole range, fewer when the budget is small."""
    most = budget.affordable(Spent(), 0.0, 0.0)
    count = min(plan.start_sizes, max(2, most // plan.start_repeats))
    repeats = max(1, min(plan.start_repeats, most // count))
    sizes = start_sizes(sizes_mb, count)[: max(1, most)]
    return Ask({Setting(int(s), arch): repeats for s in sizes}, "a first look over the whole range")


def next_ask(
    beliefs: Beliefs, plan: Adaptive, budget: Budget, spent: Spent, rng: np.random.Generator
) -> Ask | Done:
    """The size worth asking next, or why to stop."""
    gain = expected_gain(beliefs, plan.repeats, rng)
    cost = beliefs.price_usd + 0.05 * float(beliefs.price_usd.mean())
    best = int(np.argmax(gain / cost))
    size = int(beliefs.ask_mb[best])
    done = _finished(beliefs, plan, spent, float(gain.max()))
    if done:
        return done
    if repeats := _repeats(size, beliefs, plan, budget, spent):
        counts = {Setting(size, beliefs.arch): repeats}
        beside, price = beliefs.beside_mb, float(beliefs.price_usd.max())
        if beside not in (None, size) and budget.affordable(spent, price, 0.0) > repeats:
            # A mood of the machine is told from a property of the size by calls of both.
            counts[Setting(beside or size, beliefs.arch)] = 1
        return Ask(counts, "the most informative size")
    left = budget.ran_out(spent) or "the next invocation does not fit into what is left"
    return Done(left, settled=budget.usual_is_out(spent))


def _finished(beliefs: Beliefs, plan: Adaptive, spent: Spent, gain: float) -> Done | None:
    if spent.invocations < plan.least:
        return None
    sure = beliefs.confidence(plan.tolerance)
    if sure >= plan.confidence and beliefs.regret <= plan.settled_regret:
        return Done("settled: no further call is expected to change the answer", settled=True)
    if gain < plan.worthwhile:
        return Done("no further invocation is worth its cost", settled=True)
    return None


def _repeats(size: int, beliefs: Beliefs, plan: Adaptive, budget: Budget, spent: Spent) -> int:
    """As many of the repeats as the budget allows."""
    nearest = int(np.abs(beliefs.ask_mb - size).argmin())
    price, seconds = float(beliefs.price_usd[nearest]), float(beliefs.seconds[nearest])
    return min(plan.repeats, budget.affordable(spent, price, seconds))
