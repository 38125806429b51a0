"""Two sets of samples compared: the ratio of a quantile, of a mean or of a rate, with an interval.

Ratios are taken in logarithms, where a slowdown and the speed-up that undoes it are alike. A
control function, measured in the same two runs, is a witness of what the machine did between them:
how much of that a function shares is not known, so an interval holds for every share that is
possible; calls interleaved in rounds are compared within their rounds. Rates (throttles, errors)
are compared exactly, by the binomial split of their counts (Clopper and Pearson 1934). Limit: the
maximum of a sample has a ratio but no interval, for it says nothing about other samples.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from tuner.model import FloatArray, IntArray
from tuner.model.spread import (
    LogEstimate,
    RoundPart,
    Variance,
    estimate,
    interpolated,
    levelled,
    variance_over_rounds,
)


@dataclass(frozen=True, eq=False)
class Measured:
    """Values of one quantity on one side, any unit, and the round of each (``None``: not known).

    Values that are not finite or not above zero are left out, with their rounds.
    """

    values: FloatArray
    rounds: IntArray | None = None

    @classmethod
    def of(cls, values: ArrayLike, rounds: ArrayLike | None = None) -> "Measured":
        """Read arrays of one length; raises ``ValueError`` where lengths differ."""
        data = np.asarray(values, dtype=np.float64).ravel()
        kept = np.isfinite(data) & (data > 0)
        if rounds is None:
            return cls(data[kept])
        numbers = np.asarray(rounds, dtype=np.int64).ravel()
        if numbers.shape != data.shape:
            raise ValueError(f"{data.size} values have {numbers.size} rounds")
        return cls(data[kept], numbers[kept])

    def __len__(self) -> int:
        return int(self.values.size)


@dataclass(frozen=True)
class Effect:
    """``after / before`` with the two-sided interval that was asked for, which holds ``ratio``.

    ``low`` is 0 and ``high`` infinite where too few calls say anything; ``ratio`` is NaN where
    either side has no value. ``log_error`` is the standard error of the ratio's logarithm,
    to be taken with Student's t of ``freedom`` degrees; ``span`` is where that logarithm lies by
    the least and the most that may be shared of what the control did for certain, and ``between``
    the part of the error that more calls do not shrink.
    """

    before: float
    after: float
    ratio: float
    low: float
    high: float
    log_error: float
    n_before: int
    n_after: int
    paired: bool = False
    control_ratio: float | None = None
    freedom: float = math.inf
    span: tuple[float, float] = (math.nan, math.nan)
    between: float = 0.0

    @property
    def known(self) -> bool:
        """True if there is an interval at all."""
        return self.low > 0.0 and math.isfinite(self.high)


@dataclass(frozen=True)
class Precision:
    """Terms of an interval.

    ``tail`` is the probability left out at each end. ``interleaved`` sides share their rounds;
    otherwise each side shares them with its control only. ``between_runs`` is the standard
    deviation of the logarithm that two runs of the same function differ by without any change (0
    for interleaved calls); it does not shrink with more calls.
    """

    tail: float = 0.025
    interleaved: bool = True
    between_runs: float = 0.0


@dataclass(frozen=True, eq=False)
class Control:
    """The control function's durations, measured beside ``before`` and beside ``after``.

    ``shares``: the least and the most of its change that the function may share; what lies between
    them has its bounds between theirs. ``unshared``: beside that, it differs between the runs by so
    much of the control's change, as a standard deviation.
    """

    before: Measured
    after: Measured
    quantile: float | None = 0.5
    shares: tuple[float, float] = (0.0, 1.0)
    unshared: float = 0.0


#: Values with what is estimated of them, before and after.
_Part = tuple[Measured, LogEstimate]
_Sides = tuple[_Part, _Part]


def compare(
    before: Measured,
    after: Measured,
    quantile: float | None,
    precision: Precision = Precision(),
    control: Control | None = None,
) -> Effect:
    """The ratio of a ``quantile`` (0 to 1; 1 is the maximum) or of the means (``None``).

    Rounds are used where they are known: the interval of a median is that of calls at one time,
    widened to hold the ratio of ``before`` and ``after``, from which it may differ a little.
    """
    plain = (_plain(before, quantile), _plain(after, quantile))
    sizes = (len(before), len(after))
    if not all(sizes):
        return Effect(*plain, math.nan, 0.0, math.inf, math.inf, *sizes)
    if precision.interleaved and quantile is not None:
        before, after = _at_one_time(before, after, quantile)
    sides = _sides(before, after, quantile)
    beside = None
    if control is not None:
        beside = _sides(control.before, control.after, control.quantile)
    found = Effect(
        *plain, plain[1] / plain[0], 0.0, math.inf, math.inf, *sizes,
        control_ratio=None if beside is None else math.exp(_log_ratio(beside)),
        freedom=degrees(min(sizes), quantile),
    )  # fmt: skip
    if sides is None or (control is not None and beside is None):
        return found
    return _with_interval(found, sides, control or Control(before, after), beside, precision)


def _with_interval(
    found: Effect, sides: _Sides, control: Control, beside: _Sides | None, precision: Precision
) -> Effect:
    """The effect with an interval that holds for both ends of what may be shared."""
    shares, drift = (0.0,) if beside is None else control.shares, _sure(beside)
    between = math.hypot(precision.between_runs, control.unshared * drift)
    variances = [_variance(sides, beside, share, precision) for share in shares]
    freedom = min(found.freedom, *(v.blocks - 1.0 for v in variances))
    errors = [math.hypot(math.sqrt(v.value), between) for v in variances]
    bounds = [math.log(found.ratio)]
    for share, error in zip(shares, errors, strict=True):
        middle = _log_ratio(sides) - (share * _log_ratio(beside) if beside else 0.0)
        reach = error * critical(precision.tail, freedom)
        bounds += [middle - reach, middle + reach]
    span = [_log_ratio(sides) - share * drift for share in shares]
    return replace(
        found,
        low=math.exp(min(bounds)),
        high=math.exp(min(max(bounds), 700.0)),
        log_error=max(errors),
        paired=precision.interleaved and all(side.rounds is not None for side, _ in sides),
        freedom=freedom,
        span=(min(span), max(span)),
        between=between,
    )


def _log_ratio(sides: _Sides) -> float:
    return math.log(sides[1][1].value / sides[0][1].value)


def _sure(beside: _Sides | None) -> float:
    """The logarithm by which the control has changed for certain."""
    if beside is None:
        return 0.0
    seen, chance = _log_ratio(beside), 2.0 * math.hypot(*(e.log_error for _, e in beside))
    return math.copysign(max(abs(seen) - chance, 0.0), seen)


#: Quantiles between these are those of calls at one time; further out, of all times.
_MIDDLE = (0.25, 0.75)


def _at_one_time(before: Measured, after: Measured, quantile: float) -> tuple[Measured, Measured]:
    """Take the level that rounds had in common out of both sides, for the middle quantiles."""
    middle = _MIDDLE[0] <= quantile <= _MIDDLE[1]
    if not middle or before.rounds is None or after.rounds is None:
        return before, after
    rounds = (before.rounds, after.rounds)
    moved = levelled((before.values, after.values), rounds)
    return Measured(moved[0], rounds[0]), Measured(moved[1], rounds[1])


#: Blocks of neighbouring rounds over which the variance of one run is told: enough to know it,
#: few enough that a block is longer than most moods of a machine.
BLOCKS = 25


def _variance(sides: _Sides, beside: _Sides | None, share: float, precision: Precision) -> Variance:
    """Variance of the logarithm of the ratio, a share of the control's taken out."""
    before, after = [(*sides[0], -1.0)], [(*sides[1], 1.0)]
    if beside is not None and share:
        before.append((*beside[0], share))
        after.append((*beside[1], -share))
    if precision.interleaved:
        return _told([*before, *after], None)
    apart = (_told(before, BLOCKS), _told(after, BLOCKS))
    return Variance(apart[0].value + apart[1].value, min(v.blocks for v in apart))


