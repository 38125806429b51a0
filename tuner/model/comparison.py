"""Two sets of samples compared: the ratio of a quantile, of a mean or of a rate, with an interval.

Ratios are taken in logarithms, where a slowdown and the speed-up that undoes it are alike. A
control function's own ratio, measured in the same two runs, is subtracted with its uncertainty;
calls interleaved in rounds are compared within their rounds. Rates (throttles, errors) are
compared exactly, by the binomial split of their counts (Clopper and Pearson 1934). Limit: the
maximum of a sample has a ratio but no interval, for it says nothing about other samples.
"""

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from tuner.model.spread import Estimate, estimate, least_count, paired_variance

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Measured:
    """Values of one quantity on one side, any unit, and the round of each (``None``: not known).

    Values that are not finite or not above zero are left out, with their rounds.
    """

    values: FloatArray
    rounds: NDArray[np.int64] | None = None

    @classmethod
    def of(cls, values: ArrayLike, rounds: ArrayLike | None = None) -> "Measured":
        """From any arrays of one length; raises ``ValueError`` where lengths differ."""
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
    either side has no value. ``log_error`` is the standard error of the ratio's logarithm.
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

    @property
    def known(self) -> bool:
        """Whether there is an interval at all."""
        return self.low > 0.0 and math.isfinite(self.high)


@dataclass(frozen=True)
class Precision:
    """How an interval is made.

    ``tail`` is the probability left out at each end. ``between_runs`` is the standard deviation
    of the logarithm that two runs of the same function differ by without any change (0 for
    interleaved calls); it does not shrink with more calls.
    """

    tail: float = 0.025
    between_runs: float = 0.0


@dataclass(frozen=True, eq=False)
class Control:
    """The control function's durations, measured beside ``before`` and beside ``after``."""

    before: Measured
    after: Measured
    quantile: float | None = field(default=0.5)


def compare(
    before: Measured,
    after: Measured,
    quantile: float | None,
    precision: Precision = Precision(),
    control: Control | None = None,
) -> Effect:
    """The ratio of a ``quantile`` (0 to 1; 1 is the maximum) or of the means (``None``).

    Rounds are used where both sides have them.
    """
    empty = Effect(
        _plain(before, quantile), _plain(after, quantile), math.nan, 0.0, math.inf, math.inf,
        len(before), len(after),
    )  # fmt: skip
    if not len(before) or not len(after):
        return empty
    ratio = empty.after / empty.before
    shift, variance = _control(control)
    sides = (_estimate(before, quantile), _estimate(after, quantile))
    if sides[0] is None or sides[1] is None or not math.isfinite(variance):
        return _replaced(empty, ratio / math.exp(shift), control, shift)
    paired = before.rounds is not None and after.rounds is not None
    own = (
        paired_variance(sides[0], sides[1], (before.rounds, after.rounds))
        if before.rounds is not None and after.rounds is not None
        else sides[0].log_error ** 2 + sides[1].log_error ** 2
    )
    error = math.sqrt(own + variance + precision.between_runs**2)
    reach = error * critical(precision.tail, degrees(min(len(before), len(after)), quantile))
    middle = math.log(ratio) - shift
    return Effect(
        empty.before, empty.after, math.exp(middle), math.exp(middle - reach),
        math.exp(min(middle + reach, 700.0)), error, len(before), len(after), paired,
        None if control is None else math.exp(shift),
    )  # fmt: skip


def _replaced(empty: Effect, ratio: float, control: Control | None, shift: float) -> Effect:
    return Effect(
        empty.before, empty.after, ratio, 0.0, math.inf, math.inf, empty.n_before, empty.n_after,
        control_ratio=None if control is None else math.exp(shift),
    )  # fmt: skip


def _plain(side: Measured, quantile: float | None) -> float:
    if not len(side):
        return math.nan
    return float(side.values.mean() if quantile is None else np.quantile(side.values, quantile))


def _estimate(side: Measured, quantile: float | None) -> Estimate | None:
    return None if quantile == 1.0 else estimate(side.values, quantile)


def _control(control: Control | None) -> tuple[float, float]:
    """Logarithm of the control's ratio and its variance; (0, infinite) where it says nothing."""
    if control is None:
        return 0.0, 0.0
    before = _estimate(control.before, control.quantile)
    after = _estimate(control.after, control.quantile)
    if before is None or after is None:
        return 0.0, math.inf
    return math.log(after.value / before.value), before.log_error**2 + after.log_error**2


def degrees(n: int, quantile: float | None) -> float:
    """Degrees of freedom of Student's t for ``n`` calls on the smaller side."""
    return float(n - 1 if quantile is None else max(n - 1, least_count(quantile) - 1))


def critical(tail: float, freedom: float) -> float:
    """How many standard errors leave ``tail`` beyond them, by Student's t; infinite for 0."""
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
