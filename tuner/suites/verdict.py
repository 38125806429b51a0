"""What a comparison says about a gate: regressed, improved, same, or cannot tell.

The verdict is read off an interval of the ratio that holds for all gates and all looks of a suite
together. With a gate of +10 %:

- *same*: the interval lies between 1/1.10 and 1.10. Equivalence is shown, not merely not denied.
- *regressed*: it lies above 1 and reaches 1.10 or beyond: slower for certain, and as much as
  matters is not excluded. (Its middle is then beyond half of the gate.)
- *improved*: the mirror image.
- *cannot tell*: anything else, with the calls that would be enough.

Rules with their sources: Schuirmann 1987 for equivalence by an interval, Bonferroni for many
gates, :mod:`tuner.model.looks` for many looks.
"""

import math
from collections.abc import Sequence

from tuner.model.comparison import Control, Effect, Precision, compare, critical
from tuner.model.spread import least_count
from tuner.suites.absolute import judge_objective, judge_rate
from tuner.suites.gate import Gate, Subject
from tuner.suites.judgement import (
    DRIFT,
    DRIFT_LEFT_BY_CONTROL,
    Judgement,
    Pair,
    Rules,
    Verdict,
    judgement,
)

__all__ = [
    "DRIFT",
    "DRIFT_LEFT_BY_CONTROL",
    "Judgement",
    "Pair",
    "Rules",
    "Verdict",
    "judge",
    "judge_all",
    "read",
]


def judge(gate: Gate, pair: Pair, rules: Rules) -> Judgement:
    """Judge one gate by the samples so far."""
    if gate.slo is not None:
        return judge_objective(gate, pair, rules)
    if gate.subject.share:
        return judge_rate(gate, pair, rules)
    before, after = pair.before.values(gate.subject), pair.after.values(gate.subject)
    effect = compare(before, after, gate.quantile, _precision(pair, rules), _control(gate, pair))
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


def _control(gate: Gate, pair: Pair) -> Control | None:
    """The control's own figures: its INIT for starts, its duration for everything else."""
    if pair.control is None:
        return None
    before, after = pair.control
    if gate.subject is Subject.INIT:
        return Control(before.init_ms, after.init_ms)
    if gate.subject is Subject.CLIENT:
        return Control(before.client_ms, after.client_ms)
    return Control(before.duration_ms, after.duration_ms)


#: Standard normal deviate of 80 %: so likely "enough" calls are to settle a gate.
_LIKELY = 0.84


def _enough(effect: Effect, gate: Gate, pair: Pair, rules: Rules) -> int | None:
    """Calls a side (values of the gate's subject) that are likely to settle the gate.

    The interval has to fit between no change and the estimate, or between the estimate and the
    gate. ``None`` where drift between the runs alone is wider than that, or nothing is known.
    """
    n = min(effect.n_before, effect.n_after)
    if not n:
        return None
    least = max(least_count(gate.quantile), rules.looks.calls[0] if rules.looks else 0)
    if not math.isfinite(effect.log_error):
        return max(least, n + 1) if gate.quantile != 1.0 else None
    precision = _precision(pair, rules)
    tail = rules.tail(rules.looks.most if rules.looks else pair.calls, pair.interleaved)
    size, edge = abs(math.log(effect.ratio)), math.log1p(gate.rise)
    room = max(size, edge - size) / (critical(tail, effect.freedom) + _LIKELY)
    left = room**2 - precision.between_runs**2
    if left <= 0:
        return None
    own = effect.log_error**2 - precision.between_runs**2
    return max(least, n + 1, math.ceil(n * own / left))
