"""A verdict with what it rests on, the rules it was made by, and its sentence.

Values and words only; :mod:`tuner.suites.verdict` draws verdicts.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from tuner.model.comparison import Effect
from tuner.model.looks import Looks
from tuner.report.elements import gate_values
from tuner.suites.gate import Gate, Subject
from tuner.units import format_change


class Verdict(StrEnum):
    """The result of judging a gate, the most serious first."""

    REGRESSED = "regressed"
    CANNOT_TELL = "cannot tell"
    IMPROVED = "improved"
    SAME = "same"


def worst(verdicts: Iterable[Verdict]) -> Verdict:
    """The most serious verdict; *same* of none."""
    return min(verdicts, key=list(Verdict).index, default=Verdict.SAME)


#: Two runs of one function at other times differ by about this without any change, as a standard
#: deviation of the logarithm: a level that moves by +-5 % (uniform) in each run, so
#: 0.05 * sqrt(2 / 3). A control function shows all but the part that it does not share.
DRIFT = 0.041
DRIFT_LEFT_BY_CONTROL = 0.01
#: What a function may share of its control's drift: nothing where it waits, all where it works.
SHARES = (0.0, 1.0)
#: While the share is not learned, a function differs beside it by so much of the logarithm that its
#: control drifted by, as a standard deviation. Where an interval has a tail of 0.001, it then holds
#: 95 % of the pairs of runs in ``tests/bench/verdicts`` whose control drifted by more than 10 %.
UNSHARED = 0.3


@dataclass(frozen=True)
class Rules:
    """The required certainty of a verdict, and the gates and looks that it covers.

    ``confidence`` holds for a whole suite run: with no change, at most 1 - ``confidence`` of such
    runs raise an alarm, before any confirmation; ``confidence_interleaved`` is another one for
    sides that were measured in one run (``None``: the same). ``looks`` is ``None`` for a single
    look. Drifts are standard deviations of the logarithm of what two runs differ by without any
    change; ``shares`` are the least and the most that a function shares of what its control drifts,
    and ``unshared`` is how far it may lie beside that.
    """

    gates: int = 1
    confidence: float = 0.99
    looks: Looks | None = None
    confidence_interleaved: float | None = None
    drift: float = DRIFT
    drift_left_by_control: float = DRIFT_LEFT_BY_CONTROL
    shares: tuple[float, float] = SHARES
    unshared: float = UNSHARED

    def level(self, interleaved: bool = False) -> float:
        """The confidence of all intervals together, by how the sides were measured."""
        own = self.confidence_interleaved
        return self.confidence if own is None or not interleaved else own

    def tail(self, calls: int, interleaved: bool = False) -> float:
        """Probability left out at each end of one gate's interval; 0: no look is due yet."""
        tail = (1.0 - self.level(interleaved)) / max(self.gates, 1)
        return tail if self.looks is None else self.looks.tail(calls, tail)


#: A confirming run judges only the gates that alarmed, so it may be less strict.
CONFIRM_WITH = 0.95
#: How many times more often than an alarm a first run of interleaved sides may be wrong.
LAX = 5.0


def rules_for(gates: int, confidence: float = 0.99) -> Rules:
    """The rules of a first run over ``gates`` gates in the whole suite.

    ``confidence`` is the share of suite runs without a change that raise no alarm. Two versions in
    one run are judged with ``LAX`` times the error, for a fresh run, of which nothing is shared
    with the first, has to confirm: both err with ``LAX * (1 - CONFIRM_WITH)`` of it. Against a
    baseline the same baseline confirms, so the first run keeps it alone.
    """
    return Rules(gates, confidence, None, max(1.0 - LAX * (1.0 - confidence), 0.5))


def confirming_rules(first: Rules, gates: int) -> Rules:
    """The rules of the fresh run over the ``gates`` that alarmed: same looks, own error."""
    return replace(first, gates=gates, confidence=CONFIRM_WITH, confidence_interleaved=None)


#: More calls a side than this are no advice: a wider gate is.
SENSIBLE = 10_000


