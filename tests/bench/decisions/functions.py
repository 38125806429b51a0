"""Functions to decide about: generated from the scheduler's mechanism, or recorded on AWS.

A generated function's noise comes from exact simulation of CFS bandwidth control with a random
phase, from log-normal spread, from three hardware speeds and from outliers; its truth is computed
on a fine grid of all of these, so that no winner's luck is in it.
"""

import csv
import gzip
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from tuner.model.cfs import VCPU_MB, elapsed_ms, quota_ms
from tuner.planning.sizes import candidates
from tuner.units import MemoryRange

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

GB_SECOND_USD, REQUEST_USD = 0.0000166667, 0.0000002
SPEEDS, SPEED_CHANCES = np.array([1.0, 0.9, 1.12]), np.array([0.6, 0.25, 0.15])
OUTLIERS, OUTLIER_FACTORS = 0.02, np.array([1.5, 2.5, 4.0])
USUAL = (128, 256, 512, 768, 1024, 1536)


def usd_per_million(billed_ms: FloatArray, memory_mb: IntArray) -> FloatArray:
    """Request fee and GB-seconds of us-east-1, x86."""
    return 1e6 * (billed_ms / 1000 * memory_mb / 1024 * GB_SECOND_USD + REQUEST_USD)


@dataclass(frozen=True)
class Truth:
    """Per size: mean cost (USD per million), mean and 95th percentile of duration (ms)."""

    cost: FloatArray
    mean_ms: FloatArray
    p95_ms: FloatArray


@dataclass(frozen=True)
class Subject:
    """A function to decide about. ``sizes`` are the ones that may be picked, ascending.

    ``draw(memory_mb, n, rng)`` gives n durations (ms); ``truth(drift)`` what is true of ``sizes``
    when the CPU demand is multiplied; a recording knows no drift.
    """

    name: str
    kind: str
    sizes: IntArray
    draw: Callable[[int, int, np.random.Generator], FloatArray]
    truth: Callable[[float], Truth]
    recorded: bool = False


@dataclass(frozen=True)
class Recipe:
    """What a generated function does; times in ms at full speed."""

    cpu: float
    wait: float = 0.0
    pieces: int = 1
    threads: int = 1
    parallel: float = 0.0
    hunger_mb: float = 0.0  # extra work where memory is short: (hunger / memory)^2
    cv: float = 0.05
    debt: bool = False  # calls follow so closely that the last one's debt is still unpaid
    wiggle: float = 0.0  # what a size's own sandboxes and hardware add (log-sd)

    def wall(self, demand: FloatArray, memory: IntArray, phase: FloatArray) -> FloatArray:
        """Wall time of the CPU part; ``phase`` (..., pieces) in [0, 20)."""
        extra = 1.0 + (self.hunger_mb / memory) ** 2
        vcpus = np.maximum(1.0, np.minimum(self.threads, memory / VCPU_MB))
        piece = demand * extra * (1 - self.parallel + self.parallel / vcpus) / self.pieces
        # which debt goes with which phase is arbitrary; this spreads both evenly
        debts = (phase * 7.31) % 4.0 if self.debt else np.zeros_like(phase)
        pieces = range(self.pieces)
        return sum(_long(piece, memory, phase[..., i], debts[..., i]) for i in pieces)

    def own_factor(self, memory: IntArray) -> FloatArray:
        """What belongs to a size alone."""
        luck = np.sin(np.asarray(memory, dtype=np.float64) * 12.9898 + self.cpu) * 43758.5453
        return np.exp(self.wiggle * 3.46 * (luck % 1.0 - 0.5))


def _long(cpu: FloatArray, memory: IntArray, phase: FloatArray, debt: FloatArray) -> FloatArray:
    """As elapsed_ms, with what exceeds 100 ms taken at its long-run share: it only shifts."""
    simulated = np.minimum(cpu, 100.0)
    share = quota_ms(memory) / 20.0
    return elapsed_ms(simulated, memory, phase, debt) + (cpu - simulated) / share


def generated(name: str, kind: str, recipe: Recipe, sizes: IntArray) -> Subject:
    """A subject that follows ``recipe``."""

    def draw(memory_mb: int, n: int, rng: np.random.Generator) -> FloatArray:
        noise = _lognormal(recipe.cv, rng.standard_normal((2, n)))
        speed = rng.choice(SPEEDS, n, p=SPEED_CHANCES)
        phase = rng.uniform(0, 20, (n, recipe.pieces))
        wall = recipe.wall(recipe.cpu * noise[0] / speed, np.full(n, memory_mb), phase)
        wall = (wall + recipe.wait * noise[1]) * recipe.own_factor(np.array(memory_mb))
        factor = rng.choice(OUTLIER_FACTORS, n)
        return np.where(rng.random(n) < OUTLIERS, wall * factor, wall)

    @lru_cache(maxsize=3)
    def truth(drift: float) -> Truth:
        return _truth(recipe, sizes, drift)

    return Subject(name, kind, sizes, draw, truth, recorded=kind == "odd")


def _lognormal(cv: float, z: FloatArray) -> FloatArray:
    """Mean 1."""
    sigma = np.sqrt(np.log1p(cv**2))
    return np.exp(sigma * z - sigma**2 / 2)


