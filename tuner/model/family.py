"""What a curve family is: a mean over memory sizes with a few parameters of physical meaning.

Parameters live in the unit cube, where every family's prior is uniform; a family turns a point of
the cube into milliseconds. What all families share about scale comes from :class:`Scale`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tuner.model.cfs import VCPU_MB

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Scale:
    """What bounds the parameters: the fastest and slowest typical duration seen, and where."""

    fastest_ms: float
    slowest_ms: float
    smallest_mb: float


@dataclass(frozen=True)
class Moments:
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


class Family(Protocol):
    """One shape of curve, stateless. A new one: a file, a place in ``families.ALL``, a test."""

    @property
    def name(self) -> str:
        """As shown to users and in JSON."""
        ...

    @property
    def prior(self) -> float:
        """Weight before any data; only ratios matter."""
        ...

    @property
    def dimensions(self) -> int:
        """How many parameters."""
        ...

    @property
    def discrepancies(self) -> Mapping[float, float]:
        """Log-sd by which the truth may bend away smoothly from this family -> its weight."""
        ...

    def moments(self, cube: FloatArray, scale: Scale, memory_mb: IntArray, drift: float) -> Moments:
        """Curves of k points (k, dimensions) at n sizes; ``drift`` multiplies the CPU demand."""
        ...

    def parameters(self, point: FloatArray, scale: Scale) -> dict[str, float]:
        """A point (dimensions,) in words and physical units."""
        ...


def share(memory_mb: IntArray) -> FloatArray:
    """vCPUs that come with a size, not bounded by one."""
    return np.asarray(memory_mb, dtype=np.float64) / VCPU_MB


def cpu_ms(coordinate: FloatArray, scale: Scale) -> FloatArray:
    """CPU demand: log-uniform from almost nothing up to a little over the fastest duration.

    One busy thread never ends before it has had its CPU, so the fastest duration bounds it.
    """
    low, high = np.log(2e-3 * scale.fastest_ms), np.log(1.5 * scale.fastest_ms)
    return np.asarray(np.exp(low + coordinate * (high - low)), dtype=np.float64)


def wait_ms(coordinate: FloatArray, scale: Scale) -> FloatArray:
    """Wait: from nothing to a little over the fastest duration, dense near nothing."""
    return np.asarray(1.1 * scale.fastest_ms * coordinate**2, dtype=np.float64)
