"""INIT runs at full speed whatever the size: its duration at 128 MB against that at 1024 MB.

Interleaved, so that what else the machine does meets both sizes alike.
"""

import statistics
from pathlib import Path

import pytest

import tuner.targets
from support.nodejs import node_runtime

pytestmark = pytest.mark.bench

ROUNDS = 5
NODE_ROUNDS = 20
NODE_MS = 120.0
NODE_HANDLERS = Path(__file__).parents[2] / "handlers" / "nodejs"
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


def test_init_of_an_empty_node_function_at_1769_mb(probe_sizes, show):
    runtime = node_runtime()
    cold = probe_sizes([1769] * NODE_ROUNDS, {}, folder=NODE_HANDLERS, runtime=runtime)
    init_ms = sorted(report.init_ms for _, _, report in cold)
    p50 = statistics.median(init_ms)
    row = (f"{p50:.0f} ms", f"{init_ms[0]:.0f} to {init_ms[-1]:.0f} ms", f"< {NODE_MS:.0f} ms")
    show(f"INIT of {runtime}, {NODE_ROUNDS} cold starts", ("p50", "all", "target"), [row])
    assert p50 < NODE_MS
