"""The level that calls of neighbouring rounds have in common, on both sides, taken out.

Where a machine or a network has moods that last longer than a round, most of the scatter of either
side is theirs, and a median of all calls is blurred by it. Taken round by round, what remains is
the scatter of calls at one time. The ratio of both sides stays what it was: the level is the mean
of both sides' own, so a change of one side shifts all that it is taken from alike. Limit: the
tail of a distribution is often its moods, so this is for the middle of one only.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

#: Rounds on each side of a round that share its level: seven or nine calls a side make a steady
#: median, and moods of a busy machine last about as long (``tests/bench/verdicts``).
REACH = 4


def levelled(
    values: tuple[FloatArray, FloatArray], rounds: tuple[IntArray, IntArray]
) -> tuple[FloatArray, FloatArray]:
    """Both sides' values over their common level of the time, in the same unit as before.

    Unchanged where fewer than ``2 * REACH + 1`` rounds have calls of both sides.
    """
    logs = (np.log(values[0]), np.log(values[1]))
    common = np.intersect1d(*rounds)
    if common.size < 2 * REACH + 1:
        return values
    both = [_smooth(_by_round(logs[i], rounds[i], common)) for i in (0, 1)]
    level = (both[0] + both[1]) / 2.0
    level -= level.mean()
    moved = [np.exp(logs[i] - np.interp(rounds[i], common, level)) for i in (0, 1)]
    return moved[0], moved[1]


def _by_round(logs: FloatArray, rounds: IntArray, common: IntArray) -> FloatArray:
    """Mean of the calls of each common round."""
    place = np.searchsorted(common, rounds)
    inside = (place < common.size) & (common[np.minimum(place, common.size - 1)] == rounds)
    sums = np.bincount(place[inside], weights=logs[inside], minlength=common.size)
    return np.asarray(sums / np.bincount(place[inside], minlength=common.size))


def _smooth(series: FloatArray) -> FloatArray:
    """Running median over ``2 * REACH + 1``, mirrored at the ends."""
    padded = np.pad(series, REACH, mode="reflect")
    return np.asarray(np.median(sliding_window_view(padded, 2 * REACH + 1), axis=1))
