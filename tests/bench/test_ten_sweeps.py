"""Ten sweeps of one function name sizes of the same cost, and their intervals agree.

TUNER_BENCH_SWEEPS=10 pytest -m bench -s tests/bench/test_ten_sweeps.py

On the local Lambda, each demo is swept so often with the defaults; what its sizes cost is taken
from a grid of nine sizes before and one after, 60 calls each, between which the cost follows a
power of the memory. Half an hour for all four demos, on a machine that does nothing else.
"""

import math
import os
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tuner

SWEEPS = int(os.environ.get("TUNER_BENCH_SWEEPS", "10"))
DEMOS = os.environ.get("TUNER_BENCH_DEMOS", "mixed,cpu,io,memory").split(",")
GRID = "128,192,256,384,512,768,1024,1280,1536"


def grid(target: str, store: str) -> dict[int, float]:
    """Cost per million calls of each size."""
    found = tuner.sweep(
        target, memory=GRID, method="grid", samples=60, cold=0, store=store, output=None
    ).to_dict()
    return {row["memory_mb"]: row["cost_usd_per_million"]["mean"] for row in found["sizes"]}


def between(costs: dict[int, float], memory_mb: int) -> float:
    sizes = sorted(costs)
    logs = np.log([costs[size] for size in sizes])
    return math.exp(float(np.interp(math.log(memory_mb), np.log(sizes), logs)))


def dominated(document: dict[str, Any], pick: int) -> bool:
    """Tell if a size of the same table, called ten times, is cheaper and faster."""
    rows = {row["memory_mb"]: row for row in document["sizes"]}
    own = rows[pick]
    return any(
        row["warm"]["n"] >= 10
        and row["cost_usd_per_million"]["mean"] < own["cost_usd_per_million"]["mean"]
        and row["warm"]["duration_ms"]["mean"] < own["warm"]["duration_ms"]["mean"]
        for row in rows.values()
    )


@pytest.mark.bench
@pytest.mark.timeout(0)
@pytest.mark.parametrize("demo", DEMOS)
def test_ten_sweeps_agree(demo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store, target = f"sqlite:///{tmp_path}/runs.db", f"demo:{demo}"
    before = grid(target, store)
    documents = [
        tuner.sweep(target, seed=seed, store=store, output=None).to_dict() for seed in range(SWEEPS)
    ]
    after = grid(target, store)
    truth = {size: (before[size] + after[size]) / 2 for size in before}
    moved = [after[size] / before[size] - 1 for size in before]
    best = min(truth.values())
    picks = [document["recommendation"]["memory_mb"] for document in documents]
    above = [between(truth, pick) / best - 1 for pick in picks]
    bands = [document["recommendation"]["cost_usd_per_million"] for document in documents]
    pairs = list(combinations(bands, 2))
    overlap = sum(a["low"] <= b["high"] and b["low"] <= a["high"] for a, b in pairs)
    few = sum(document["recommendation"]["verified_calls"] < 10 for document in documents)
    beaten = sum(dominated(d, pick) for d, pick in zip(documents, picks, strict=True))
    print(
        f"\n{target}: picks {sorted(picks)} MB; above the best: worst {max(above):+.1%}, median "
        f"{np.median(above):+.1%} (grid after against before: {min(moved):+.0%} to "
        f"{max(moved):+.0%}); {overlap} of {len(pairs)} pairs of intervals overlap; "
        f"{few} picks with fewer than ten calls, {beaten} beaten in their own table"
    )
    assert few == beaten == 0
    assert overlap >= 0.85 * len(pairs)
