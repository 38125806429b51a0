"""Which size is put under load next: a few, since each takes as long as the whole profile.

The pick, the sizes beside it, and the current one. Where the pick does not bear the load, larger
ones, as long as that helps; what bears it moves the pick, and its neighbours follow.
"""

from collections.abc import Collection, Sequence

from tuner.decide.decide import Answer, Question
from tuner.decide.load_result import SizeUnderLoad
from tuner.decide.under_load import judged_by_load
from tuner.planning.sizes import USUAL_MB, candidates, grid_sizes

#: An adaptive sweep puts at most so many sizes under load, and without objectives so many.
MOST, MOST_WITHOUT_SLO = 6, 4
#: Sizes that differ by less are not worth a load each.
_APART = 1.25
#: Where nothing bears the load, the next size is so many times as large: from 128 MB, five steps
#: come to 1,342 MB.
_STEP_UP = 1.6
#: A larger size that misses by no less than this share of the last one's miss ends the climb.
_HELPS = 0.95


def next_under_load(
    question: Question, answer: Answer, loads: Sequence[SizeUnderLoad], failed: Collection[int]
) -> int | None:
    """The size (MB) to load next, or ``None`` when enough is known.

    ``answer`` is the one of :func:`tuner.decide.under_load.chosen_under_load` for ``loads``,
    which are in the order in which they were made.
    """
    tried = {load.memory_mb for load in loads}
    seen, pick = answer.observations, answer.recommendation
    if seen is None or pick is None:
        return None
    if question.grid_samples is not None:
        sizes = grid_sizes(question.wish, question.recorded_mb)
        left = [s for s in sizes if s > seen.infeasible_mb() and s not in {*tried, *failed}]
        return min(left, default=None)
    ladder = sorted({*_ladder(question, answer), *tried} - set(failed))
    wanted = _wanted(question, loads, ladder, pick.memory_mb)
    most = MOST if judged_by_load(question.goal) else MOST_WITHOUT_SLO
    left = [size for size in wanted if size is not None and size not in tried]
    return left[0] if left and len(tried) < most else None


def _wanted(
    question: Question, loads: Sequence[SizeUnderLoad], ladder: Sequence[int], pick_mb: int
) -> list[int | None]:
    """Sizes in the order in which they are of interest, tried ones among them."""
    if not loads:
        return [pick_mb]
    if judged_by_load(question.goal) and not any(load.met for load in loads):
        return [_step_up(ladder, loads)] if _helps(loads) else []
    current = question.goal.current_mb
    beside = [_below(ladder, pick_mb), _above(ladder, pick_mb)]
    return [pick_mb, *beside, current if current in ladder else None]


def _step_up(ladder: Sequence[int], loads: Sequence[SizeUnderLoad]) -> int | None:
    """A clearly larger size than any so far; the largest there is, at the end or as the last."""
    largest = max(load.memory_mb for load in loads)
    above = [each for each in ladder if each >= largest * _STEP_UP]
    return above[0] if above and len(loads) < MOST - 1 else max(ladder, default=None)


def _helps(loads: Sequence[SizeUnderLoad]) -> bool:
    """Whether the last step up came nearer to the objectives."""
    misses = [load.miss for load in sorted(loads, key=lambda load: load.memory_mb)]
    return len(misses) < 2 or misses[-1] < _HELPS * misses[-2]


def _ladder(question: Question, answer: Answer) -> list[int]:
    """Sizes worth a load, ascending: those measured or usual, the pick and the current one."""
    offered = candidates(question.wish, question.recorded_mb)
    assert answer.observations is not None and answer.recommendation is not None
    if question.wish.sizes_mb:
        sizes = {int(size) for size in offered}
    else:
        sizes = {int(size) for size in answer.observations.sizes_mb} | set(USUAL_MB)
        sizes |= {answer.recommendation.memory_mb, question.goal.current_mb or 0}
    least = max(int(offered[0]), answer.observations.infeasible_mb() + 1)
    return sorted(size for size in sizes if least <= size <= int(offered[-1]))


def _above(ladder: Sequence[int], size: int) -> int | None:
    return min((each for each in ladder if each >= size * _APART), default=None)


def _below(ladder: Sequence[int], size: int) -> int | None:
    return max((each for each in ladder if each * _APART <= size), default=None)
