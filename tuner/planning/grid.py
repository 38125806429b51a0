"""The grid: every size the same number of times, interleaved in rounds."""

from collections import Counter
from collections.abc import Iterable, Mapping

from tuner.planning.ask import Ask, Done
from tuner.planning.budget import Budget, Spent


def next_ask(
    sizes_mb: Iterable[int], samples: int, made: Mapping[int, int], budget: Budget, spent: Spent
) -> Ask | Done:
    """All that is still missing of ``samples`` per size, as far as the budget goes.

    ``made`` counts the invocations per size so far, however they ended.
    """
    missing = Counter({size: samples - made.get(size, 0) for size in sizes_mb})
    missing = +missing
    if not missing:
        return Done("every size has its samples", settled=True)
    reason = budget.ran_out(spent)
    if reason:
        return Done(reason, settled=False, missing=dict(missing))
    counts = _first(missing, budget.affordable(spent, 0.0, 0.0))
    return Ask(counts, f"{samples} of each of {len(list(missing))} sizes")


def _first(missing: Mapping[int, int], most: int) -> dict[int, int]:
    """The first ``most`` invocations, taken in rounds over the sizes."""
    counts: Counter[int] = Counter()
    left = dict(missing)
    while left and sum(counts.values()) < most:
        for size in sorted(left):
            if sum(counts.values()) >= most:
                break
            counts[size] += 1
            left[size] -= 1
        left = {size: n for size, n in left.items() if n > 0}
    return dict(sorted(counts.items()))
