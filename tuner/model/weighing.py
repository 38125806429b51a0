"""One family against the data: which parameters explain them, and how well it does as a whole.

Parameters are weighed by adaptive importance sampling: a population in the unit cube is drawn,
weighed, and redrawn around its best members while the likelihood is tempered from flat to full
(population Monte Carlo; Cappe et al. 2004). The mean weight of the last population is the evidence
of the family.

A family is weighed twice. First with the scatter that the sizes show by themselves; then with
each invocation weighed by its distance from the family's own first curve and with the scatter that
this family explains, which tells an outlier from a step and a noisy size from a bad fit.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tuner.model import FloatArray, IntArray
from tuner.model.discrepancy import Bends, FeatureBasis
from tuner.model.families import Family, Scale
from tuner.model.noise import Locations, around

#: Cube points (k, d) -> log likelihood (k,).
LogLikelihood = Callable[[FloatArray], FloatArray]

_FIRST, _LATER = 1000, 450
_CENTRES = 45
_UNIFORM = 0.1  # share of every population that is drawn from the whole cube


@dataclass(frozen=True)
class Population:
    """Weighed points of the cube; ``log_evidence`` is that of the family under its prior.

    ``log_density`` is that of the distribution which the points were drawn from.
    """

    points: FloatArray
    log_weights: FloatArray
    log_density: FloatArray
    log_evidence: float

    def weights(self) -> FloatArray:
        """Weights that sum to 1."""
        shifted = np.exp(self.log_weights - self.log_weights.max())
        return np.asarray(shifted / shifted.sum(), dtype=np.float64)


def explore(
    log_likelihood: LogLikelihood,
    dimensions: int,
    rng: np.random.Generator,
    stages: int = 4,
    start: Population | None = None,
) -> Population:
    """Find where the likelihood lives in the cube, whatever its shape, in ``stages`` (>= 1).

    ``start`` is a population that was found for a similar likelihood. The likelihood is asked
    last of the points that are returned.
    """
    if start is None:
        points = _spread(_FIRST, dimensions, rng)
        density = np.zeros(_FIRST)
    else:
        points, density = start.points, start.log_density
    values = log_likelihood(points)
    for _ in range(stages):
        centres, width = _centres(points, values, density, rng)
        points = _around(centres, width, rng)
        density = _log_density(points, centres, width)
        inside = np.all((points >= 0) & (points <= 1), axis=1)  # the prior ends with the cube
        points, density = points[inside], density[inside]
        values = log_likelihood(points)
    weights = values - density
    evidence = _log_mean(weights) + float(np.log(inside.mean()))
    return Population(points, weights, density, evidence)


def systematic(weights: FloatArray, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Indices of ``count`` draws in proportion to ``weights``, with the least chance possible."""
    edges = np.cumsum(weights / weights.sum())
    ticks = (rng.random() + np.arange(count)) / count
    return np.minimum(np.searchsorted(edges, ticks), weights.size - 1)


def _spread(count: int, dimensions: int, rng: np.random.Generator) -> FloatArray:
    """Latin hypercube: every coordinate evenly covered."""
    ranks = np.argsort(rng.random((dimensions, count)), axis=1).T
    return np.asarray((ranks + rng.random((count, dimensions))) / count, dtype=np.float64)


