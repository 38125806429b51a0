"""Scatter of single invocations around their size's location, robust and pooled over sizes.

Locations are in log milliseconds. Outliers weigh less in a location (Student-t weights) but are
counted in full where money is concerned: the ratio of mean to location is estimated from every
invocation. Sizes with few invocations borrow the scatter of the others.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from math import lgamma
from statistics import NormalDist

import numpy as np

from tuner.model import FloatArray, IntArray

_T_FREEDOM = 4.0


def _student_quantile(p: float) -> float:
    """Quantile of Student's t with four degrees of freedom (Shaw, J. Comp. Finance 9, 2006)."""
    root = np.sqrt(4.0 * p * (1.0 - p))
    return float(np.sign(p - 0.5) * 2.0 * np.sqrt(np.cos(np.arccos(root) / 3.0) / root - 1.0))


#: Before any repeat is seen, single invocations are taken to scatter by 5 %, worth two degrees of
#: freedom; with no scatter at all, the resolution of the recording is the limit.
_PRIOR_SD, _PRIOR_FREEDOM = 0.05, 2.0
_LEAST_SD = 0.002
#: Two warm sandboxes of one function differ a little even on equal hardware.
SANDBOX_SD = 0.006
#: How many invocations the log-normal shape is worth: for a mean little, so that slow calls count
#: in full; for a percentile more, which a short sweep hardly sees.
_SHAPE_OF_MEAN, _SHAPE_OF_PERCENTILE = 6.0, 120.0
#: A few slow calls in a hundred are usual and a short sweep may see none: for a percentile they
#: are worth this many invocations of this many times the typical duration.
_SLOW, _SLOW_RATIO = 0.3, 2.5
#: Calls beyond so many standard deviations and this ratio are slow ones, which a mean is made of
#: otherwise: how often they come and how slow they are is known from other functions (Beta and
#: Dirichlet priors) better than from the one or two that a sweep happens to meet. Recordings of AWS
#: have 0 to 0.5 % of them, busier functions more: of functions of each kind, the slow share, how
#: many calls that is worth, and how usual the kind is.
_FAR_SDS, _FAR_RATIO = 3.5, 1.3
_SLOW_RATES = np.array([0.001, 0.015, 0.06])
_RATES_WORTH = np.array([200.0, 60.0, 30.0])
_RATE_CHANCES = np.array([0.75, 0.2, 0.05])
_EXCESSES, _EXCESS_WORTH = np.array([0.5, 1.0, 2.1]), 2.0
_NORMAL = np.array([NormalDist().inv_cdf((i + 0.5) / 40) for i in range(40)])
_STUDENT = np.array([_student_quantile((i + 0.5) / 40) for i in range(40)])
#: The spread of sd adds to that of the shape's bootstrap, which has it already: so much less is
#: drawn of it. With it, intervals of p95 held the truth of simulated functions in about 90 %.
_FREEDOM_OF_OTHERS = 30.0
_SHORTEST_MS = 0.01  # as AWS reports durations
_MOST_VALUES = 200  # more than a percentile of interest needs


@dataclass(frozen=True)
class Locations:
    """Robust location of each size: ``log_ms`` with its ``variance``; ``sd`` of one invocation.

    ``residual`` (standardised) and ``ratio`` (duration over location) are per invocation.
    ``log_scatter`` is the log likelihood of how invocations scatter around their own size's
    location, whatever that is: with a likelihood of the locations it makes one of everything.
    """

    memory_mb: IntArray
    log_ms: FloatArray
    variance: FloatArray
    count: IntArray
    sd: float
    freedom: float
    residual: FloatArray
    ratio: FloatArray
    log_scatter: float

    def at(self, chosen: IntArray) -> "Locations":
        """Keep some of the sizes, by index; what is known of the noise stays that of all."""
        return replace(
            self,
            memory_mb=self.memory_mb[chosen],
            log_ms=self.log_ms[chosen],
            variance=self.variance[chosen],
            count=self.count[chosen],
        )


def first_locations(
    memory_mb: IntArray, log_ms: FloatArray, own_sd: float = SANDBOX_SD
) -> Locations:
    """Medians per size and the pooled scatter around them, before any curve is known."""
    medians = [np.median(log_ms[memory_mb == size]) for size in np.unique(memory_mb)]
    return around(memory_mb, log_ms, np.array(medians), own_sd=own_sd)


