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
_SKETCH_SIZES = 40  # and as many sizes, when more were measured, as show where it runs


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
    few = np.unique(np.linspace(0, first.memory_mb.size - 1, _SKETCH_SIZES).astype(np.int64))
    sketch = _weigh(family, first.at(few), data.scale, features[few], rng, None)
    points, bends = sketch.draw(_SKETCH, rng)
    location, phase = family.moments(points, data.scale, first.memory_mb, 1.0).log_location()
    centre = np.mean(location + bends @ features.T, axis=0)
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

    chances = np.zeros((0, amplitudes.size))  # of the points asked last

    def log_likelihood(points: FloatArray) -> FloatArray:
        nonlocal chances
        residual = _residual(family, points, locations, scale)
        chances = bends.log_likelihood(residual, amplitudes) + log_prior
        return np.asarray(np.logaddexp.reduce(chances, axis=1), dtype=np.float64)

    stages = _FIRST_STAGES if start is None else _SECOND_STAGES
    population = explore(log_likelihood, family.dimensions, rng, stages, start)
    return Weighed(family, locations, scale, bends, population, amplitudes, chances)


def _residual(family: Family, points: FloatArray, locations: Locations, scale: Scale) -> FloatArray:
    """Log location of each size minus the family's, (points, sizes)."""
    location, _ = family.moments(points, scale, locations.memory_mb, 1.0).log_location()
    return np.asarray(locations.log_ms - location, dtype=np.float64)
