"""Ten sweeps of one function name sizes of the same cost, and their intervals agree.

TUNER_BENCH_DEMOS=cpu TUNER_BENCH_SWEEPS=10 pytest -m bench -s tests/bench/test_ten_sweeps.py

On the local Lambda, each demo (all four, or those named) is swept so often with the defaults; what
its sizes cost is taken from a grid of nine sizes before and one after, 60 calls each, between which
the cost follows a power of the memory. Five minutes for each demo, on a machine that does nothing
else: what others did on it is printed, and where they did much, costs are held against nothing.
"""

import math
import os
import time
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tuner
from tuner.targets.machine import Neighbours

SWEEPS = int(os.environ.get("TUNER_BENCH_SWEEPS", "10"))
DEMOS = os.environ.get("TUNER_BENCH_DEMOS", "mixed,cpu,io,memory").split(",")
GRID = "128,192,256,384,512,768,1024,1280,1536"
#: Cores that others may use on a machine that is called quiet.
QUIET = 0.25


def grid(target: str, store: str) -> dict[int, float]:
    """Cost per million calls of each size that works: 128 MB are too few for one demo."""
    found = tuner.sweep(
        target, memory=GRID, method="grid", samples=60, cold=0, store=store, output=None
    ).to_dict()
    costs = {row["memory_mb"]: row["cost_usd_per_million"]["mean"] for row in found["sizes"]}
    return {size: cost for size, cost in costs.items() if cost is not None}


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


def swept(target: str, seed: int, store: str) -> dict[str, Any]:
    """One sweep with the defaults, and a line about it."""
    began = time.monotonic()
    document = tuner.sweep(target, seed=seed, store=store, output=None).to_dict()
    pick = document["recommendation"]
    cost = pick["cost_usd_per_million"]
    print(
        f"  {pick['memory_mb']:>5} MB by {pick['verified_calls']} calls, ${cost['mean']:.3f} "
        f"({cost['low']:.3f} to {cost['high']:.3f}), {pick['confidence']:.0%} sure, "
        f"{document['spend']['invocations']} calls, {time.monotonic() - began:.0f} s, "
        f"load {os.getloadavg()[0]:.1f}"
        + "".join(f", {w['code']}" for w in document["warnings"] if w["code"] != "few-samples"),
        flush=True,
    )
    return document


@pytest.mark.bench
@pytest.mark.timeout(0)
@pytest.mark.parametrize("demo", DEMOS)
def test_ten_sweeps_agree(demo: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store, target = f"sqlite:///{tmp_path}/runs.db", f"demo:{demo}"
    neighbours = Neighbours()
    print(f"\n{target}, load {os.getloadavg()[0]:.1f}:")
    before = grid(target, store)
    documents = [swept(target, seed, store) for seed in range(SWEEPS)]
    picks = [document["recommendation"]["memory_mb"] for document in documents]
    after = grid(target, store)
    assert before.keys() == after.keys()
    truth = {size: (before[size] + after[size]) / 2 for size in before}
    best = min(truth.values())
    above = [between(truth, pick) / best - 1 for pick in picks]
    moved = [after[size] / before[size] - 1 for size in before]
    pairs = list(combinations([d["recommendation"]["cost_usd_per_million"] for d in documents], 2))
    overlap = sum(a["low"] <= b["high"] and b["low"] <= a["high"] for a, b in pairs)
    few = sum(document["recommendation"]["verified_calls"] < 10 for document in documents)
    beaten = sum(dominated(d, pick) for d, pick in zip(documents, picks, strict=True))
    print("  true costs: " + ", ".join(f"{size} ${cost:.3f}" for size, cost in truth.items()))
    print(
        f"{target}: picks {sorted(picks)} MB; above the best: worst {max(above):+.1%}, median "
        f"{np.median(above):+.1%} (grid after against before: {min(moved):+.0%} to "
        f"{max(moved):+.0%}); {overlap} of {len(pairs)} pairs of intervals overlap; "
        f"{few} picks with fewer than ten calls, {beaten} beaten in their own table; others used "
        f"{neighbours.cores():.2f} cores, load {os.getloadavg()[0]:.1f}"
    )
    assert few == beaten == 0
    assert overlap >= 0.85 * len(pairs)
    assert max(above) <= 0.03 or neighbours.cores() > QUIET
