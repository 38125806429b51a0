"""Ways to pick a size: ours, and the grids that people run today."""

import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decisions.functions import USUAL, Subject, usd_per_million
from support.factories import a_sample
from tuner.billing.prices import prices
from tuner.decide.decide import Decider, Question
from tuner.decide.goal import Goal, parse_slo
from tuner.decide.result import Recommendation
from tuner.model.fit import fit
from tuner.model.observations import from_samples
from tuner.planning.ask import Ask, Done
from tuner.planning.budget import Budget
from tuner.records import Sample
from tuner.units import MemoryRange

FloatArray = NDArray[np.float64]

__all__ = ["RATES", "Picked", "every_64_mb", "fit", "from_samples", "ours", "table", "usual_sizes"]


RATES = prices("us-east-1", "x86_64")


@dataclass(frozen=True)
class Picked:
    """What a method picked, and what finding it took."""

    memory_mb: int
    invocations: int
    spent_usd: float
    seconds: float
    recommendation: Recommendation | None = None


def price(durations: FloatArray, memory_mb: int) -> float:
    """USD of these invocations."""
    return float(np.sum(usd_per_million(np.ceil(durations), np.array(memory_mb))) / 1e6)


def sample(number: int, memory_mb: int, duration_ms: float) -> Sample:
    """A warm invocation that took this long."""
    return a_sample(memory_mb, call=number, took_s=duration_ms / 1000, ran_ms=duration_ms)


def _luck(subject: Subject, seed: int, method: int) -> np.random.Generator:
    """Luck of its own for every subject, so that no stroke of it shows up in all of them."""
    return np.random.default_rng((seed, method, zlib.crc32(subject.name.encode())))


def ours(subject: Subject, seed: int, slo: str | None = None, invocations: int = 40) -> Picked:
    """The adaptive sweep, as the flow drives it."""
    rng = _luck(subject, seed, 1)
    goal = Goal(slos=(parse_slo(slo),) if slo else ())
    sizes = tuple(int(s) for s in subject.sizes)
    wish, recorded = MemoryRange(sizes_mb=sizes), sizes if subject.recorded else ()
    budget = Budget(invocations)
    decider = Decider(Question(goal, RATES, wish, recorded, budget=budget, seed=seed))
    samples: list[Sample] = []
    spent, start = 0.0, time.perf_counter()
    settled = False
    while True:
        ask = None if settled else decider.step(samples)
        settled = settled or isinstance(ask, Done)
        counts = ask.counts if isinstance(ask, Ask) else decider.lacking(samples)
        if not counts:
            break
        for setting, n in counts.items():
            size = setting.memory_mb
            durations = np.round(subject.draw(size, n, rng), 2)
            spent += price(durations, size)
            samples += [sample(len(samples) + i, size, float(d)) for i, d in enumerate(durations)]
    pick = decider.answer(samples).recommendation
    assert pick is not None
    return Picked(pick.memory_mb, len(samples), spent, time.perf_counter() - start, pick)


def table(subject: Subject, seed: int, sizes: Sequence[int], slo_ms: float | None = None) -> Picked:
    """A grid: ten invocations per size, the mean without the slowest and fastest 20 %."""
    rng = _luck(subject, seed, 2)
    means, p95, spent, start = [], [], 0.0, time.perf_counter()
    for size in sizes:
        durations = np.sort(subject.draw(size, 10, rng))
        spent += price(durations, size)
        means.append(np.ceil(durations[2:8]).mean())
        p95.append(np.quantile(durations, 0.95))
    cost = usd_per_million(np.array(means), np.array(sizes))
    if slo_ms is not None:
        fits = np.array(p95) <= slo_ms
        cost = np.where(fits, cost, np.inf) if fits.any() else np.array(p95)
    pick = int(sizes[int(np.argmin(cost))])
    return Picked(pick, 10 * len(sizes), spent, time.perf_counter() - start)


def usual_sizes(subject: Subject) -> list[int]:
    """The six that everybody measures, or the recorded ones nearest to them."""
    near = np.abs(subject.sizes[:, None] - np.array(USUAL)).argmin(axis=0)
    return sorted({int(subject.sizes[i]) for i in near})


#: What aws-lambda-power-tuning invokes by default.
POWER_TUNING = (128, 256, 512, 1024, 1536, 3008)


def power_tuning_sizes(subject: Subject) -> list[int]:
    """Its default sizes, or the recorded ones nearest to them."""
    near = np.abs(subject.sizes[:, None] - np.array(POWER_TUNING)).argmin(axis=0)
    return sorted({int(subject.sizes[i]) for i in near})


def every_64_mb(subject: Subject) -> list[int]:
    """A fine grid; of a recording, all that it has."""
    if subject.recorded:
        return [int(s) for s in subject.sizes]
    return list(range(128, int(subject.sizes[-1]) + 1, 64))
