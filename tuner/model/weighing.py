"""One family against the data: which parameters explain them, and how well it does as a whole.

A family is weighed twice. First with the scatter that the sizes show by themselves; then with
each invocation weighed by its distance from the family's own first curve and with the scatter that
this family explains, which tells an outlier from a step and a noisy size from a bad fit.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tuner.model.discrepancy import Basis, Bends
from tuner.model.family import Family, Scale
from tuner.model.importance import Population, explore, systematic
from tuner.model.noise import Locations, around

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_FIRST_STAGES, _SECOND_STAGES = 4, 2
_SKETCH = 48  # draws that make a first curve


@dataclass(frozen=True)
class Data:
    """Invocations as arrays of one length, and what all families share."""

    memory_mb: IntArray
    log_ms: FloatArray
    basis: Basis
    scale: Scale
    own_sd: float


@dataclass(frozen=True)
class Weighed:
    """A family after the data. ``by_amplitude`` is the log likelihood (points, amplitudes)."""

    family: Family
    locations: Locations
    scale: Scale
    bends: Bends
    population: Population
    amplitudes: FloatArray
    by_amplitude: FloatArray

    @property
    def log_evidence(self) -> float:
        """Of everything that was observed, with the family's prior."""
        likelihood = self.population.log_evidence + self.locations.log_scatter
        return likelihood + float(np.log(self.family.prior))

    def draw(self, count: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Equally likely points of the cube (count, d), each with a bend (count, p)."""
        chosen = systematic(self.population.weights(), count, rng)
        points = self.population.points[chosen]
        chances = self.by_amplitude[chosen]
        chances = np.cumsum(np.exp(chances - chances.max(axis=1, keepdims=True)), axis=1)
        pick = np.sum(rng.random((count, 1)) * chances[:, -1:] > chances, axis=1)
        residual = _residual(self.family, points, self.locations, self.scale)
        return points, self.bends.draw(residual, self.amplitudes[pick], rng)


def weigh(
    family: Family, data: Data, first: Locations, features: FloatArray, rng: np.random.Generator
) -> Weighed:
    """Weigh a family twice; ``first`` are locations by size alone, ``features`` at those sizes."""
    sketch = _weigh(family, first, data.scale, features, rng, None)
    points, bends = sketch.draw(_SKETCH, rng)
    moments = family.moments(points, data.scale, first.memory_mb, 1.0)
    phase = np.log1p(moments.phase_variance)
    centre = np.mean(np.log(moments.mean_ms) - phase / 2 + bends @ features.T, axis=0)
    second = around(data.memory_mb, data.log_ms, centre, phase.mean(axis=0), own_sd=data.own_sd)
    return _weigh(family, second, data.scale, features, rng, sketch.population)


def _weigh(
    family: Family,
    locations: Locations,
    scale: Scale,
    features: FloatArray,
    rng: np.random.Generator,
    start: Population | None,
) -> Weighed:
    amplitudes = np.array(list(family.discrepancies), dtype=np.float64)
    log_prior = np.log(np.array(list(family.discrepancies.values())))
    bends = Bends(features, locations.variance)

    def by_amplitude(points: FloatArray) -> FloatArray:
        residual = _residual(family, points, locations, scale)
        likelihood = bends.log_likelihood(residual, amplitudes)
        return np.asarray(likelihood + log_prior, dtype=np.float64)

    population = explore(
        lambda points: np.logaddexp.reduce(by_amplitude(points), axis=1),
        family.dimensions,
        rng,
        _FIRST_STAGES if start is None else _SECOND_STAGES,
        start,
    )
    chances = by_amplitude(population.points)
    return Weighed(family, locations, scale, bends, population, amplitudes, chances)


def _residual(family: Family, points: FloatArray, locations: Locations, scale: Scale) -> FloatArray:
    """Log location of each size minus the family's, (points, sizes)."""
    moments = family.moments(points, scale, locations.memory_mb, 1.0)
    location = np.log(moments.mean_ms) - np.log1p(moments.phase_variance) / 2
    return np.asarray(locations.log_ms - location, dtype=np.float64)
