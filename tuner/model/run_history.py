"""Change points in a history of runs, and the drift between unchanged runs.

Change points by E-divisive with a t-test. The divisive search is that of Matteson and James (JASA
2014): the split of a stretch, and the end of what follows it, that lie farthest apart by the energy
distance. As in Fleming et al. (ICPE 2023) a Student's t-test decides instead of permutations, so
that the same history always has the same change points; a lax test while splitting, then the
weakest is merged away until all that remain are significant and large enough. Then, other than
there, each change is moved to where it fits best between its neighbours. All works on logarithms,
for changes are ratios. Limit: a change needs some runs on both sides; one odd run is no change.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from tuner.model import FloatArray

#: Splitting is lax by this factor; a split that its neighbours make significant is not lost.
_LAX = 10.0
#: Runs on each side of a change at least.
_LEAST = 2


@dataclass(frozen=True)
class ChangePoint:
    """The first run of a new level. ``before`` and ``after`` are the geometric means of the
    stretches on both sides, in the unit of the history; ``ratio`` is ``after / before``."""

    index: int
    before: float
    after: float
    p_value: float

    @property
    def ratio(self) -> float:
        """New level over the old one."""
        return self.after / self.before


@dataclass(frozen=True)
class Sensitivity:
    """Criteria of a change: ``p_value`` at most, and at least ``least`` as a relative change in
    either direction (0.05 for 5 %).

    Fleming et al. take 0.001; but the split is chosen for being far apart, so that of histories of
    100 runs without a change one in seven has one then. With 0.0003 it is one in twenty-five, and
    F1 is highest (``tests/bench/test_verdicts.py``).
    """

    p_value: float = 0.0003
    least: float = 0.0


def change_points(
    history: ArrayLike,
    sensitivity: Sensitivity = Sensitivity(),
) -> tuple[ChangePoint, ...]:
    """Change points of values above zero in the order of their runs.

    A run without a value (NaN) or with none above zero belongs to no stretch; indexes count it.
    """
    values = np.asarray(history, dtype=np.float64).ravel()
    kept = np.flatnonzero(np.isfinite(values) & (values > 0))
    logs = np.log(values[kept])
    splits = _merged(logs, _split(logs, sensitivity.p_value * _LAX), sensitivity)
    splits = _merged(logs, _placed(logs, splits), sensitivity)
    edges = [0, *splits, logs.size]
    return tuple(
        ChangePoint(
            int(kept[middle]),
            math.exp(float(logs[first:middle].mean())),
            math.exp(float(logs[middle:last].mean())),
            t_test(logs[first:middle], logs[middle:last]),
        )
        for first, middle, last in zip(edges, edges[1:], edges[2:], strict=False)
    )


def _split(logs: FloatArray, p_value: float) -> list[int]:
    """All splits that the lax test lets pass, by halving stretches again and again."""
    found: list[int] = []
    stretches = [(0, logs.size)]
    while stretches:
        first, last = stretches.pop()
        split = farthest_split(logs[first:last])
        if split is None:
            continue
        middle, end = first + split[0], first + split[1]
        if t_test(logs[first:middle], logs[middle:end]) <= p_value:
            found.append(middle)
            stretches += [(first, middle), (middle, last)]
    return sorted(found)


def _merged(logs: FloatArray, splits: Sequence[int], sensitivity: Sensitivity) -> list[int]:
    """Take the weakest change away until all are significant and large enough."""
    left = list(splits)
    while left:
        edges = [0, *left, logs.size]
        stretches = [logs[a:b] for a, b in pairwise(edges)]
        p = [t_test(a, b) for a, b in pairwise(stretches)]
        sizes = [abs(float(b.mean() - a.mean())) for a, b in pairwise(stretches)]
        weakest = int(np.argmax(p))
        if p[weakest] <= sensitivity.p_value:
            weakest = int(np.argmin(sizes))
            if sizes[weakest] >= math.log1p(sensitivity.least):
                break
        del left[weakest]
    return left


def _placed(logs: FloatArray, splits: Sequence[int]) -> list[int]:
    """Move each change to where both its stretches fit their means best (least squares).

    A split was found before its neighbours were, so it lies where it was farthest in a stretch
    that held their changes too.
    """
    placed = list(splits)
    for _ in range(len(placed)):
        before = list(placed)
        for i in range(len(placed)):
            first, last = [0, *placed, logs.size][i], [*placed, logs.size][i + 1]
            n = last - first
            t = np.arange(_LEAST, n - _LEAST + 1)
            if not t.size:
                continue
            sums = np.cumsum(logs[first:last])
            means = sums[t - 1] / t, (sums[-1] - sums[t - 1]) / (n - t)
            gain = np.square(means[1] - means[0]) * t * (n - t)
            placed[i] = first + int(t[np.argmax(gain)])
        if placed == before:
            break
    return placed


def farthest_split(values: FloatArray) -> tuple[int, int] | None:
    """The split (t, k) for which ``values[:t]`` and ``values[t:k]`` differ most.

    Maximises the energy statistic Q of Matteson and James (their equation 7 with exponent 1), all
    pairs at once by sums over the matrix of distances. ``None`` below two values on each side.
    """
    n = values.size
    if n < 2 * _LEAST:
        return None
    distances = np.abs(values[:, None] - values[None, :])
    # sums[i, j]: all distances between the first i and the first j values.
    sums = np.zeros((n + 1, n + 1))
    sums[1:, 1:] = distances.cumsum(axis=0).cumsum(axis=1)
    t, k = np.triu_indices(n + 1, _LEAST)
    kept = t >= _LEAST
    t, k = t[kept], k[kept]
    left, right = t.astype(np.float64), (k - t).astype(np.float64)
    between = sums[t, k] - sums[t, t]
    within_left = sums[t, t] / 2.0
    within_right = (sums[k, k] - 2.0 * sums[t, k] + sums[t, t]) / 2.0
    spread = 2.0 * between / (left * right)
    spread -= within_left / (left * (left - 1) / 2.0)
    spread -= within_right / (right * (right - 1) / 2.0)
    best = int(np.argmax(spread * left * right / (left + right)))
    return int(t[best]), int(k[best])


def t_test(before: FloatArray, after: FloatArray) -> float:
    """Two-sided p-value of Student's t with a common variance; 1 where it cannot be told."""
    n, m = before.size, after.size
    if n < 1 or m < 1 or n + m < 4:
        return 1.0
    within = float(np.square(before - before.mean()).sum() + np.square(after - after.mean()).sum())
    difference = abs(float(after.mean() - before.mean()))
    error = math.sqrt(within / (n + m - 2) * (1.0 / n + 1.0 / m))
    if error <= 1e-12 * max(1.0, difference):
        return 0.0 if difference > 1e-9 else 1.0
    return float(2.0 * special.stdtr(n + m - 2, -difference / error))


