"""A fitted curve: many equally likely curves, so that every question has an answer with a spread.

Each draw is a family, a point of its parameters, a bend away from it and a noise; evaluating a
draw at any size (MB) gives milliseconds. Nothing here fits; see :mod:`tuner.model.fit`.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuner.model.discrepancy import Basis
from tuner.model.family import Family, Scale
from tuner.model.noise import NoiseDraws

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Strand:
    """The draws of one family: which rows they are, and their points of the cube."""

    family: Family
    rows: IntArray
    points: FloatArray


@dataclass(frozen=True)
class Evaluation:
    """Draws at some sizes, all (draws, sizes): log location, mean (ms), log-sd of one call."""

    log_ms: FloatArray
    mean_ms: FloatArray
    sd: FloatArray


@dataclass(frozen=True)
class Curve:
    """What the data say about duration over memory. ``family`` is the likeliest one.

    ``parameters`` are its own, with units in their names; ``fit_error`` is the relative root mean
    square distance between the curve and the measured sizes; ``alternatives`` are all families
    with their weights, heaviest first.
    """

    family: str
    parameters: Mapping[str, float]
    fit_error: float
    alternatives: tuple[tuple[str, float], ...]
    strands: tuple[Strand, ...]
    bends: FloatArray  # (draws, features)
    basis: Basis
    scale: Scale
    noise: NoiseDraws

    @property
    def draws(self) -> int:
        """How many equally likely curves there are."""
        return int(self.bends.shape[0])

    def evaluate(self, memory_mb: IntArray, drift: float = 1.0) -> Evaluation:
        """All draws at ``memory_mb`` (n,), with the CPU demand multiplied by ``drift``."""
        sizes = np.asarray(memory_mb, dtype=np.int64)
        mean = np.empty((self.draws, sizes.size))
        phase = np.empty_like(mean)
        for strand in self.strands:
            moments = strand.family.moments(strand.points, self.scale, sizes, drift)
            mean[strand.rows], phase[strand.rows] = moments.mean_ms, moments.phase_variance
        log_phase = np.log1p(phase)
        location = np.log(mean) - log_phase / 2 + self.bends @ self.basis.features(sizes).T
        mean = np.exp(location + log_phase / 2) * self.noise.tail[:, None]
        return Evaluation(location, mean, np.sqrt(self.noise.sd[:, None] ** 2 + log_phase))

    def mean_ms(self, memory_mb: IntArray, drift: float = 1.0) -> FloatArray:
        """Mean duration (draws, sizes) in ms."""
        return self.evaluate(memory_mb, drift).mean_ms

    def quantile_ms(self, memory_mb: IntArray, q: float, drift: float = 1.0) -> FloatArray:
        """The ``q`` quantile of a single duration, (draws, sizes) in ms."""
        at = self.evaluate(memory_mb, drift)
        return np.asarray(np.exp(at.log_ms + at.sd * self.noise.quantile(q)[:, None]))
