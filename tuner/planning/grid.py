"""The grid: every setting the same number of times, interleaved in rounds."""

from collections import Counter
from collections.abc import Iterable, Mapping

from tuner.planning.ask import Ask, Done
from tuner.planning.budget import Budget, Spent
from tuner.records import Setting


def next_ask(
    settings: Iterable[Setting],
    samples: int,
    made: Mapping[Setting, int],
    budget: Budget,
    spent: Spent,
) -> Ask | Done:
    """All that is still missing of ``samples`` per setting, as far as the budget goes.

    ``made`` counts the invocations per setting so far, however they ended.
    """
    missing = +Counter({setting: samples - made.get(setting, 0) for setting in settings})
    if not missing:
        return Done("every size has its samples", settled=True)
    if reason := budget.ran_out(spent):
        return Done(reason, settled=False)
    counts = in_turn(missing, budget.affordable(spent, 0.0, 0.0))
    return Ask(counts, f"{samples} calls each")


def in_turn(missing: Mapping[Setting, int], most: int) -> dict[Setting, int]:
    """The first ``most`` invocations, taken in rounds over the settings."""
    turns = sorted((turn, setting) for setting, count in missing.items() for turn in range(count))
    return dict(sorted(Counter(setting for _, setting in turns[:most]).items()))