@dataclass(frozen=True)
class Judgement:
    """A verdict on one gate with all that it rests on.

    ``before`` and ``after`` are in the unit of the measure (ms, USD per million, a share);
    ``before`` is ``None`` and ``ratio`` is over the limit for an objective. What is not known is
    ``None``. ``level`` is the confidence of [``low``, ``high``] over all gates and looks.
    ``calls`` are the values on each side that the verdict rests on; ``enough`` is how many a side
    are likely to be enough where it cannot be told (``None``: not known, or no number is).
    """

    gate: Gate
    measure: str
    before: float | None
    after: float | None
    ratio: float | None
    low: float | None
    high: float | None
    level: float
    verdict: Verdict
    calls: tuple[int, int]
    enough: int | None = None
    control_ratio: float | None = None

    @property
    def sentence(self) -> str:
        """The verdict in one line: the change, its limits, and what would settle it."""
        measure, verdict = self.measure, self.verdict
        before, after = gate_values(measure, self.before, self.after, self.gate.limit)
        if self.gate.limit is not None:
            if self.after is None:
                return f"{self.gate.text} is inconclusive: no values{self._wanted()}"
            calls = f"{after} over {self.calls[1]:,} calls"
            return f"{self.gate.text} {_OF_LIMITS[verdict]}: {calls}{self._wanted()}"
        values = f"{before} -> {after}"
        if self.gate.subject.share:
            return f"{measure} {_OF_SHARES[verdict]}: {values}{self._wanted()}"
        if self.before is None or self.after is None:
            side = "before" if self.before is None else "after"
            return f"{measure} is inconclusive: no values {side}"
        between = ""
        if self.low is not None and self.high is not None:
            between = f" ({format_change(self.low)} to {format_change(self.high)})"
        words = _OF_COST if self.gate.subject is Subject.COST else _OF_TIMES
        word = words[verdict].format(self.gate.rise * 100)
        return f"{measure} {word}: {format_change(self.ratio)}{between}, {values}{self._end()}"

    @property
    def left_open_by_drift(self) -> bool:
        """True if no number of calls decides it, for the control drifted too far."""
        told = self.verdict is not Verdict.CANNOT_TELL or self.enough is not None
        return not told and self.control_ratio is not None

    @property
    def untold(self) -> bool:
        """True for a comparison with too few calls for an interval: ``enough`` are for that one,
        and how many settle the gate is not known."""
        compared = self.gate.limit is None and not self.gate.subject.share
        return compared and self.low is None and self.enough is not None

    def _end(self) -> str:
        """What would settle it, or how sure a regression is to be more than the gate."""
        edge = 1.0 + self.gate.rise
        if self.verdict is not Verdict.REGRESSED or self.low is None or self.low >= edge:
            return self._wanted()
        sure = "likely" if self.ratio is not None and self.ratio >= edge else "possible"
        more = "slower" if self.gate.subject is not Subject.COST else "higher"
        return f"; surely {more}, and more than {self.gate.rise * 100:g} % is {sure}"

    def _wanted(self) -> str:
        if self.verdict is not Verdict.CANNOT_TELL:
            return ""
        if self.left_open_by_drift:
            drift = format_change(self.control_ratio)
            return f"; the machine drifted by {drift}; `--against` decides it in one run"
        if self.enough is None:
            return "; more calls alone would not settle it"
        if self.enough > SENSIBLE:
            return "; too noisy for any practical number of calls"
        if self.untold:
            return f"; it takes at least {self.enough:,} calls per side to tell"
        return f"; about {self.enough:,} calls per side would settle it"


_OPEN = {Verdict.CANNOT_TELL: "is inconclusive"}
_OF_TIMES = {
    Verdict.REGRESSED: "is slower",
    Verdict.IMPROVED: "is faster",
    Verdict.SAME: "is unchanged within {:g} %",
    **_OPEN,
}
_OF_COST = {**_OF_TIMES, Verdict.REGRESSED: "is higher", Verdict.IMPROVED: "is lower"}
_OF_SHARES = {
    Verdict.REGRESSED: "rose",
    Verdict.IMPROVED: "fell",
    Verdict.SAME: "did not rise",
    **_OPEN,
}
_OF_LIMITS = {Verdict.REGRESSED: "is missed", Verdict.SAME: "is met", **_OPEN}


def judgement(
    gate: Gate, effect: Effect, level: float, verdict: Verdict, enough: int | None = None
) -> Judgement:
    """An effect and what was read off it at that level, in the measure's own unit.

    Values and verdict agree, for the interval holds their ratio. Raises ``AssertionError``, an
    error of ours, where they do not.
    """
    rose = effect.after > effect.before or gate.limit is not None
    fell = effect.after < effect.before
    if (verdict is Verdict.REGRESSED and not rose) or (verdict is Verdict.IMPROVED and not fell):
        raise AssertionError(f"{gate.text}: {verdict} with {effect.before} -> {effect.after}")
    scale = 1e6 if gate.subject is Subject.COST else 1.0
    return Judgement(
        gate, gate.measure, known(effect.before * scale), known(effect.after * scale),
        known(effect.ratio), known(effect.low) or None, known(effect.high), level,
        verdict, (effect.n_before, effect.n_after), enough, effect.control_ratio,
    )  # fmt: skip


def known(value: float) -> float | None:
    """The value, or ``None`` where it is not finite: documents have no NaN."""
    return value if math.isfinite(value) else None
