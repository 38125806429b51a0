"""Runs the methods over the subjects and sums up regret, spending, promises and confidence."""

import os
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from decisions import functions, methods
from decisions.functions import Subject

SEEDS = int(os.environ.get("TUNER_BENCH_SEEDS", "20"))
COUNT = int(os.environ.get("TUNER_BENCH_FUNCTIONS", "210"))
LEVELS = 30


@dataclass
class Trial:
    """One method on one subject with one seed."""

    method: str
    subject: str
    kind: str
    pick_mb: int
    best_mb: int
    regret: float
    invocations: int
    spent: float
    seconds: float
    confidence: float | None = None
    within_5: bool = False
    covered: bool | None = None
    drift_miss: list[float] = field(default_factory=list)
    #: The same of a promise that is the mean of as many calls, all made at the pick.
    mean_miss: list[float] = field(default_factory=list)


def trial(subject: Subject, method: str, found: methods.Picked) -> Trial:
    """Compare a pick with the truth."""
    truth = subject.truth(1.0)
    index = int(np.searchsorted(subject.sizes, found.memory_mb))
    best = int(truth.cost.argmin())
    regret = float(truth.cost[index] / truth.cost[best] - 1)
    record = Trial(
        method,
        subject.name,
        subject.kind,
        found.memory_mb,
        int(subject.sizes[best]),
        regret,
        found.invocations,
        found.spent_usd,
        found.seconds,
        within_5=regret <= 0.05,
    )
    pick = found.recommendation
    if pick is not None and pick.cost_usd_per_million is not None:
        promise = pick.cost_usd_per_million
        record.confidence = pick.confidence
        record.covered = promise.low <= truth.cost[index] <= promise.high
        if subject.kind != "recorded":
            drifted = [subject.truth(d).cost[index] for d in (0.95, 1.05)]
            record.drift_miss = [float(cost / promise.mean - 1) for cost in drifted]
            luck = np.random.default_rng(found.invocations + found.memory_mb)
            durations = np.ceil(subject.draw(found.memory_mb, found.invocations, luck))
            plain = functions.usd_per_million(durations.mean(), np.int64(found.memory_mb))
            record.mean_miss = [float(cost / plain - 1) for cost in drifted]
    return record


def decide(subject: Subject, seeds: int) -> list[Trial]:
    """All methods on one subject."""
    trials = []
    first = int(os.environ.get("TUNER_BENCH_FIRST_SEED", "0"))
    for seed in range(first, first + seeds):
        trials.append(trial(subject, "ours", methods.ours(subject, seed)))
        usual = methods.table(subject, seed, methods.usual_sizes(subject))
        trials.append(trial(subject, "six sizes", usual))
        fine = methods.table(subject, seed, methods.every_64_mb(subject))
        trials.append(trial(subject, "every 64 MB", fine))
    return trials


@dataclass
class SloTrial:
    """One method under one objective: whether the pick breaks it in truth, and its regret."""

    method: str
    subject: str
    broken: bool
    regret: float | None


def objectives(subject: Subject, seeds: int, index: int) -> list[SloTrial]:
    """p95 objectives at levels between the fastest and the slowest size; one seed each.

    Fewer seeds are fewer levels at the same spacing, which begin elsewhere in each subject, so
    that over all subjects no level is asked more often than another.
    """
    truth = subject.truth(1.0)
    low, high = truth.p95_ms.min(), truth.p95_ms.max()
    levels = np.geomspace(low, high, LEVELS + 2)[1:-1] if high > 1.02 * low else []
    trials = []
    for i, level in enumerate(levels):
        if (i + index) % max(1, round(20 / max(seeds, 1))):
            continue
        ours = methods.ours(subject, i, f"p95<{level:.4f}ms")
        usual = methods.table(subject, i, methods.usual_sizes(subject), level)
        for method, found in (("ours", ours), ("six sizes", usual)):
            at = int(np.searchsorted(subject.sizes, found.memory_mb))
            broken = bool(truth.p95_ms[at] > level)
            best = truth.cost[truth.p95_ms <= level].min()
            regret = None if broken else float(truth.cost[at] / best - 1)
            trials.append(SloTrial(method, subject.name, broken, regret))
    return trials


def _on_index(task: tuple[str, int, int]) -> list[Any]:
    what, index, seeds = task
    subject = _subjects()[index]
    return decide(subject, seeds) if what == "decide" else objectives(subject, seeds, index)


_CACHE: list[Subject] = []


def _subjects() -> list[Subject]:
    if not _CACHE:
        folder = functions.Path(os.environ.get("TUNER_SHARED_DATA", ""))
        recorded = functions.all_recorded(folder) if (folder / "factors.csv").exists() else []
        _CACHE.extend(recorded + functions.all_local() + functions.all_generated(COUNT))
    return _CACHE


def run(what: str, seeds: int, only: Iterable[int] | None = None) -> list[Any]:
    """All subjects, on two processes; each has its own seeds, so the order does not matter."""
    indices = range(len(_subjects())) if only is None else only
    tasks = [(what, i, seeds) for i in indices]
    with ProcessPoolExecutor(int(os.environ.get("TUNER_BENCH_PROCESSES", "2"))) as pool:
        return [t for found in pool.map(_on_index, tasks) for t in found]
