"""Gates on what has no ratio: objectives (``p95<300ms``) and shares (``throttles``).

An objective is judged by the later side alone. A share that is zero on both sides has no ratio,
so shares are compared by exact counts, and equality is a matter of percentage points.
"""

import math

import numpy as np
from scipy import special

from tuner.model.comparison import Effect, Measured, compare_rates
from tuner.model.limits import Limits, mean_limits, quantile_limits, rate_limits
from tuner.suites.gate import Gate, Subject
from tuner.suites.judgement import Judgement, Pair, Rules, Verdict, judgement

#: Two shares closer than this (percentage points) are the same where the gate says nothing else.
SAME_SHARE = 0.01


def judge_objective(gate: Gate, pair: Pair, rules: Rules) -> Judgement:
    """Kept (*same*) or missed (*regressed*) for certain, or cannot tell. Raises ``ValueError``
    for a gate without an objective."""
    if gate.slo is None:
        raise ValueError(f"{gate.text!r} is no objective")
    tail = rules.tail(pair.after.calls, pair.interleaved)
    limit = gate.slo.limit / (1e6 if gate.subject is Subject.COST else 1.0)
    if gate.subject.share:
        counted = pair.after.counts(gate.subject)
        value, n, (low, high) = counted.rate, counted.total, rate_limits(counted, tail)
    else:
        side = pair.after.values(gate.subject)
        value, n, (low, high) = _limits(side, gate.quantile, tail)
    verdict = Verdict.CANNOT_TELL
    if n and low >= limit:
        verdict = Verdict.REGRESSED
    elif n and high < limit:
        verdict = Verdict.SAME
    effect = Effect(
        math.nan, value, value / limit, low / limit, high / limit, math.inf, 0, n
    )  # fmt: skip
    enough = None
    if verdict is Verdict.CANNOT_TELL and n:
        enough = _enough_for(gate, effect, tail)
    return judgement(gate, effect, rules.level(pair.interleaved), verdict, enough)


def _limits(side: Measured, quantile: float | None, tail: float) -> tuple[float, int, Limits]:
    n = len(side)
    if not n:
        return math.nan, 0, (0.0, math.inf)
    if quantile is None:
        return float(side.values.mean()), n, mean_limits(side, tail)
    if quantile == 1.0:  # the greatest so far is a fact: it broke the limit or it did not
        greatest = float(side.values.max())
        return greatest, n, (greatest, greatest)
    return float(np.quantile(side.values, quantile)), n, quantile_limits(side, quantile, tail)


def _enough_for(gate: Gate, effect: Effect, tail: float) -> int | None:
    """Calls after which the limit is likely to lie outside the interval."""
    n, ratio = effect.n_after, effect.ratio
    if tail <= 0 or ratio == 1.0 or not ratio > 0:
        return None
    least = 0
    if not gate.subject.share and gate.quantile is not None:
        inside = gate.quantile if ratio < 1 else 1.0 - gate.quantile
        least = math.ceil(math.log(tail) / math.log(inside))
    end = effect.high if ratio < 1 else effect.low
    if end <= 0 or not math.isfinite(end):
        return max(least, n + 1)
    return max(least, n + 1, math.ceil(n * (math.log(end / ratio) / math.log(ratio)) ** 2))


def judge_rate(gate: Gate, pair: Pair, rules: Rules) -> Judgement:
    """Compare a share of requests; ``gate.rise`` is in percentage points (0: any rise)."""
    before, after = pair.before.counts(gate.subject), pair.after.counts(gate.subject)
    tail = rules.tail(pair.calls, pair.interleaved)
    effect = compare_rates(before, after, tail)
    if not before.total or not after.total:
        return judgement(gate, effect, rules.level(pair.interleaved), Verdict.CANNOT_TELL)
    rise = after.rate - before.rate
    most = rate_limits(after, tail)[1] - rate_limits(before, tail)[0]
    verdict = Verdict.CANNOT_TELL
    if effect.low > 1.0 and rise >= gate.rise:
        verdict = Verdict.REGRESSED
    elif effect.high < 1.0 and -rise >= gate.rise:
        verdict = Verdict.IMPROVED
    elif after.hits == 0 or most < max(gate.rise, SAME_SHARE):
        verdict = Verdict.SAME
    enough = None
    if verdict is Verdict.CANNOT_TELL and tail > 0:
        error = math.sqrt(1.0 / (before.hits + 0.5) + 1.0 / (after.hits + 0.5))
        size = math.log((after.hits + 0.5) / after.total * before.total / (before.hits + 0.5))
        wanted = -float(special.ndtri(tail)) * error
        n = min(before.total, after.total)
        enough = max(n + 1, math.ceil(n * (wanted / size) ** 2)) if size > 0.01 else None
    return judgement(gate, effect, rules.level(pair.interleaved), verdict, enough)
