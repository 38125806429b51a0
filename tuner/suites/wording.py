"""The sentence of a judgement, for terminals, reports and messages."""

from tuner.suites.gate import Subject
from tuner.suites.judgement import SENSIBLE, Judgement, Verdict
from tuner.units import UNKNOWN, format_ms, format_share, format_usd_per_million


def quantity(subject: Subject, value: float | None) -> str:
    """A value of a measure with its unit."""
    if value is None:
        return UNKNOWN
    if subject is Subject.COST:
        return format_usd_per_million(value)
    return format_share(value) if subject.share else format_ms(value)


def change(ratio: float | None) -> str:
    """1.12 is ``+12 %``, 0.98 ``-2 %``; ``+0.4 %`` below one per cent."""
    if ratio is None:
        return UNKNOWN
    percent = (ratio - 1.0) * 100.0
    return f"{percent:+.{0 if abs(percent) >= 9.95 else 1}f} %"


def sentence(j: Judgement) -> str:
    """What is known, between which limits, and what would settle it."""
    if j.gate.slo is not None:
        return f"{_kept(j)}{_wanted(j)}"
    values = f"{quantity(j.gate.subject, j.before)} -> {quantity(j.gate.subject, j.after)}"
    if j.gate.subject.share:
        return f"{j.measure} {_share_words(j)}: {values}{_wanted(j)}"
    if j.before is None or j.after is None:
        return f"{j.measure} cannot be told: no values {'before' if j.before is None else 'after'}"
    between = ""
    if j.low is not None and j.high is not None:
        between = f" ({change(j.low)} to {change(j.high)})"
    return f"{j.measure} {_word(j)}: {change(j.ratio)}{between}, {values}{_wanted(j)}"


def _word(j: Judgement) -> str:
    cost = j.gate.subject is Subject.COST
    return {
        Verdict.REGRESSED: "is dearer" if cost else "is slower",
        Verdict.IMPROVED: "is cheaper" if cost else "is faster",
        Verdict.SAME: f"is the same within {j.gate.rise * 100:g} %",
        Verdict.CANNOT_TELL: "cannot be told",
    }[j.verdict]


def _share_words(j: Judgement) -> str:
    return {
        Verdict.REGRESSED: "rose",
        Verdict.IMPROVED: "fell",
        Verdict.SAME: "did not rise",
        Verdict.CANNOT_TELL: "cannot be told",
    }[j.verdict]


def _kept(j: Judgement) -> str:
    shown = quantity(j.gate.subject, j.after)
    if j.after is None:
        return f"{j.gate.text} cannot be told: no values"
    word = {Verdict.REGRESSED: "is missed", Verdict.SAME: "is kept"}.get(
        j.verdict, "cannot be told"
    )
    return f"{j.gate.text} {word}: {shown} of {j.calls[1]:,} calls"


def _wanted(j: Judgement) -> str:
    if j.verdict is not Verdict.CANNOT_TELL:
        return ""
    if j.enough is None:
        return "; more calls alone would not settle it"
    if j.enough > SENSIBLE:
        return "; it scatters too much to be settled by a sensible number of calls"
    return f"; about {j.enough:,} calls a side would be enough"