def _truth(recipe: Recipe, sizes: IntArray, drift: float) -> Truth:
    """A lattice over phase, noise and hardware instead of luck; outliers in their true share."""
    points = 20 * 15
    rng = np.random.default_rng(7)
    z = np.array([NormalDist().inv_cdf((i + 0.5) / points) for i in range(points)])
    noise = _lognormal(recipe.cv, np.stack([rng.permutation(z), rng.permutation(z)]))
    phase = np.stack(
        [rng.permutation((np.arange(points) + 0.5) * 20 / points) for _ in range(recipe.pieces)],
        axis=-1,
    )
    ones = np.ones((sizes.size, 1))
    walls = []
    for speed in SPEEDS:
        demand = recipe.cpu * drift * noise[0] / speed * ones
        wall = recipe.wall(demand, sizes[:, None] * ones, phase[None] * np.ones((sizes.size, 1, 1)))
        walls.append((wall + recipe.wait * noise[1]) * recipe.own_factor(sizes[:, None]))
    plain = np.concatenate(walls, axis=1)
    chance = np.repeat(SPEED_CHANCES / points, points)
    factors = np.concatenate([[1.0], OUTLIER_FACTORS])
    weights = np.concatenate([[1 - OUTLIERS], np.full(3, OUTLIERS / 3)])
    every = (plain[:, :, None] * factors).reshape(sizes.size, -1)
    chances = (chance[:, None] * weights).ravel()
    p95 = np.array([_quantile(row, chances, 0.95) for row in every])
    cost = usd_per_million(np.ceil(every) @ chances, sizes)
    return Truth(cost, every @ chances, p95)


def _quantile(values: FloatArray, chances: FloatArray, q: float) -> float:
    order = np.argsort(values)
    return float(values[order][np.searchsorted(np.cumsum(chances[order]), q)])


def all_generated(count: int, seed: int = 11) -> list[Subject]:
    """``count`` functions across the kinds; the parameter ranges are those of the benchmark."""
    rng = np.random.default_rng(seed)
    kinds = ("staircase", "cpu", "mixed", "io", "threads", "hungry", "odd")
    made = []
    for i in range(count):
        kind = kinds[i % len(kinds)]
        high = 3008 if kind == "threads" else 1536
        sizes = candidates(MemoryRange(range_mb=(128, high)))
        sizes = np.unique(np.concatenate([sizes, USUAL, np.arange(128, high + 1, 64)]))
        if kind == "odd":  # as recordings are: a few sizes, each with sandboxes of its own
            sizes = np.unique(np.concatenate([USUAL, np.arange(128, high + 1, 32)]))
        made.append(generated(f"{kind}-{i}", kind, _recipe(kind, rng), sizes))
    return made


def _recipe(kind: str, rng: np.random.Generator) -> Recipe:
    def log(low: float, high: float) -> float:
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    cv = float(0.4 * rng.beta(1.0, 2.0))
    if kind == "staircase":
        return Recipe(log(8, 60), cv=0.15 * cv / 0.4)
    if kind == "cpu":
        return Recipe(log(2, 2000), cv=cv)
    if kind == "io":
        return Recipe(log(2, 10), rng.uniform(30, 500), int(rng.integers(1, 4)), cv=cv)
    if kind == "threads":
        threads = int(rng.integers(2, 5))
        wait = rng.uniform(0, 100)
        return Recipe(log(50, 2000), wait, threads=threads, parallel=rng.uniform(0.5, 1), cv=cv)
    if kind == "odd":
        pieces, wait = int(rng.integers(1, 9)), float(rng.choice([0.0, rng.uniform(0, 200)]))
        wiggle = rng.uniform(0, 0.04)
        return Recipe(log(5, 500), wait, pieces, debt=True, wiggle=wiggle, cv=cv)
    if kind == "hungry":
        return Recipe(log(20, 800), rng.uniform(0, 200), hunger_mb=rng.uniform(80, 250), cv=cv)
    return Recipe(log(2, 2000), rng.uniform(0, 500), int(rng.integers(1, 5)), cv=cv)


def recorded(path: Path, where: dict[str, str]) -> Subject:
    """A recording as it is: a draw is a row of the size, and the rows' means are the truth."""
    rows: dict[int, list[float]] = {}
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", newline="") as file:
        for row in csv.DictReader(file):
            if all(row[key] == value for key, value in where.items()):
                rows.setdefault(int(row["memory_mb"]), []).append(float(row["duration_ms"]))
    pools = {size: np.array(values) for size, values in sorted(rows.items())}
    sizes = np.array(list(pools))
    truth = Truth(
        usd_per_million(np.array([np.ceil(p).mean() for p in pools.values()]), sizes),
        np.array([p.mean() for p in pools.values()]),
        np.array([np.quantile(p, 0.95) for p in pools.values()]),
    )
    return Subject(
        "/".join([path.name.partition(".")[0], *where.values()]),
        "recorded",
        sizes,
        lambda memory_mb, n, rng: rng.choice(pools[memory_mb], n),
        lambda drift: truth,
        recorded=True,
    )


def all_recorded(folder: Path) -> list[Subject]:
    """Every function of the recordings made on AWS."""
    found = [recorded(folder / "factors.csv", {"function": f}) for f in ("node", "python")]
    with (folder / "more-curves.csv").open(newline="") as file:
        names = sorted({row["function"] for row in csv.DictReader(file)})
    found += [recorded(folder / "more-curves.csv", {"function": name}) for name in names]
    with (folder / "s3-writes.csv").open(newline="") as file:
        keys = sorted({(row["function"], row["arch"]) for row in csv.DictReader(file)})
    for function, arch in keys:
        where = {"function": function, "arch": arch}
        found.append(recorded(folder / "s3-writes.csv", where))
    return found


def all_local() -> list[Subject]:
    """The recordings that ``record.py`` made on the local Lambda."""
    folder = Path(__file__).parent / "local"
    return [recorded(path, {}) for path in sorted(folder.glob("*.csv.gz"))]
