"""Suite runs on drawn noise: looks, verdicts, the confirming run, and the fixed ratio beside."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from tuner.model.looks import planned
from tuner.model.run_history import between_runs
from tuner.model.spread import estimate, interpolated
from tuner.suites.baseline import learned, rules_of
from tuner.suites.gate import Gate, parse_gate
from tuner.suites.judgement import (
    DRIFT_LEFT_BY_CONTROL,
    Judgement,
    Rules,
    Verdict,
    confirming_rules,
    rules_for,
)
from tuner.suites.rounds import next_look
from tuner.suites.side import Pair
from tuner.suites.verdict import alarming, confirmed, judge_all
from verdicts.noise import Aws, Calls, Change, Generator, Local

GATES = tuple(
    parse_gate(text)
    for text in (
        "p50 +10%", "p90 +10%", "p95 +10%", "mean +10%", "client_p50 +10%", "client_p95 +10%",
        "cold_p50 +20%", "init +20%", "cost_per_million +5%", "throttles",
    )
)  # fmt: skip
MOST = 200
#: What others do: the ratio of two figures, and an alarm above this.
FIXED = 1.10

Noise = Local | Aws


@dataclass(frozen=True)
class Trial:
    """One suite run. ``found`` and ``confirmed`` are measures that regressed in the first run,
    and that the fresh run showed again; ``fixed`` those above the fixed ratio on the same pair."""

    judgements: tuple[Judgement, ...]
    found: frozenset[str]
    confirmed: frozenset[str]
    calls: int
    calls_in_all: int
    fixed: frozenset[str] = field(default=frozenset())

    def verdict(self, measure: str) -> Verdict:
        """What the first run said of a measure."""
        return next(j.verdict for j in self.judgements if j.measure == measure)


@dataclass(frozen=True)
class Drift:
    """How far a run's level may be off (uniform, 0.05 for +-5 %), and whether a control runs.

    ``anytime``: the new run is of any recorded time, so that all that the machine did in between
    is in it, and ``HISTORY`` earlier runs tell how far runs lie apart. Otherwise both are of one
    time and only the level drifts. ``learned``: so many earlier runs against the same baseline
    told what the function shares of its control's drift.
    """

    most: float
    control: bool
    anytime: bool = False
    learned: bool = False


#: Earlier runs that are known where the drift is told from them.
HISTORY = 12


@dataclass(frozen=True, eq=False)
class Baseline:
    """A stored run: the function, the control beside it, when, and how far its level was off."""

    calls: Calls
    control: Calls
    level: float
    time: int


@dataclass(frozen=True, eq=False)
class Question:
    """What is compared: a function of some noise, what was made of it, and how it is measured.

    Without ``drift`` both versions are interleaved in one run; with it a new run is compared
    with a stored one.
    """

    noise: Noise
    function: str
    change: Change
    drift: Drift | None = None

    def baseline(self, rng: Generator) -> Baseline | None:
        """The stored run, where there is one."""
        return None if self.drift is None else self._run(rng)

    def rules(self, rng: Generator, stored: Baseline | None) -> Rules:
        """Those of ten gates; drift and shares are told from the history where there is one."""
        rules = replace(rules_for(len(GATES)), looks=planned(MOST))
        if self.drift is not None and self.drift.learned and stored is not None:
            runs = [self._run(rng, stored.time) for _ in range(HISTORY)]
            found = learned(*zip(*(_ratios(stored, run) for run in runs), strict=True))
            return rules if found is None else rules_of(rules, *found)
        if self.drift is None or not self.drift.anytime:
            return rules
        runs = [self._run(rng) for _ in range(HISTORY)]
        pairs = [
            [estimate(c.duration * run.level, 0.5) for c in (run.calls, run.control)]
            for run in runs
        ]
        ratios = [f.value / c.value for f, c in pairs if f and c]
        errors = [math.hypot(f.log_error, c.log_error) for f, c in pairs if f and c]
        left = between_runs(ratios, errors)
        assert left is not None
        return replace(rules, drift_left_by_control=max(left, DRIFT_LEFT_BY_CONTROL))

    def _run(self, rng: Generator, time: int | None = None) -> Baseline:
        assert self.drift is not None
        when = int(rng.integers(self.noise.times())) if time is None else time
        calls, control = self.noise.run(rng, MOST, self.function, when)
        level = 1.0 + float(rng.uniform(-self.drift.most, self.drift.most))
        return Baseline(calls, control, level, when)

    def pair(self, rng: Generator, stored: Baseline | None) -> Callable[[int], Pair]:
        """A new measurement that grows: the function gives its first so many calls a side."""
        if stored is None or self.drift is None:
            before, after = self.noise.interleaved(rng, MOST, self.function)
            return lambda calls: Pair(before.side(calls), after.side(calls, self.change))
        new = self._run(rng, None if self.drift.anytime else stored.time)
        control = self.drift.control

        def grown(calls: int) -> Pair:
            beside = (
                stored.control.side(MOST, drift=stored.level),
                new.control.side(calls, drift=new.level),
            )
            return Pair(
                stored.calls.side(MOST, drift=stored.level),
                new.calls.side(calls, self.change, new.level),
                interleaved=False,
                control=beside if control else None,
            )

        return grown


def _ratios(stored: Baseline, run: Baseline) -> tuple[float, float]:
    """By what the medians of a run, and of its control, differ from the baseline's."""
    level = run.level / stored.level
    pairs = (run.calls, stored.calls), (run.control, stored.control)
    function, control = (
        level * float(np.median(now.duration) / np.median(then.duration)) for now, then in pairs
    )
    return function, control


def sampled(
    grown: Callable[[int], Pair], gates: Sequence[Gate], rules: Rules
) -> tuple[tuple[Judgement, ...], int]:
    """Look, and go on while a gate is open; the last judgements and the calls a side."""
    assert rules.looks is not None
    calls, judgements = rules.looks.calls[0], ()
    while True:
        judgements = judge_all(gates, grown(calls), rules)
        following = next_look(judgements, calls, rules.looks)
        if following is None:
            return judgements, calls
        calls = following


def suite(rng: Generator, question: Question, gates: Sequence[Gate] = GATES) -> Trial:
    """A first run, and a fresh one over what alarmed. Always judged as one of ten gates."""
    stored = question.baseline(rng)
    rules = question.rules(rng, stored)
    grown = question.pair(rng, stored)
    judgements, calls = sampled(grown, gates, rules)
    alarms = alarming(judgements)
    again: tuple[Judgement, ...] = ()
    more = 0
    if alarms:
        fresh = question.pair(rng, stored)
        again, more = sampled(fresh, alarms, confirming_rules(rules, len(alarms)))
    kept = confirmed(judgements, again)
    return Trial(
        judgements,
        frozenset(g.measure for g in alarms),
        frozenset(j.measure for j in kept if j.verdict is Verdict.REGRESSED),
        calls,
        calls + more,
        _above(grown(MOST), gates),
    )


def _above(whole: Pair, gates: Sequence[Gate]) -> frozenset[str]:
    """Measures whose plain ratio over all calls is above the fixed one."""
    found = set()
    for gate in gates:
        if gate.subject.share:
            continue
        sides = [side.values(gate.subject).values for side in (whole.before, whole.after)]
        old, new = (
            float(v.mean() if gate.quantile is None else interpolated(np.sort(v), gate.quantile))
            for v in sides
        )
        if new > FIXED * old:
            found.add(gate.measure)
    return frozenset(found)
