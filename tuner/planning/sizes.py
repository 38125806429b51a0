"""Memory sizes that a range like ``128:1536`` stands for."""

import numpy as np

from tuner.model import IntArray
from tuner.units import MemoryRange

#: The sizes that everybody measures (aws-lambda-power-tuning's default, and its usual additions).
USUAL_MB = (128, 256, 512, 1024, 1536, 2048, 3008, 4096, 6144, 8192, 10_240)
#: Neighbouring candidates of a range differ by this much: less than any price difference that
#: matters, and at the small end it is the 1 MB step itself.
_STEP = 0.01


def grid_sizes(wish: MemoryRange, recorded_mb: tuple[int, ...] = ()) -> tuple[int, ...]:
    """Sizes (MB, ascending) that a grid measures: a list as it is, a range's ends and usual sizes.

    A recording offers only the sizes that it has.
    """
    if wish.sizes_mb:
        return wish.sizes_mb
    if recorded_mb:
        return _recorded(wish, recorded_mb)
    low, high = wish.range_mb or (USUAL_MB[0], USUAL_MB[4])
    return tuple(sorted({low, high, *(s for s in USUAL_MB if low < s < high)}))


def candidates(wish: MemoryRange, recorded_mb: tuple[int, ...] = ()) -> IntArray:
    """Sizes (MB, ascending) that an adaptive sweep may choose: of a range, one in every 1 %."""
    if wish.sizes_mb:
        return np.array(wish.sizes_mb, dtype=np.int64)
    if recorded_mb:
        return np.array(_recorded(wish, recorded_mb), dtype=np.int64)
    low, high = wish.range_mb or (USUAL_MB[0], USUAL_MB[4])
    count = max(2, int(np.ceil(np.log(high / low) / _STEP)) + 1)
    return np.unique(np.round(np.geomspace(low, high, count)).astype(np.int64))


def _recorded(wish: MemoryRange, recorded_mb: tuple[int, ...]) -> tuple[int, ...]:
    """All recorded sizes, or those inside the range when any are."""
    low, high = wish.range_mb or (0, max(recorded_mb))
    inside = tuple(sorted(s for s in recorded_mb if low <= s <= high))
    return inside or tuple(sorted(recorded_mb))


def start_sizes(sizes_mb: IntArray, count: int) -> IntArray:
    """About evenly spaced (in log memory) members of ``sizes_mb``, with both ends."""
    wanted = np.geomspace(sizes_mb[0], sizes_mb[-1], max(2, count))
    nearest = np.abs(np.log(sizes_mb[:, None] / wanted[None, :])).argmin(axis=0)
    return np.unique(sizes_mb[nearest])
