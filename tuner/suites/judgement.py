"""A verdict with what it rests on, the rules it was made by, and its sentence.

Values and words only; :mod:`tuner.suites.verdict` draws verdicts.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from tuner.model.comparison import Effect
from tuner.model.looks import Looks
from tuner.report.elements import change, measured
from tuner.suites.gate import Gate, Subject
from tuner.suites.side import Side


class Verdict(StrEnum):
    """The result of judging a gate."""

    REGRESSED = "regressed"
    IMPROVED = "improved"
    SAME = "same"
    CANNOT_TELL = "cannot tell"


#: Two runs of one function at other times differ by about this without any change, as a standard
#: deviation of the logarithm: a level that moves by +-5 % (uniform) in each run, so
#: 0.05 * sqrt(2 / 3). A control function takes out all but the part that it does not share.
DRIFT = 0.041
DRIFT_LEFT_BY_CONTROL = 0.01


@dataclass(frozen=True)
class Rules:
    """The required certainty of a verdict, and the gates and looks that it covers.

    ``confidence`` holds for a whole suite run: with no change, at most 1 - ``confidence`` of such
    runs raise an alarm, before any confirmation; ``confidence_interleaved`` is another one for
    sides that were measured in one run (``None``: the same). ``looks`` is ``None`` for a single
    look. Drifts are standard deviations of the logarithm of what two runs differ by without any
    change.
    """

    gates: int = 1
    confidence: float = 0.99
    looks: Looks | None = None
    confidence_interleaved: float | None = None
    drift: float = DRIFT
    drift_left_by_control: float = DRIFT_LEFT_BY_CONTROL

    def level(self, interleaved: bool = False) -> float:
        """The confidence of all intervals together, by how the sides were measured."""
        own = self.confidence_interleaved
        return self.confidence if own is None or not interleaved else own

    def tail(self, calls: int, interleaved: bool = False) -> float:
        """Probability left out at each end of one gate's interval; 0: no look is due yet."""
        tail = (1.0 - self.level(interleaved)) / max(self.gates, 1)
        return tail if self.looks is None else self.looks.tail(calls, tail)


@dataclass(frozen=True, eq=False)
class Pair:
    """Two sides to compare. ``interleaved`` calls shared their time; those of two runs did not.

    ``control`` is the control function beside ``before`` and beside ``after``.
    """

    before: Side
    after: Side
    interleaved: bool = True
    control: tuple[Side, Side] | None = None

    @property
    def calls(self) -> int:
        """Invocations on the smaller side, or on the growing one where the other is stored."""
        growing = self.after.calls
        return min(self.before.calls, growing) if self.interleaved else growing


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
        """One line for people."""

        return sentence(self)


def judgement(
    gate: Gate, effect: Effect, level: float, verdict: Verdict, enough: int | None = None
) -> Judgement:
    """An effect and what was read off it at that level, in the measure's own unit."""
    scale = 1e6 if gate.subject is Subject.COST else 1.0
    return Judgement(
        gate, gate.measure, known(effect.before * scale), known(effect.after * scale),
        known(effect.ratio), known(effect.low) or None, known(effect.high), level,
        verdict, (effect.n_before, effect.n_after), enough, effect.control_ratio,
    )  # fmt: skip


def known(value: float) -> float | None:
    """The value, or ``None`` where it is not finite: documents have no NaN."""
    return value if math.isfinite(value) else None


def sentence(j: Judgement) -> str:
    """The verdict in a sentence: the change, its limits, and what would settle it."""
    if j.gate.slo is not None:
        return f"{_kept(j)}{_wanted(j)}"
    values = f"{measured(j.measure, j.before)} -> {measured(j.measure, j.after)}"
    if j.gate.subject.share:
        return f"{j.measure} {_share_words(j)}: {values}{_wanted(j)}"
    if j.before is None or j.after is None:
        return f"{j.measure} is inconclusive: no values {'before' if j.before is None else 'after'}"
    between = ""
    if j.low is not None and j.high is not None:
        between = f" ({change(j.low)} to {change(j.high)})"
    return f"{j.measure} {_word(j)}: {change(j.ratio)}{between}, {values}{_wanted(j)}"


def _word(j: Judgement) -> str:
    cost = j.gate.subject is Subject.COST
    return {
        Verdict.REGRESSED: "is higher" if cost else "is slower",
        Verdict.IMPROVED: "is lower" if cost else "is faster",
        Verdict.SAME: f"is unchanged within {j.gate.rise * 100:g} %",
        Verdict.CANNOT_TELL: "is inconclusive",
    }[j.verdict]


def _share_words(j: Judgement) -> str:
    return {
        Verdict.REGRESSED: "rose",
        Verdict.IMPROVED: "fell",
        Verdict.SAME: "did not rise",
        Verdict.CANNOT_TELL: "is inconclusive",
    }[j.verdict]


def _kept(j: Judgement) -> str:
    shown = measured(j.measure, j.after)
    if j.after is None:
        return f"{j.gate.text} is inconclusive: no values"
    word = {Verdict.REGRESSED: "is missed", Verdict.SAME: "is met"}.get(
        j.verdict, "is inconclusive"
    )
    return f"{j.gate.text} {word}: {shown} over {j.calls[1]:,} calls"


def _wanted(j: Judgement) -> str:
    if j.verdict is not Verdict.CANNOT_TELL:
        return ""
    if j.enough is None:
        return "; more calls alone would not settle it"
    if j.enough > SENSIBLE:
        return "; too noisy for any practical number of calls"
    return f"; about {j.enough:,} calls per side would settle it"