def around(
    memory_mb: IntArray,
    log_ms: FloatArray,
    centre: FloatArray,
    phase_variance: FloatArray | None = None,
    *,
    own_sd: float = SANDBOX_SD,
    relative: FloatArray | None = None,
) -> Locations:
    """Weigh each invocation by its distance from ``centre`` (one per size, ascending).

    ``phase_variance`` is scatter that the scheduler explains at a size; without it the centres
    were taken from the same invocations, which costs a degree of freedom per size. ``own_sd`` is
    what all invocations at one size have in common beyond the curve; ``relative`` how much more
    each size scatters than the average invocation.
    """
    sizes = np.unique(memory_mb)
    index = np.searchsorted(sizes, memory_mb)
    count = np.bincount(index, minlength=sizes.size)
    away = log_ms - centre[index]
    own_centre = phase_variance is None
    used = sizes.size if own_centre else 1
    phase_variance = np.zeros(sizes.size) if phase_variance is None else phase_variance
    relative = np.ones(sizes.size) if relative is None else relative
    even, explained = away / relative[index], (phase_variance / relative**2)[index]
    sd, freedom = _scatter(even, explained, max(0, log_ms.size - used))
    total = np.sqrt((sd * relative) ** 2 + phase_variance)
    common = np.sqrt(sd**2 + phase_variance)
    weight = (_T_FREEDOM + 1) / (_T_FREEDOM + (away / total[index]) ** 2)
    mass = np.bincount(index, weight, sizes.size)
    location = np.bincount(index, weight * log_ms, sizes.size) / mass
    rest = log_ms - location[index] if own_centre else away
    error = total**2 / np.minimum(mass, count)
    inner = _log_t((log_ms - location[index]) / total[index]) - np.log(total[index])
    return Locations(
        memory_mb=sizes,
        log_ms=location,
        variance=error + own_sd**2,
        count=count.astype(np.int64),
        sd=sd,
        freedom=freedom,
        residual=rest / common[index],
        ratio=np.exp(rest - phase_variance[index] / 2),
        log_scatter=float(inner.sum() + 0.5 * np.log(2 * np.pi * error).sum()),
    )


def _log_t(standardised: FloatArray) -> FloatArray:
    """Log density of Student's t up to a constant that no family can change."""
    return np.asarray(-0.5 * (_T_FREEDOM + 1) * np.log1p(standardised**2 / _T_FREEDOM))


def _scatter(away: FloatArray, explained: FloatArray, freedom: float) -> tuple[float, float]:
    """Log-sd of one invocation beyond what is explained, and its degrees of freedom."""
    if freedom <= 0:
        return _PRIOR_SD, _PRIOR_FREEDOM
    sd, squares = max(_LEAST_SD, 1.4826 * float(np.median(np.abs(away)))), away**2
    for _ in range(10):
        weight = (_T_FREEDOM + 1) / (_T_FREEDOM + squares / (sd**2 + explained))
        square = float(np.sum(np.maximum(weight * squares - explained, 0.1 * weight * squares)))
        square *= away.size / (freedom * float(weight.sum())) * freedom
        pooled = (square + _PRIOR_FREEDOM * _PRIOR_SD**2) / (freedom + _PRIOR_FREEDOM)
        sd = max(_LEAST_SD, float(np.sqrt(pooled)))
    return sd, freedom + _PRIOR_FREEDOM


@dataclass(frozen=True)
class NoiseDraws:
    """Draws of the noise, one value each: sd, mean ratio, residual shape.

    ``tail`` is the mean over the location, without the scheduler's part. ``values`` (draws, v),
    ascending, are standardised residuals and ``cumulative`` (draws, v) their weights, summed up.
    """

    sd: FloatArray
    tail: FloatArray
    values: FloatArray
    cumulative: FloatArray

    def quantile(self, q: float) -> FloatArray:
        """The ``q`` quantile (0 < q < 1) of a standardised residual, per draw."""
        place = np.minimum(np.sum(self.cumulative < q, axis=1), self.values.shape[1] - 1)
        return np.asarray(self.values[np.arange(place.size), place], dtype=np.float64)


def join(parts: list[NoiseDraws]) -> NoiseDraws:
    """The draws of several fits to the same invocations, one after the other."""
    return NoiseDraws(
        sd=np.concatenate([part.sd for part in parts]),
        tail=np.concatenate([part.tail for part in parts]),
        values=np.vstack([part.values for part in parts]),
        cumulative=np.vstack([part.cumulative for part in parts]),
    )


