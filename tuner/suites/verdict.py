"""Verdicts on gates: regressed, improved, same, or cannot tell.

People read *unchanged* for same and *inconclusive* for cannot tell.

The verdict is read off an interval of the ratio that holds for all gates and all looks of a suite
together, and, beside a baseline, whatever part of the control's drift the function shares. It holds
the ratio of the values that are shown, so that no verdict contradicts them. With a gate of +10 %:

- *same*: the interval lies between 1/1.10 and 1.10. Equivalence is shown, not merely not denied.
- *regressed*: it lies above 1 and reaches 1.10 or beyond: slower for certain, and as much as
  matters is not excluded. (Its middle is then beyond half of the gate.)
- *improved*: the mirror image.
- *cannot tell*: anything else, with the calls that would be enough.

Rules with their sources: Schuirmann 1987 for equivalence by an interval, Bonferroni for many
gates, :mod:`tuner.model.looks` for many looks.

An objective (``p95<300ms``) is judged by the later side alone. A share that is zero on both sides
has no ratio, so shares are compared by exact counts, and "same" is a matter of percentage points.
"""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy import special

from tuner.model.comparison import (
    Control,
    Effect,
    Measured,
    Precision,
    compare,
    compare_rates,
    critical,
)
from tuner.model.limits import Bounds, mean_limits, quantile_limits, rate_limits
from tuner.model.spread import least_count
from tuner.suites.gate import Gate, Subject
from tuner.suites.judgement import SHARES, UNSHARED, Judgement, Rules, Verdict, judgement
from tuner.suites.side import Pair

#: Two shares closer than this (percentage points) are the same where the gate says nothing else.
SAME_SHARE = 0.01


def judge_objective(gate: Gate, pair: Pair, rules: Rules) -> Judgement:
    """Kept (*same*) or missed (*regressed*) for certain, or cannot tell. Raises ``ValueError``
    for a gate without an objective."""
    if gate.limit is None:
        raise ValueError(f"{gate.text!r} is no objective")
    tail = rules.tail(pair.after.calls, pair.interleaved)
    limit = gate.limit / (1e6 if gate.subject is Subject.COST else 1.0)
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


def _limits(side: Measured, quantile: float | None, tail: float) -> tuple[float, int, Bounds]:
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


def judge(gate: Gate, pair: Pair, rules: Rules) -> Judgement:
    """Judge one gate by the samples so far."""
    if gate.limit is not None:
        return judge_objective(gate, pair, rules)
    if gate.subject.share:
        return judge_rate(gate, pair, rules)
    before, after = pair.before.values(gate.subject), pair.after.values(gate.subject)
    effect = compare(
        before, after, gate.quantile, _precision(pair, rules), _control(gate, pair, rules)
    )
    edge = math.log1p(gate.rise)
    verdict = Verdict.CANNOT_TELL
    if effect.known:
        verdict = read(math.log(effect.low), math.log(effect.high), edge)
    enough = _enough(effect, gate, pair, rules) if verdict is Verdict.CANNOT_TELL else None
    return judgement(gate, effect, rules.level(pair.interleaved), verdict, enough)


def judge_all(gates: Sequence[Gate], pair: Pair, rules: Rules) -> tuple[Judgement, ...]:
    """Judge every gate; ``rules.gates`` says over how many in the whole suite."""
    return tuple(judge(gate, pair, rules) for gate in gates)


def read(low: float, high: float, edge: float) -> Verdict:
    """The verdict of an interval of the logarithm, ``edge`` being that of the gate."""
    if -edge < low and high < edge:
        return Verdict.SAME
    if low > 0:
        return Verdict.REGRESSED
    return Verdict.IMPROVED if high < 0 else Verdict.CANNOT_TELL


def _precision(pair: Pair, rules: Rules) -> Precision:
    drift = rules.drift if pair.control is None else rules.drift_left_by_control
    between = 0.0 if pair.interleaved else drift
    return Precision(rules.tail(pair.calls, pair.interleaved), pair.interleaved, between)


def _control(gate: Gate, pair: Pair, rules: Rules) -> Control | None:
    """The control's own figures: its INIT for starts, its duration for everything else."""
    if pair.control is None:
        return None
    own = (Subject.INIT, Subject.CLIENT)
    subject = gate.subject if gate.subject in own else Subject.DURATION
    before, after = (side.values(subject) for side in pair.control)
    if gate.subject in (Subject.INIT, Subject.COLD):
        return Control(before, after, shares=SHARES, unshared=UNSHARED)
    return Control(before, after, shares=rules.shares, unshared=rules.unshared)


#: Standard normal deviate of 80 %: so likely "enough" calls are to settle a gate.
_LIKELY = 0.84


def _enough(effect: Effect, gate: Gate, pair: Pair, rules: Rules) -> int | None:
    """Calls a side (values of the gate's subject) that are likely to settle the gate.

    The interval has to fit between no change and the estimate, or between the estimate and the
    gate, whatever is shared of the control's drift. ``None`` where drift between the runs alone is
    wider than that, or nothing is known. Before a run's next look, few calls only ask for more.
    """
    n = min(effect.n_before, effect.n_after)
    if not n:
        return None
    least = max(least_count(gate.quantile), rules.looks.calls[0] if rules.looks else 0)
    told, logarithm = math.isfinite(effect.log_error), math.log(effect.ratio)
    if gate.quantile == 1.0:
        return None
    if not told and rules.looks:
        return max(least, n + 1)
    tail = rules.tail(rules.looks.most if rules.looks else pair.calls, pair.interleaved)
    (low, high), edge = effect.span if told else (logarithm, logarithm), math.log1p(gate.rise)
    between = effect.between if told else _precision(pair, rules).between_runs
    freedom = effect.freedom if told else math.inf
    room = max(low, -high, edge - max(-low, high)) / (critical(tail, freedom) + _LIKELY)
    left = room**2 - between**2
    if room <= 0 or left <= 0:
        return None
    if not told:
        return max(least, n + 1)
    own = effect.log_error**2 - effect.between**2
    return max(least, n + 1, math.ceil(n * own / left))


def alarming(judgements: Sequence[Judgement]) -> tuple[Gate, ...]:
    """The gates that a fresh run has to confirm before anybody is told."""
    return tuple(j.gate for j in judgements if j.verdict is Verdict.REGRESSED)


def confirmed(first: Sequence[Judgement], again: Sequence[Judgement]) -> tuple[Judgement, ...]:
    """What counts when a fresh run has judged again what alarmed.

    The fresh run has the last word: it was not chosen for being slow, so its ratio is no
    exaggeration. One that did not come to a verdict leaves none behind.
    """
    fresh = {j.gate: j for j in again}
    return tuple(
        fresh.get(j.gate, replace(j, verdict=Verdict.CANNOT_TELL))
        if j.verdict is Verdict.REGRESSED
        else j
        for j in first
    )
