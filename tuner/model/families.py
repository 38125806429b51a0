"""The curve families: mean durations over memory sizes, with a few parameters of physical meaning.

Parameters live in the unit cube, where every prior is uniform; a family turns a point of the cube
into milliseconds. The fit weighs families by evidence and not by order. To add one: a function of
its moments, one of its parameters in physical units, a place in ``ALL``, a test.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from tuner.model import FloatArray, IntArray, cfs


@dataclass(frozen=True)
class Scale:
    """Bounds of the parameters: the fastest and slowest typical duration seen, and where."""

    fastest_ms: float
    slowest_ms: float
    smallest_mb: float


@dataclass(frozen=True)
class CurveMoments:
    """Mean duration (ms) and its squared relative phase noise, each (parameters, sizes)."""

    mean_ms: FloatArray
    phase_variance: FloatArray

    def log_location(self) -> tuple[FloatArray, FloatArray]:
        """Log of where a typical call lies, and the log variance of its phase: both (k, n)."""
        location = np.log(self.mean_ms)
        if not self.phase_variance.any():  # most families: spares two logarithms
            return location, self.phase_variance
        log_phase = np.log1p(self.phase_variance)
        return location - log_phase / 2, log_phase


@dataclass(frozen=True, eq=False)
class Family:
    """One shape of curve. Of the priors only ratios matter.

    ``discrepancies`` maps a log-sd by which the truth may bend away smoothly from this family to
    its weight. ``moments`` gives the curves of k points (k, dimensions) at n sizes, with the CPU
    demand multiplied by a drift; ``parameters`` one point (dimensions,) in physical units.
    """

    name: str
    prior: float
    dimensions: int
    discrepancies: Mapping[float, float]
    moments: Callable[[FloatArray, Scale, IntArray, float], CurveMoments]
    parameters: Callable[[FloatArray, Scale], dict[str, float]]


def share(memory_mb: IntArray) -> FloatArray:
    """vCPUs that come with a size, not bounded by one."""
    return np.asarray(memory_mb, dtype=np.float64) / cfs.VCPU_MB


def cpu_ms(coordinate: FloatArray, scale: Scale) -> FloatArray:
    """CPU demand: log-uniform from almost nothing up to a little over the fastest duration.

    One busy thread never ends before it has had its CPU, so the fastest duration bounds it.
    """
    low, high = np.log(2e-3 * scale.fastest_ms), np.log(1.5 * scale.fastest_ms)
    return np.asarray(np.exp(low + coordinate * (high - low)), dtype=np.float64)


def wait_ms(coordinate: FloatArray, scale: Scale) -> FloatArray:
    """Wait: from nothing to a little over the fastest duration, dense near nothing."""
    return np.asarray(1.1 * scale.fastest_ms * coordinate**2, dtype=np.float64)


def _cpu_and_wait(point: FloatArray, scale: Scale) -> dict[str, float]:
    return {
        "cpu_ms": float(cpu_ms(point[0], scale)),
        "wait_ms": float(wait_ms(point[1], scale)),
    }


def _smooth(mean_ms: FloatArray) -> CurveMoments:
    """A mean over which the scheduler's periods make no noise."""
    return CurveMoments(mean_ms, np.zeros_like(mean_ms))


# Staircase: CPU work under bandwidth control, in one or several pieces between waits:
# wait + pieces x T(cpu / pieces), with T the wall time that the scheduler makes of a CPU demand
# (tuner.model.cfs). Every piece after a wait finds its quota refilled, but no amount of pieces can
# use more CPU than the quotas of the whole duration hold. One busy thread.
# Coordinates: cpu, wait, pieces, spread of the demand from call to call, start.

_MOST_PIECES = 64.0