def draw_noise(
    locations: Locations, relative: FloatArray, count: int, rng: np.random.Generator
) -> NoiseDraws:
    """Bayesian bootstrap over all invocations and a log-normal pseudo-sample.

    ``relative`` is, per invocation, how much more its size scatters than all do.
    """
    standardised = locations.residual / relative
    freedom = locations.freedom + _FREEDOM_OF_OTHERS
    sd = locations.sd * np.sqrt(freedom / rng.chisquare(freedom, count))
    slow = np.log(_SLOW_RATIO)
    residual, seen = _compressed(standardised, standardised)
    values = np.concatenate([residual, _STUDENT, [slow / locations.sd]])
    counts = np.concatenate(
        [seen, np.full(_STUDENT.size, _SHAPE_OF_PERCENTILE / _STUDENT.size), [_SLOW]]
    )
    order = np.argsort(values)
    return NoiseDraws(
        sd=sd,
        tail=_tail(locations, count, rng),
        values=np.tile(values[order], (count, 1)),
        cumulative=np.cumsum(_shares(counts, count, rng)[:, order], axis=1),
    )


def draw_quantile_ms(values: FloatArray, q: float | None, count: int) -> FloatArray:
    """Draws (count,) of the ``q`` quantile of what ``values`` (n,) in ms are a sample of, or of its
    mean for ``None``; zeros without values. The same values have the same draws."""
    if not values.size:
        return np.zeros(count)
    return _quantile_draws(np.maximum(values, _SHORTEST_MS).tobytes(), q, count)


@lru_cache(maxsize=16)
def _quantile_draws(values: bytes, q: float | None, count: int) -> FloatArray:
    log_ms, rng = np.log(np.frombuffer(values, dtype=np.float64)), np.random.default_rng(0)
    found = first_locations(np.zeros(log_ms.size, dtype=np.int64), log_ms)
    noise = draw_noise(found, np.ones(log_ms.size), count, rng)
    centre = found.log_ms[0] + np.sqrt(found.variance[0]) * rng.standard_normal(count)
    if q is None:
        return np.asarray(np.exp(centre) * noise.tail, dtype=np.float64)
    # No other size tells how these scatter, so its spread is drawn in full.
    sd = found.sd * np.sqrt(found.freedom / rng.chisquare(found.freedom, count))
    return np.asarray(np.exp(centre + sd * noise.quantile(q)), dtype=np.float64)


def _tail(locations: Locations, count: int, rng: np.random.Generator) -> FloatArray:
    """Draws of the mean over the location: usual calls as they were, slow ones at their rate."""
    far = (locations.residual > _FAR_SDS) & (locations.ratio > _FAR_RATIO)
    usual, seen = _compressed(locations.residual[~far], locations.ratio[~far])
    shape = np.exp(locations.sd * _NORMAL)
    counts = np.concatenate([seen, np.full(shape.size, _SHAPE_OF_MEAN / shape.size)])
    core = _shares(counts, count, rng) @ np.concatenate([usual, shape])
    known = np.full(_EXCESSES.size, _EXCESS_WORTH / _EXCESSES.size)
    excess, slow = _compressed(locations.residual[far], locations.ratio[far] - 1.0)
    excess = np.concatenate([excess, _EXCESSES])
    beyond = _shares(np.concatenate([slow, known]), count, rng) @ excess
    rate = _slow_share(int(far.sum()), int((~far).sum()), count, rng)
    return np.asarray(core * (1.0 + rate * beyond), dtype=np.float64)


def _slow_share(slow: int, usual: int, count: int, rng: np.random.Generator) -> FloatArray:
    """Draws of the share of slow calls, of whichever kind the function is (beta-binomial)."""
    a, b = _SLOW_RATES * _RATES_WORTH, (1.0 - _SLOW_RATES) * _RATES_WORTH
    logs = np.log(_RATE_CHANCES) + [
        _log_beta(x + slow, y + usual) - _log_beta(x, y) for x, y in zip(a, b, strict=True)
    ]
    chances = np.exp(logs - logs.max())
    kind = np.searchsorted(np.cumsum(chances / chances.sum())[:-1], rng.random(count))
    return np.asarray(rng.beta(a[kind] + slow, b[kind] + usual), dtype=np.float64)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def _shares(counts: FloatArray, draws: int, rng: np.random.Generator) -> FloatArray:
    """Shares of all calls that values may stand for: Dirichlet draws (draws, values)."""
    weights = rng.standard_gamma(counts, size=(draws, counts.size))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float64)


def _compressed(by: FloatArray, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Values and how many invocations each stands for; hundreds become the means of neighbours
    in ``by``, which leaves the mean as it is."""
    if not by.size:
        return np.zeros(0), np.zeros(0)
    ends = np.linspace(0, by.size, min(by.size, _MOST_VALUES) + 1).astype(np.int64)
    count = np.diff(ends).astype(np.float64)
    return np.add.reduceat(values[np.argsort(by)], ends[:-1]) / count, count
