"""INIT runs at full speed whatever the size: its duration at 128 MB against that at 1024 MB.

Interleaved, so that what else the machine does meets both sizes alike.
"""

import statistics
from pathlib import Path

import pytest

import tuner.targets

pytestmark = pytest.mark.bench

ROUNDS = 5
DEMO = Path(tuner.targets.__file__).parent / "demos" / "slow_init"


def test_init_at_128_mb_is_as_fast_as_at_1024_mb(probe_sizes, show):
    init_ms = {128: [], 1024: []}
    for _ in range(ROUNDS):
        for size, _, report in probe_sizes([128, 1024], {}, folder=DEMO, module="app"):
            init_ms[size].append(report.init_ms)
    small, large = (statistics.median(init_ms[size]) for size in (128, 1024))
    ratio = small / large
    heads = ("INIT at 128 MB", "at 1024 MB", "ratio", "target")
    row = (f"{small:.0f} ms", f"{large:.0f} ms", f"{ratio:.3f}", "0.9 to 1.15")
    show(f"INIT of demo:slow-init, median of {ROUNDS}", heads, [row])
    assert 0.9 <= ratio <= 1.15
