"""Two sets of samples compared: the ratio of a quantile, of a mean or of a rate, with an interval.

Ratios are taken in logarithms, where a slowdown and the speed-up that undoes it are alike. A
control function's own ratio, measured in the same two runs, is subtracted with its uncertainty;
calls interleaved in rounds are compared within their rounds. Rates (throttles, errors) are
compared exactly, by the binomial split of their counts (Clopper and Pearson 1934). Limit: the
maximum of a sample has a ratio but no interval, for it says nothing about other samples.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

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
    """``after / before`` with the two-sided interval that was asked for.

    ``low`` is 0 and ``high`` infinite where too few calls say anything; ``ratio`` is NaN where
    either side has no value. ``log_error`` is the standard error of the ratio's logarithm,
    to be taken with Student's t of ``freedom`` degrees.
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
    """The control function's durations, measured beside ``before`` and beside ``after``."""

    before: Measured
    after: Measured
    quantile: float | None = 0.5

    def estimates(self) -> tuple[LogEstimate, LogEstimate] | None:
        """Estimate both sides; ``None`` where either says nothing."""
        return _estimates(self.before, self.after, self.quantile)


def compare(
    before: Measured,
    after: Measured,
    quantile: float | None,
    precision: Precision = Precision(),
    control: Control | None = None,
) -> Effect:
    """The ratio of a ``quantile`` (0 to 1; 1 is the maximum) or of the means (``None``).

    Rounds are used where they are known: the ratio of a median is that of calls at one time, which
    may differ a little from the ratio of ``before`` and ``after``.
    """
    plain = (_plain(before, quantile), _plain(after, quantile))
    sizes = (len(before), len(after))
    if not all(sizes):
        return Effect(*plain, math.nan, 0.0, math.inf, math.inf, *sizes)
    if precision.interleaved and quantile is not None:
        before, after = _at_one_time(before, after, quantile)
    sides = _estimates(before, after, quantile)
    beside = None if control is None else control.estimates()
    shift = math.log(beside[1].value / beside[0].value) if beside else 0.0
    control_ratio = math.exp(shift) if beside else None
    if sides is None or (control is not None and beside is None):
        ratio = plain[1] / plain[0] / math.exp(shift)
        return Effect(*plain, ratio, 0.0, math.inf, math.inf, *sizes, control_ratio=control_ratio)
    terms = [(before, sides[0], -1.0)], [(after, sides[1], 1.0)]
    if control is not None and beside is not None:
        terms[0].append((control.before, beside[0], 1.0))
        terms[1].append((control.after, beside[1], -1.0))
    own = _variance(*terms, precision)
    error = math.sqrt(own.value + precision.between_runs**2)
    freedom = min(degrees(min(sizes), quantile), own.blocks - 1.0)
    middle = math.log(sides[1].value / sides[0].value) - shift
    return Effect(
        *plain, math.exp(middle), *_around(middle, error * critical(precision.tail, freedom)),
        error, *sizes,
        paired=precision.interleaved and before.rounds is not None and after.rounds is not None,
        control_ratio=control_ratio, freedom=freedom,
    )  # fmt: skip


def _around(middle: float, reach: float) -> tuple[float, float]:
    return math.exp(middle - reach), math.exp(min(middle + reach, 700.0))


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

#: What is added to (1) or subtracted from (-1) a logarithm.
_Term = tuple[Measured, LogEstimate, float]


def _variance(before: Sequence[_Term], after: Sequence[_Term], precision: Precision) -> Variance:
    """Variance of the logarithm of the ratio, the control's taken out."""
    if precision.interleaved:
        return _told([*before, *after], None)
    apart = (_told(before, BLOCKS), _told(after, BLOCKS))
    return Variance(apart[0].value + apart[1].value, min(v.blocks for v in apart))


def _told(terms: Sequence[_Term], blocks: int | None) -> Variance:
    rounds = [RoundPart(e, m.rounds, s) for m, e, s in terms if m.rounds is not None]
    if len(rounds) == len(terms):
        return variance_over_rounds(rounds, blocks)
    return Variance(sum(e.log_error**2 for _, e, _ in terms), min(len(m) for m, _, _ in terms))


def _plain(side: Measured, quantile: float | None) -> float:
    if not len(side):
        return math.nan
    if quantile is None:
        return float(side.values.mean())
    return interpolated(np.sort(side.values), quantile)


def _estimates(
    before: Measured, after: Measured, quantile: float | None
) -> tuple[LogEstimate, LogEstimate] | None:
    """Estimate both sides; ``None`` where either says nothing, as a maximum does."""
    if quantile == 1.0:
        return None
    sides = estimate(before.values, quantile), estimate(after.values, quantile)
    return None if sides[0] is None or sides[1] is None else (sides[0], sides[1])


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