def _staircase(cube: FloatArray, scale: Scale, memory_mb: IntArray, drift: float) -> CurveMoments:
    cpu = cpu_ms(cube[:, 0], scale) * drift
    pieces = _pieces(cube[:, 2])
    spread = np.minimum((cube[:, 3] * len(cfs.SPREADS)).astype(np.int64), 4)
    start = (cube[:, 4] >= 0.5).astype(np.int64)
    wall, variance = cfs.at_sizes(memory_mb).wall_ms(cpu / pieces, start, spread)
    mean = wall * pieces[:, None] + wait_ms(cube[:, 1], scale)[:, None]
    quota = cfs.quota_ms(memory_mb) / cfs.PERIOD_MS
    mean = np.maximum(mean, (cpu[:, None] - cfs.TICK_MS) / quota - cfs.PERIOD_MS)
    return CurveMoments(mean, variance * pieces[:, None] / mean**2)


def _pieces(coordinate: FloatArray) -> FloatArray:
    """A third of the prior is one piece; the rest is log-uniform."""
    return np.asarray(np.exp(np.log(_MOST_PIECES) * np.clip(1.5 * coordinate - 0.5, 0, 1)))


STAIRCASE = Family(
    name="staircase",
    prior=0.4,
    dimensions=5,
    discrepancies={0.005: 0.5, 0.02: 0.4, 0.06: 0.1},  # the mechanism leaves little room
    moments=_staircase,
    parameters=lambda point, scale: {
        **_cpu_and_wait(point, scale),
        "pieces": float(_pieces(point[2])),
    },
)


# Wait + CPU / share: the staircase's limit, for CPU time that is long against periods of 20 ms.
# Nothing is gained beyond one vCPU. Coordinates: cpu, wait.

#: A little more room than the staircase has.
_LIMIT_BENDS = {0.005: 0.4, 0.02: 0.4, 0.06: 0.17, 0.15: 0.03}


def _wait_share(cube: FloatArray, scale: Scale, memory_mb: IntArray, drift: float) -> CurveMoments:
    cpu = cpu_ms(cube[:, 0], scale)[:, None] * drift
    return _smooth(wait_ms(cube[:, 1], scale)[:, None] + cpu / np.minimum(1.0, share(memory_mb)))


WAIT_SHARE = Family("wait and share", 0.2, 2, _LIMIT_BENDS, _wait_share, _cpu_and_wait)


# Memory pressure: wait + cpu (1 + (pressure / memory)^2) / share. Garbage collectors and caches do
# extra work when little memory is free; the square is the mildest power that the share alone cannot
# imitate. Coordinates: cpu, wait, and the size at which the CPU work has doubled.


def _memory_pressure(
    cube: FloatArray, scale: Scale, memory_mb: IntArray, drift: float
) -> CurveMoments:
    size = np.asarray(memory_mb, dtype=np.float64)
    work = 1.0 + (_pressure_mb(cube[:, 2:3], scale) / size) ** 2
    cpu = cpu_ms(cube[:, 0], scale)[:, None] * drift * work
    return _smooth(wait_ms(cube[:, 1], scale)[:, None] + cpu / np.minimum(1.0, share(memory_mb)))


def _pressure_mb(coordinate: FloatArray, scale: Scale) -> FloatArray:
    """Pressure from a tenth of the smallest size to three times it."""
    return np.asarray(scale.smallest_mb * 0.1 * 30.0**coordinate, dtype=np.float64)


MEMORY_PRESSURE = Family(
    name="memory pressure",
    prior=0.1,
    dimensions=3,
    discrepancies=_LIMIT_BENDS,
    moments=_memory_pressure,
    parameters=lambda point, scale: {
        **_cpu_and_wait(point, scale),
        "pressure_mb": float(_pressure_mb(point[2], scale)),
    },
)


# Threads: CPU work of which a part goes on gaining beyond one vCPU (Amdahl's law). Up to one vCPU
# all threads share the quota, so their number makes no difference; beyond it the parallel part runs
# on as many vCPUs as there are threads, at most six (10,240 MB).
# Coordinates: cpu, wait, parallel part, threads.

