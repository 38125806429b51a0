"""What a wish for sizes stands for."""

import numpy as np
import pytest

from tuner.planning.sizes import candidates, grid_sizes, start_sizes
from tuner.units import MemoryRange

RANGE = MemoryRange(range_mb=(128, 1536))


def test_a_range_is_the_usual_sizes_for_a_grid() -> None:
    assert grid_sizes(RANGE) == (128, 256, 512, 1024, 1536)
    assert grid_sizes(MemoryRange(range_mb=(200, 600))) == (200, 256, 512, 600)


def test_a_list_is_what_it_is() -> None:
    wish = MemoryRange(sizes_mb=(300, 777))
    assert grid_sizes(wish) == (300, 777)
    assert candidates(wish).tolist() == [300, 777]


def test_a_recording_offers_only_the_sizes_it_has() -> None:
    recorded = (128, 448, 2048)
    assert grid_sizes(RANGE, recorded) == (128, 448)
    assert candidates(RANGE, recorded).tolist() == [128, 448]
    assert candidates(MemoryRange(recorded=True), recorded).tolist() == [128, 448, 2048]


def test_a_recording_outside_the_range_is_used_whole() -> None:
    assert candidates(RANGE, (1792, 2048)).tolist() == [1792, 2048]


@pytest.mark.parametrize("high", [129, 200, 1536, 10_240])
def test_candidates_of_a_range_leave_no_wide_gap(high: int) -> None:
    sizes = candidates(MemoryRange(range_mb=(128, high)))
    assert (sizes[0], sizes[-1]) == (128, high)
    assert np.all(np.diff(sizes) >= 1)
    assert np.all(np.diff(sizes) <= np.maximum(1, 0.011 * sizes[:-1] + 1))


def test_the_start_spans_the_range_with_few_sizes() -> None:
    sizes = start_sizes(candidates(RANGE), 4)
    assert sizes.tolist() == [128, 294, 672, 1536] or len(sizes) == 4
    assert (sizes[0], sizes[-1]) == (128, 1536)
    assert start_sizes(np.array([512]), 4).tolist() == [512]
