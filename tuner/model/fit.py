"""Fitting: observations in, a :class:`tuner.model.curve.Curve` out.

Two passes: locations per size and a first curve; then every invocation is weighed again by its
distance from that curve, which tells an outlier from a step even where a size was asked once.
Families are averaged by evidence. Seeded; raises :class:`NothingToFit` without a duration.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tuner.errors import TunerError
from tuner.model import families
from tuner.model.curve import Curve, Strand
from tuner.model.discrepancy import Amplitudes, Basis
from tuner.model.family import Family, Scale
from tuner.model.importance import Population, explore, systematic
from tuner.model.noise import Locations, around, draw_noise, first_locations
from tuner.model.observations import Observations

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

DRAWS = 256


class NothingToFit(TunerError):  # noqa: N818 - reads as what is the matter
    """No invocation ended with a duration, so there is no curve."""

    def __init__(self) -> None:
        super().__init__(
            "The curve",
            "no invocation ended with a duration",
            "Look at the failures of the sizes; raise the memory range or the timeout.",
        )


@dataclass(frozen=True)
class _Weighed:
    """One family after the data: its population, and the likelihood by amplitude (k, a)."""

    family: Family
    population: Population
    amplitudes: Amplitudes
    by_amplitude: FloatArray
    log_evidence: float


def fit(observations: Observations, *, seed: int, range_mb: tuple[int, int] | None = None) -> Curve:
    """Fit all families to the warm durations and average them by evidence.

    ``range_mb`` (lowest, highest) is where the curve will be asked beyond the measured sizes.
    """
    if not len(observations):
        raise NothingToFit
    memory, log_ms = observations.memory_mb, np.log(observations.duration_ms)
    low, high = range_mb or (int(memory.min()), int(memory.max()))
    basis = Basis(min(low, float(memory.min())), max(high, float(memory.max())))
    seeds = np.random.SeedSequence(seed).spawn(2)
    locations = first_locations(memory, log_ms)
    curve = _curve(locations, basis, np.random.default_rng(seeds[0]))
    at = curve.evaluate(locations.memory_mb)
    phase = np.maximum(0.0, np.mean(at.sd**2 - curve.noise.sd[:, None] ** 2, axis=0))
    locations = around(memory, log_ms, at.log_ms.mean(axis=0), phase)
    return _curve(locations, basis, np.random.default_rng(seeds[1]))


def _curve(locations: Locations, basis: Basis, rng: np.random.Generator) -> Curve:
    scale = Scale(
        fastest_ms=float(np.exp(locations.log_ms.min())),
        slowest_ms=float(np.exp(locations.log_ms.max())),
        smallest_mb=float(locations.memory_mb[0]),
        largest_mb=float(locations.memory_mb[-1]),
        spread=locations.sd,
    )
    features = basis.features(locations.memory_mb)
    weighed = [_weigh(f, locations, scale, features, rng) for f in families.ALL]
    shares = _shares(weighed)
    strands, bends = _draw(weighed, shares, locations, scale, rng)
    best = weighed[int(np.argmax(shares))]
    point = best.population.weights() @ best.population.points
    ranked = sorted(zip(shares, weighed, strict=True), key=lambda pair: -pair[0])
    draft = Curve(
        family=best.family.name,
        parameters=best.family.parameters(point, scale),
        fit_error=0.0,
        alternatives=tuple((w.family.name, float(share)) for share, w in ranked),
        strands=strands,
        bends=bends,
        basis=basis,
        scale=scale,
        noise=draw_noise(locations, DRAWS, rng),
    )
    return _with_error(draft, locations)


def _weigh(
    family: Family,
    locations: Locations,
    scale: Scale,
    features: FloatArray,
    rng: np.random.Generator,
) -> _Weighed:
    values = np.array(list(family.discrepancies), dtype=np.float64)
    log_prior = np.log(np.array(list(family.discrepancies.values())))
    amplitudes = Amplitudes(values, features, locations.variance)

    def by_amplitude(points: FloatArray) -> FloatArray:
        residual = _residual(family, points, scale, locations)
        return np.asarray(amplitudes.log_likelihood(residual) + log_prior, dtype=np.float64)

    population = explore(
        lambda points: np.logaddexp.reduce(by_amplitude(points), axis=1), family.dimensions, rng
    )
    evidence = population.log_evidence + float(np.log(family.prior))
    return _Weighed(family, population, amplitudes, by_amplitude(population.points), evidence)


def _residual(family: Family, points: FloatArray, scale: Scale, locations: Locations) -> FloatArray:
    moments = family.moments(points, scale, locations.memory_mb, 1.0)
    location = np.log(moments.mean_ms) - np.log1p(moments.phase_variance) / 2
    return np.asarray(locations.log_ms - location, dtype=np.float64)


def _shares(weighed: list[_Weighed]) -> FloatArray:
    evidence = np.array([w.log_evidence for w in weighed])
    shares = np.exp(evidence - evidence.max())
    return np.asarray(shares / shares.sum(), dtype=np.float64)


def _draw(
    weighed: list[_Weighed],
    shares: FloatArray,
    locations: Locations,
    scale: Scale,
    rng: np.random.Generator,
) -> tuple[tuple[Strand, ...], FloatArray]:
    """Split the draws among families by their shares; draw points and bends of each."""
    owner = systematic(shares, DRAWS, rng)
    bends = np.empty((DRAWS, weighed[0].amplitudes.features.shape[1]))
    strands = []
    for i, one in enumerate(weighed):
        rows = np.flatnonzero(owner == i)
        if not rows.size:
            continue
        chosen = systematic(one.population.weights(), rows.size, rng)
        points = one.population.points[chosen]
        chances = one.by_amplitude[chosen]
        chances = np.cumsum(np.exp(chances - chances.max(axis=1, keepdims=True)), axis=1)
        pick = np.sum(rng.random((rows.size, 1)) * chances[:, -1:] > chances, axis=1)
        residual = _residual(one.family, points, scale, locations)
        bends[rows] = one.amplitudes.draw(residual, pick, rng)
        strands.append(Strand(one.family, rows, points))
    return tuple(strands), bends


def _with_error(curve: Curve, locations: Locations) -> Curve:
    away = locations.log_ms - curve.evaluate(locations.memory_mb).log_ms.mean(axis=0)
    return replace(curve, fit_error=float(np.sqrt(np.mean(np.expm1(away) ** 2))))