_MOST_THREADS = 6.0


def _threads(cube: FloatArray, scale: Scale, memory_mb: IntArray, drift: float) -> CurveMoments:
    cpu = _MOST_THREADS ** cube[:, :1] * cpu_ms(cube[:, 0], scale)[:, None] * drift
    parallel = cube[:, 2:3]
    vcpus = np.maximum(1.0, np.minimum(share(memory_mb), _thread_count(cube[:, 3:4])))
    busy = cpu * (1.0 - parallel + parallel / vcpus) / np.minimum(1.0, share(memory_mb))
    return _smooth(wait_ms(cube[:, 1], scale)[:, None] + busy)


def _thread_count(coordinate: FloatArray) -> FloatArray:
    return np.asarray(2.0 + (_MOST_THREADS - 2.0) * coordinate, dtype=np.float64)


THREADS = Family(
    name="threads",
    prior=0.15,
    dimensions=4,
    discrepancies=_LIMIT_BENDS,
    moments=_threads,
    parameters=lambda point, scale: {
        "cpu_ms": float(_MOST_THREADS ** point[0] * cpu_ms(point[0], scale)),  # of all threads
        "wait_ms": float(wait_ms(point[1], scale)),
        "parallel": float(point[2]),
        "threads": float(_thread_count(point[3])),
    },
)


# Power law: floor + excess at the smallest size x memory^-exponent. Steeper than 1/memory where
# little memory costs extra work (garbage collection, caches), flatter where disk or network grow
# with the size. With large discrepancies it is the shape-free fallback: a Gaussian process around
# a curve that the data hardly have to follow. Coordinates: excess, floor, exponent.


def _power_law(cube: FloatArray, scale: Scale, memory_mb: IntArray, drift: float) -> CurveMoments:
    log_size = np.log(np.asarray(memory_mb, dtype=np.float64) / scale.smallest_mb)
    excess = _excess_ms(cube[:, :1], scale) * drift
    falling = np.exp(-_exponent(cube[:, 2:3]) * log_size)
    return _smooth(wait_ms(cube[:, 1:2], scale) + excess * falling)


def _power_law_parameters(point: FloatArray, scale: Scale) -> dict[str, float]:
    return {
        "floor_ms": float(wait_ms(point[1], scale)),
        "excess_ms": float(_excess_ms(point[0], scale)),
        "excess_at_mb": scale.smallest_mb,
        "exponent": float(_exponent(point[2])),
    }


def _excess_ms(coordinate: FloatArray, scale: Scale) -> FloatArray:
    low, high = np.log(5e-3 * scale.slowest_ms), np.log(1.5 * scale.slowest_ms)
    return np.asarray(np.exp(low + coordinate * (high - low)), dtype=np.float64)


def _exponent(coordinate: FloatArray) -> FloatArray:
    return np.asarray(0.2 + 2.3 * coordinate, dtype=np.float64)


_SMALL_BENDS, _LARGE_BENDS = {0.005: 0.5, 0.02: 0.4, 0.06: 0.1}, {0.12: 0.5, 0.3: 0.4, 0.7: 0.1}
POWER_LAW = Family("power law", 0.15, 3, _SMALL_BENDS, _power_law, _power_law_parameters)
SHAPE_FREE = Family("shape-free", 0.1, 3, _LARGE_BENDS, _power_law, _power_law_parameters)

ALL = (STAIRCASE, WAIT_SHARE, MEMORY_PRESSURE, THREADS, POWER_LAW, SHAPE_FREE)


def suited(largest_mb: float) -> tuple[Family, ...]:
    """Families that differ from each other at sizes up to ``largest_mb``.

    Up to one vCPU several threads are no faster than one.
    """
    return tuple(f for f in ALL if largest_mb > cfs.VCPU_MB or f is not THREADS)
