"""Fitting: observations in, a :class:`tuner.model.curve.Curve` out.

Every family is weighed against the data (:mod:`tuner.model.weighing`); the curve averages them
by evidence. Seeded; raises :class:`NothingToFit` where there is no duration.
"""

from dataclasses import replace

import numpy as np

from tuner.errors import TunerError
from tuner.model import FloatArray, IntArray, families
from tuner.model.curve import Curve, Strand
from tuner.model.discrepancy import FeatureBasis, draw_scatter
from tuner.model.families import Scale
from tuner.model.noise import SANDBOX_SD, Locations, NoiseDraws, draw_noise, first_locations, join
from tuner.model.observations import Observations
from tuner.model.weighing import Data, Weighed, systematic, weigh

DRAWS = 256


class NothingToFit(TunerError):  # noqa: N818 - reads as what is the matter
    """No invocation ended with a duration, so there is no curve."""

    def __init__(self) -> None:
        super().__init__(
            "curve",
            "no invocation succeeded",
            "Check the errors in the size table, or raise the memory range or the timeout.",
        )


#: A recording's sizes had sandboxes of their own, which belong to what is asked about: the
#: recorded S3 and prime-factor functions deviate from any smooth curve by about this much (log).
RECORDED_SD = 0.015


def fit(
    observations: Observations,
    *,
    seed: int,
    range_mb: tuple[int, int] | None = None,
    recorded: bool = False,
) -> Curve:
    """Fit all families to the warm durations and average them by evidence.

    ``range_mb`` (lowest, highest) is where the curve will be asked beyond the measured sizes. Of
    a function that is ``recorded``, what distinguishes a size's sandboxes is part of the curve.
    """
    if not len(observations):
        raise NothingToFit
    memory, log_ms = observations.memory_mb, np.log(observations.duration_ms)
    low, high = range_mb or (int(memory.min()), int(memory.max()))
    basis = FeatureBasis(min(low, float(memory.min())), max(high, float(memory.max())))
    own_sd = RECORDED_SD if recorded else SANDBOX_SD
    first = first_locations(memory, log_ms, own_sd)
    data = Data(memory, log_ms, basis, _scale(first), own_sd, np.random.default_rng(seed))
    features = basis.features(first.memory_mb)
    weighed = [weigh(f, data, first, features) for f in families.suited(basis.high_mb)]
    return _average(weighed, data, recorded)


def _scale(locations: Locations) -> Scale:
    return Scale(
        fastest_ms=float(np.exp(locations.log_ms.min())),
        slowest_ms=float(np.exp(locations.log_ms.max())),
        smallest_mb=float(locations.memory_mb[0]),
    )


def _average(weighed: list[Weighed], data: Data, recorded: bool) -> Curve:
    """Split the draws among families by their evidence."""
    evidence = np.array([w.log_evidence for w in weighed])
    shares = np.exp(evidence - evidence.max())
    shares /= shares.sum()
    owner = systematic(shares, DRAWS, data.rng)
    rows_of = [np.flatnonzero(owner == i) for i in range(len(weighed))]  # ascending over families
    drawn = [_drawn(w, rows, data) for w, rows in zip(weighed, rows_of, strict=True) if rows.size]
    best = weighed[int(shares.argmax())]
    point = best.population.weights() @ best.population.points
    ranked = sorted(zip(shares, weighed, strict=True), key=lambda pair: -pair[0])
    curve = Curve(
        family=best.family.name,
        parameters=best.family.parameters(point, data.scale),
        fit_error=0.0,
        alternatives=tuple((w.family.name, float(share)) for share, w in ranked),
        strands=tuple(strand for strand, _, _ in drawn),
        bends=np.vstack([bends for _, bends, _ in drawn]),
        basis=data.basis,
        scale=data.scale,
        noise=join([noise for _, _, noise in drawn]),
        own_sd=data.own_sd if recorded else 0.0,
    )
    return _with_error(curve, best.locations)


def _drawn(one: Weighed, rows: IntArray, data: Data) -> tuple[Strand, FloatArray, NoiseDraws]:
    """Draw as many curves of a family as it has rows, with their bends and their noise."""
    points, bends = one.draw(rows.size, data.rng)
    found, memory = one.locations, data.memory_mb
    scatter = draw_scatter(memory, found.residual, data.basis, rows.size, data.rng)
    noise = draw_noise(found, np.exp(scatter.mean_log_ratio(memory)), rows.size, data.rng)
    return Strand(one.family, rows, points, found, scatter), bends, noise


def _with_error(curve: Curve, locations: Locations) -> Curve:
    away = locations.log_ms - curve.evaluate(locations.memory_mb).log_ms.mean(axis=0)
    return replace(curve, fit_error=float(np.sqrt(np.mean(np.expm1(away) ** 2))))
