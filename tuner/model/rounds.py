"""What rounds of calls differ by at all sizes alike, beyond the scatter of single calls.

Sizes that are called in turn share what a machine does meanwhile, so a round in which all of them
take longer tells of the machine and not of the sizes. Additive effects of sizes and rounds on
log durations; limit: a size that was called in one round only tells nothing, and a machine that is
slow in every round is no difference between them.
"""

from dataclasses import dataclass

import numpy as np

from tuner.model import FloatArray, IntArray

#: Distances from a size's median count up to so many robust standard deviations: single slow calls
#: are no round.
_FAR = 3.0
#: The pooled scatter is worth so many degrees of freedom beside a size's own.
_POOLED = 4.0
_LEAST_SD = 0.002
#: Neighbouring rounds of a long run count as one, so that a matrix of them stays small.
_MOST = 200
#: Standard normal deviate above which a difference of rounds is sure: one run in a thousand.
_SURE = 3.0


@dataclass(frozen=True)
class RoundDrift:
    """Differences of rounds: their ``sd`` (log), which is 0 unless it is ``sure``, over how many
    ``rounds`` that share sizes."""

    sd: float
    sure: bool
    rounds: int


CALM = RoundDrift(0.0, False, 0)


def between_rounds(memory_mb: IntArray, log_ms: FloatArray, rounds: IntArray) -> RoundDrift:
    """Estimate what rounds differ by from calls (n,): their size, duration and round.

    The effects' weighted sum of squares beyond the sizes', held against what the calls' scatter
    explains; the variance by the method of moments (Henderson, Biometrics 1953, method III).
    """
    size = np.searchsorted(np.unique(memory_mb), memory_mb)
    turn = np.searchsorted(np.unique(rounds), rounds)
    if not size.size or turn.max() == 0:
        return CALM
    turn = turn * _MOST // max(_MOST, int(turn.max()) + 1)
    values = _clipped(log_ms, size)
    weights = 1.0 / _variance(values, size, turn)[size]
    table = np.zeros((int(turn.max()) + 1, int(size.max()) + 1))
    np.add.at(table, (turn, size), weights)
    mean = np.bincount(size, weights * values) / table.sum(axis=0)
    inner = np.diag(table.sum(axis=1)) - (table / table.sum(axis=0)) @ table.T
    away = np.bincount(turn, weights * (values - mean[size]))
    freedom = int(np.linalg.matrix_rank(inner, hermitian=True))
    if freedom == 0:
        return CALM
    square = float(away @ np.linalg.pinv(inner, hermitian=True) @ away)
    sure = square > _limit(freedom)
    variance = max(0.0, (square - freedom) / float(np.trace(inner))) if sure else 0.0
    return RoundDrift(float(np.sqrt(variance)), sure, freedom + 1)


def _clipped(log_ms: FloatArray, size: IntArray) -> FloatArray:
    """Values, those far from their size's median drawn in."""
    medians = np.array([np.median(log_ms[size == i]) for i in range(int(size.max()) + 1)])
    away = log_ms - medians[size]
    reach = _FAR * max(_LEAST_SD, 1.4826 * float(np.median(np.abs(away))))
    return np.asarray(medians[size] + np.clip(away, -reach, reach), dtype=np.float64)


def _variance(values: FloatArray, size: IntArray, turn: IntArray) -> FloatArray:
    """Variance of a call at each size, within rounds; sizes with few calls have that of all."""
    cell = turn * (int(size.max()) + 1) + size
    count = np.maximum(np.bincount(cell), 1)
    square = (values - (np.bincount(cell, values) / count)[cell]) ** 2
    sums = np.bincount(size, square)
    freedom = np.bincount(size, 1.0 - 1.0 / count[cell])
    pooled = max(float(sums.sum()) / max(float(freedom.sum()), 1.0), _LEAST_SD**2)
    return np.asarray((sums + _POOLED * pooled) / (freedom + _POOLED), dtype=np.float64)


def _limit(freedom: int) -> float:
    """Chi-squared that is exceeded once in a thousand (Wilson and Hilferty, PNAS 1931)."""
    part = 2.0 / (9.0 * freedom)
    return freedom * (1.0 - part + _SURE * float(np.sqrt(part))) ** 3
