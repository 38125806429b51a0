"""Fitting: observations in, a :class:`tuner.model.curve.Curve` out.

Every family is weighed against the data (:mod:`tuner.model.weighing`); the curve averages them
by evidence. Seeded; raises :class:`NothingToFit` where there is no duration.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from tuner.errors import TunerError
from tuner.model import FloatArray, IntArray, families
from tuner.model.curve import Curve, Strand
from tuner.model.discrepancy import FeatureBasis, draw_scatter, mean_log_ratio
from tuner.model.families import Scale
from tuner.model.noise import SANDBOX_SD, Locations, NoiseDraws, draw_noise, first_locations, join
from tuner.model.observations import Observations
from tuner.model.weighing import Data, Weighed, refine, sketch, systematic

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
    listed: bool = False,
) -> Curve:
    """Fit all families to the warm durations and average them by evidence.

    ``range_mb`` (lowest, highest) is where the curve will be asked beyond the measured sizes. Of
    a function that is ``recorded``, what distinguishes a size's sandboxes is part of the curve;
    sizes that are ``listed`` are all there are.
    """
    if not len(observations):
        raise NothingToFit
    memory, took = observations.memory_mb, observations.duration_ms
    ends = range_mb or (int(memory.min()), int(memory.max()))
    return _fitted(memory.tobytes(), took.tobytes(), _Terms(seed, ends, recorded, listed))


@dataclass(frozen=True)
class _Terms:
    """Everything that a fit depends on but the invocations."""

    seed: int
    range_mb: tuple[int, int]
    recorded: bool
    listed: bool


@lru_cache(maxsize=8)  # a sweep's planners and its answer ask for the same curve one after another
def _fitted(memory_mb: bytes, took_ms: bytes, terms: _Terms) -> Curve:
    memory = np.frombuffer(memory_mb, dtype=np.int64)
    log_ms = np.log(np.frombuffer(took_ms, dtype=np.float64))
    low, high = terms.range_mb
    basis = FeatureBasis(min(low, float(memory.min())), max(high, float(memory.max())))
    least = RECORDED_SD if terms.recorded else SANDBOX_SD
    first = first_locations(memory, log_ms, least)
    rng = np.random.default_rng(terms.seed)
    relative = np.exp(mean_log_ratio(memory, first.residual, basis))
    data = Data(memory, log_ms, basis, _scale(first), least, rng, relative)
    features = basis.features(first.memory_mb)
    sketches = [sketch(f, data, first, features) for f in families.suited(basis.high_mb)]
    if not terms.recorded:
        return _average([refine(each, data, first, features) for each in sketches], data, terms)
    chances = _OF_RECORDINGS if terms.listed else _OF_RANGES
    weighed = [
        refine(each, replace(data, own_sd=own), first, features, np.log(chance))
        for each, own, chance in _likely(sketches, least, chances)
    ]
    curve = _average(weighed, data, terms)
    misfits = _misfits(curve, weighed)
    if not misfits:
        return curve
    own_sd = float(np.hypot(curve.own_sd, max(abs(np.log(each)) for each in misfits.values())))
    data = replace(data, own_sd=own_sd)
    weighed = [refine(each, data, first, features) for each in sketches]
    return replace(_average(weighed, data, terms), misfits=misfits)


#: A size with so many calls that lies beyond so many standard deviations of the curve's and its
#: calls', and beyond this (log), is not what any curve says; then each size counts by itself.
_CALLS, _FAR_SDS, _FAR = 10, 4.0, 0.1


def _misfits(curve: Curve, weighed: list[Weighed]) -> dict[int, float]:
    """Sizes (MB) far off the curve, and how many times as long as it their calls take."""
    found = next(w.locations for w in weighed if w.family.name == curve.family)
    smooth = replace(curve, own_sd=0.0).evaluate(found.memory_mb).log_ms
    away = found.log_ms - smooth.mean(axis=0)
    own = next(w.own_sd for w in weighed if w.locations is found)
    sd = np.sqrt(smooth.var(axis=0) + found.variance - own**2)
    off = (found.count >= _CALLS) & (np.abs(away) > np.maximum(_FAR_SDS * sd, _FAR))
    return {int(found.memory_mb[i]): float(np.exp(away[i])) for i in np.flatnonzero(off)}


#: What sizes may have of their own beyond any curve (log-sd): the least times these, and how
#: likely each is. Set on 22 curves recorded on AWS and tried on each by the others: most have about
#: 1.5 %, a quarter 12 % (``tests/bench/test_decisions.py``, of_their_own). Steps over a range look
#: like that until they are found, so there it takes more to believe it.
_OWN_TIMES = np.array([0.5, 1.0, 2.0, 4.0, 8.0])
_OF_RECORDINGS = np.array([0.2, 0.3, 0.22, 0.15, 0.13])
_OF_RANGES = np.array([0.0, 0.9, 0.07, 0.02, 0.01])
#: A family with so much of its own is left out where it is less likely than this.
_HARDLY = 0.01


def _likely(
    sketches: list[Weighed], least: float, chances: FloatArray
) -> list[tuple[Weighed, float, float]]:
    """Families, what sizes have of their own (log-sd) and how likely that was before the data,
    as far as the sketches leave them a chance."""
    owns = least * _OWN_TIMES
    logs = np.array([[w.log_evidence_if(own, least) for own in owns] for w in sketches])
    with np.errstate(divide="ignore"):
        logs = logs + np.log(chances)
    shares = np.exp(logs - logs.max())
    pairs = np.argwhere(shares >= _HARDLY * shares.sum())
    return [(sketches[i], float(owns[j]), float(chances[j])) for i, j in pairs]


def _scale(locations: Locations) -> Scale:
    return Scale(
        fastest_ms=float(np.exp(locations.log_ms.min())),
        slowest_ms=float(np.exp(locations.log_ms.max())),
        smallest_mb=float(locations.memory_mb[0]),
    )


def _average(weighed: list[Weighed], data: Data, terms: _Terms) -> Curve:
    """Split the draws among families by their evidence."""
    evidence = np.array([w.log_evidence for w in weighed])
    shares = np.exp(evidence - evidence.max())
    shares /= shares.sum()
    owner = systematic(shares, DRAWS, data.rng)
    rows_of = [np.flatnonzero(owner == i) for i in range(len(weighed))]  # ascending over families
    drawn = [_drawn(w, rows, data) for w, rows in zip(weighed, rows_of, strict=True) if rows.size]
    best = weighed[int(shares.argmax())]
    point = best.population.weights() @ best.population.points
    of: dict[str, float] = {}
    for share, one in zip(shares, weighed, strict=True):
        of[one.family.name] = of.get(one.family.name, 0.0) + float(share)
    curve = Curve(
        family=best.family.name,
        parameters=best.family.parameters(point, data.scale),
        fit_error=0.0,
        alternatives=tuple(sorted(of.items(), key=lambda pair: -pair[1])),
        strands=tuple(strand for strand, _, _ in drawn),
        bends=np.vstack([bends for _, bends, _ in drawn]),
        basis=data.basis,
        scale=data.scale,
        noise=join([noise for _, _, noise in drawn]),
        own_sd=float(shares @ [w.own_sd for w in weighed]) if terms.recorded else 0.0,
        listed=terms.listed,
    )
    return _with_error(curve, best.locations)


def _drawn(one: Weighed, rows: IntArray, data: Data) -> tuple[Strand, FloatArray, NoiseDraws]:
    """Draw as many curves of a family as it has rows, with their bends and their noise."""
    points, bends = one.draw(rows.size, data.rng)
    found, memory = one.locations, data.memory_mb
    scatter = draw_scatter(memory, found.residual, data.basis, rows.size, data.rng)
    noise = draw_noise(found, np.exp(scatter.mean_log_ratio(memory)), rows.size, data.rng)
    return Strand(one.family, rows, points, found, scatter, one.own_sd), bends, noise


def _with_error(curve: Curve, locations: Locations) -> Curve:
    away = locations.log_ms - curve.evaluate(locations.memory_mb).log_ms.mean(axis=0)
    return replace(curve, fit_error=float(np.sqrt(np.mean(np.expm1(away) ** 2))))