def _centres(
    points: FloatArray, values: FloatArray, log_density: FloatArray, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Members to draw around, and the width of a draw along each coordinate."""
    temper = 1.0
    while temper > 1e-4:
        logs = temper * values - log_density
        weights = np.exp(logs - logs.max())
        weights /= weights.sum()
        if 1.0 / np.sum(weights**2) >= _CENTRES / 2:
            break
        temper *= 0.6
    centres = points[systematic(weights, _CENTRES, rng)]
    spread = np.sqrt(weights @ (points - weights @ points) ** 2)
    return centres, np.maximum(0.5 * spread, 1e-4)


def _around(centres: FloatArray, width: FloatArray, rng: np.random.Generator) -> FloatArray:
    dimensions = centres.shape[1]
    uniform = int(_UNIFORM * _LATER)
    which = np.arange(_LATER - uniform) % centres.shape[0]
    near = centres[which] + width * rng.standard_normal((which.size, dimensions))
    return np.vstack([near, rng.random((uniform, dimensions))])


def _log_density(points: FloatArray, centres: FloatArray, width: FloatArray) -> FloatArray:
    """Log density of the mixture that :func:`_around` draws from."""
    x, c = points / width, centres / width
    square = np.sum(x**2, axis=1)[:, None] + np.sum(c**2, axis=1) - 2 * x @ c.T
    kernel = np.exp(-0.5 * np.maximum(square, 0.0)).mean(axis=1)
    kernel /= float(np.prod(width * np.sqrt(2 * np.pi)))
    return np.asarray(np.log(_UNIFORM + (1 - _UNIFORM) * kernel), dtype=np.float64)


def _log_mean(values: FloatArray) -> float:
    top = float(values.max())
    return top + float(np.log(np.mean(np.exp(values - top))))


_FIRST_STAGES, _SECOND_STAGES = 4, 2
_SKETCH = 48  # draws that make a first curve
_SKETCH_SIZES = 40  # and as many sizes, when more were measured, as show where it runs


@dataclass(frozen=True)
class Data:
    """Invocations as arrays of one length, and what all families share."""

    memory_mb: IntArray
    log_ms: FloatArray
    basis: FeatureBasis
    scale: Scale
    own_sd: float
    rng: np.random.Generator
    relative: FloatArray | None = None  # how much more each size scatters than the average call


@dataclass(frozen=True)
class Weighed:
    """A family after the data. ``by_amplitude`` is the log likelihood (points, amplitudes)."""

    family: Family
    locations: Locations
    scale: Scale
    bends: Bends
    population: Population
    amplitudes: FloatArray
    log_prior: FloatArray  # of the amplitudes
    by_amplitude: FloatArray
    own_sd: float  # log-sd of what sizes have of their own
    log_chance: float = 0.0  # of that, before the data

    @property
    def log_evidence(self) -> float:
        """Log evidence of everything that was observed, with the family's prior."""
        likelihood = self.population.log_evidence + self.locations.log_scatter
        return likelihood + float(np.log(self.family.prior)) + self.log_chance

    def log_evidence_if(self, own_sd: float, before: float) -> float:
        """Log evidence of where sizes lie, had they ``own_sd`` of their own and not ``before``."""
        points = self.population.points
        variance = self.locations.variance + own_sd**2 - before**2
        bends = Bends(self.bends.features, variance)
        residual = _residual(self.family, points, self.locations, self.scale)
        chances = bends.log_likelihood(residual, self.amplitudes) + self.log_prior
        likelihood = np.logaddexp.reduce(chances, axis=1) - self.population.log_density
        return _log_mean(likelihood) + float(np.log(self.family.prior))

    def draw(self, count: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
        """Equally likely points of the cube (count, d), each with a bend (count, p)."""
        chosen = systematic(self.population.weights(), count, rng)
        points = self.population.points[chosen]
        chances = self.by_amplitude[chosen]
        chances = np.cumsum(np.exp(chances - chances.max(axis=1, keepdims=True)), axis=1)
        pick = np.sum(rng.random((count, 1)) * chances[:, -1:] > chances, axis=1)
        residual = _residual(self.family, points, self.locations, self.scale)
        return points, self.bends.draw(residual, self.amplitudes[pick], rng)


def sketch(family: Family, data: Data, first: Locations, features: FloatArray) -> Weighed:
    """Weigh a family a first time; ``first`` are locations by size alone, ``features`` at those
    sizes."""
    few = np.unique(np.linspace(0, first.memory_mb.size - 1, _SKETCH_SIZES).astype(np.int64))
    return _weigh(family, data, first.at(few), features[few], None)


def refine(
    found: Weighed, data: Data, first: Locations, features: FloatArray, log_chance: float = 0.0
) -> Weighed:
    """Weigh a family again, each invocation by its distance from the curve that it ``found``;
    ``log_chance`` is that of the data's ``own_sd``, before the data."""
    points, bends = found.draw(_SKETCH, data.rng)
    moments = found.family.moments(points, data.scale, first.memory_mb, 1.0)
    location, phase = moments.log_location()
    centre = np.mean(location + bends @ features.T, axis=0)
    second = around(
        data.memory_mb,
        data.log_ms,
        centre,
        phase.mean(axis=0),
        own_sd=data.own_sd,
        relative=data.relative,
    )
    weighed = _weigh(found.family, data, second, features, found.population)
    return replace(weighed, log_chance=log_chance)


def _weigh(
    family: Family,
    data: Data,
    locations: Locations,
    features: FloatArray,
    start: Population | None,
) -> Weighed:
    scale = data.scale
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
    population = explore(log_likelihood, family.dimensions, data.rng, stages, start)
    return Weighed(
        family, locations, scale, bends, population, amplitudes, log_prior, chances, data.own_sd
    )


def _residual(family: Family, points: FloatArray, locations: Locations, scale: Scale) -> FloatArray:
    """Log location of each size minus the family's, (points, sizes)."""
    location, _ = family.moments(points, scale, locations.memory_mb, 1.0).log_location()
    return np.asarray(locations.log_ms - location, dtype=np.float64)