def _told(terms: Sequence[tuple[Measured, LogEstimate, float]], blocks: int | None) -> Variance:
    """Variance of a sum of logarithms, each by its weight."""
    rounds = [RoundPart(e, m.rounds, weight) for m, e, weight in terms if m.rounds is not None]
    if len(rounds) == len(terms):
        return variance_over_rounds(rounds, blocks)
    own = sum((weight * e.log_error) ** 2 for _, e, weight in terms)
    return Variance(own, min(len(m) for m, _, _ in terms))


def _plain(side: Measured, quantile: float | None) -> float:
    if not len(side):
        return math.nan
    if quantile is None:
        return float(side.values.mean())
    return interpolated(np.sort(side.values), quantile)


def _sides(before: Measured, after: Measured, quantile: float | None) -> _Sides | None:
    """Estimate both sides; ``None`` where either says nothing, as a maximum does."""
    if quantile == 1.0:
        return None
    then, now = estimate(before.values, quantile), estimate(after.values, quantile)
    return None if then is None or now is None else ((before, then), (after, now))


def degrees(n: int, quantile: float | None) -> float:
    """Degrees of freedom of Student's t for ``n`` calls on the smaller side.

    The error of a quantile rests on the few values around it, so its own uncertainty falls with
    the root of ``n`` only. 4 keeps simulated intervals of p50 to p95 within their tails down to
    0.0003, for lognormal, exponential, two-humped, heavy-tailed and rounded noise.
    """
    return float(n - 1 if quantile is None else min(n - 1, 4.0 * math.sqrt(n)))


def critical(tail: float, freedom: float) -> float:
    """Standard errors that leave ``tail`` beyond them, by Student's t; infinite for 0."""
    if tail <= 0.0:
        return math.inf
    return float(-special.stdtrit(freedom, tail))


@dataclass(frozen=True)
class Counted:
    """Requests of one side and how many of them had the property (were throttled, failed)."""

    hits: int
    total: int

    @property
    def rate(self) -> float:
        """Share of the requests; NaN where there were none."""
        return self.hits / self.total if self.total else math.nan


def compare_rates(before: Counted, after: Counted, tail: float = 0.025) -> Effect:
    """The ratio of two rates with an exact interval; ``ratio`` is NaN where nothing was hit.

    Given the sum of both counts, that of ``after`` is binomial; its Clopper-Pearson interval
    becomes one of the ratio (Przyborowski and Wilenski, Biometrika 1940).
    """
    total = before.hits + after.hits
    low, high = 0.0, math.inf
    if total and before.total and after.total:
        odds = before.total / after.total
        if after.hits:
            share = float(special.betaincinv(after.hits, before.hits + 1, tail))
            low = odds * share / (1.0 - share)
        if before.hits:
            share = float(special.betaincinv(after.hits + 1, before.hits, 1.0 - tail))
            high = odds * share / (1.0 - share)
    ratio = math.nan
    if total and before.total and after.total:
        ratio = after.rate / before.rate if before.hits else math.inf
    return Effect(before.rate, after.rate, ratio, low, high, math.inf, before.total, after.total)