#: Neighbouring differences from which a drift is told at all.
_FEWEST = 4
#: Neighbouring differences share a run: about so many of them are independent.
_INDEPENDENT = 2.0 / 3.0
#: The drift is stated so high that it is too low with this probability only.
_TOO_LOW = 0.2


def between_runs(history: ArrayLike, errors: ArrayLike | None = None) -> float | None:
    """Standard deviation of the logarithm by which one run differs from another.

    ``history`` are values above zero in the order of their runs (for a comparison with a control:
    the function's over the control's); ``errors`` the standard errors of their logarithms, 0 where
    not given. ``None`` for fewer than five runs. The largest difference in ten is left out, as it
    may be a change; the result is an upper limit (80 %) for few runs know it badly.

    Neighbours are compared, so that a change of level counts once and not in every run after it;
    a drift much slower than the distance of two runs is seen only in part.
    """
    logs = np.log(np.asarray(history, dtype=np.float64).ravel())
    kept = np.isfinite(logs)
    noise = np.zeros(logs.size) if errors is None else np.asarray(errors, dtype=np.float64).ravel()
    logs, noise = logs[kept], noise[kept]
    steps = np.diff(logs) ** 2
    if steps.size < _FEWEST:
        return None
    sampling = noise[1:] ** 2 + noise[:-1] ** 2
    left = np.argsort(steps)[: steps.size - steps.size // 10]
    freedom = max(left.size * _INDEPENDENT, 2.0)
    kept_part = left.size / steps.size
    # The mean of the lower part of squared normal deviates, over that of all of them.
    bound = float(special.chdtri(1.0, 1.0 - kept_part))
    trimmed = float(special.chdtr(3.0, bound)) / kept_part if kept_part < 1.0 else 1.0
    seen = float(steps[left].mean()) / trimmed
    upper = seen * freedom / float(special.chdtri(freedom, 1.0 - _TOO_LOW))
    return float(np.sqrt(max(upper - float(sampling[left].mean()), 0.0)))


#: Probability that a share lies outside of its bounds, at either end.
_OUTSIDE = 0.005


def shared(history: ArrayLike, witness: ArrayLike) -> tuple[float, float] | None:
    """Bounds of the part of a witness's changes, in logarithms, that a history shares.

    Both are values above zero in the order of their runs. Least squares over the differences of
    neighbours with Student's t, so that a change of level counts once; ``None`` for fewer than five
    runs, or a witness that never changed.
    """
    logs = np.log(np.asarray([witness, history], dtype=np.float64))
    moved, seen = np.diff(logs, axis=1)
    if moved.size < _FEWEST or not moved.any():
        return None
    share = float(moved @ seen / (moved @ moved))
    freedom = max(moved.size * _INDEPENDENT - 1.0, 1.0)
    left = float(np.square(seen - share * moved).mean()) / float(moved @ moved)
    reach = -float(special.stdtrit(freedom, _OUTSIDE)) * math.sqrt(left * moved.size / freedom)
    return share - reach, share + reach
