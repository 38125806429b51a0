"""Gates as users write them: ``p95 +10%``, ``cost_per_million +5%``, ``throttles``, ``p95<300ms``.

Reading only; whether a gate is passed is decided in :mod:`tuner.suites.verdict`. A rise names the
smallest change that matters to the user: one of that size is to be found, a smaller one is not to
raise an alarm. An objective (``<``) is read by the parser of ``--slo``.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from tuner.errors import UsageError
from tuner.options.readers import read_slos


class Subject(StrEnum):
    """The subject of a gate: a field of :class:`tuner.suites.side.Side`."""

    DURATION = "duration_ms"  # warm duration
    CLIENT = "client_ms"  # what a caller waits
    COLD = "cold_ms"  # INIT plus the first duration
    INIT = "init_ms"
    COST = "cost_usd"  # per invocation
    THROTTLES = "throttles"  # share of requests
    ERRORS = "errors"  # share of requests

    @property
    def share(self) -> bool:
        """True for a share of requests, false for a quantity that each has."""
        return self in (Subject.THROTTLES, Subject.ERRORS)


@dataclass(frozen=True)
class Gate:
    """One condition that a run has to meet.

    ``quantile`` is in (0, 1), ``None`` for a mean, 1 for a maximum (objectives only).
    ``rise`` is the smallest change that matters: relative (0.10 for +10 %), for shares in
    percentage points as a share (0.01). For an objective ``limit`` is set (ms, USD per million, or
    a share) and ``rise`` is 0.
    """

    text: str
    measure: str
    subject: Subject
    quantile: float | None
    rise: float = 0.0
    limit: float | None = None


_SUBJECTS = {
    "": Subject.DURATION,
    "client_": Subject.CLIENT,
    "cold_": Subject.COLD,
    "init_": Subject.INIT,
}
_TIMED = (
    r"(?P<prefix>client_|cold_|init_)?"
    r"(?:p(?P<percent>\d{1,2}(?:\.\d{1,4})?)|(?P<word>mean|avg|max))"
)
_NAMED = r"(?P<init>init)|(?P<cost>cost(?:_per_million)?)|(?P<share>throttles|errors)"
_GATE = re.compile(
    rf"(?:{_TIMED}|{_NAMED})(?:\s*\+\s*(?P<rise>\d{{1,9}}(?:\.\d{{0,9}})?|\.\d{{1,9}})\s*%)?",
    re.ASCII,
)
#: A rise beyond this is a slip of the finger: 100 times as slow.
_MOST_PERCENT = 10_000.0
_FIX = (
    "Write it like 'p95 +10%', 'cost_per_million +5%', 'init +20%', 'throttles', or an "
    "objective like 'p95<300ms'."
)


def parse_gate(text: str, option: str = "gate") -> Gate:
    """Read one gate; raises only ``UsageError``."""
    plain = text.strip().lower()
    if not plain:
        raise _bad(text, option, "is empty")
    if "<" in plain:
        return _objective(text, option)
    match = _GATE.fullmatch(plain)
    if not match:
        raise _bad(text, option, _reason(plain))
    rise = None if match["rise"] is None else float(match["rise"]) / 100.0
    if match["share"]:
        return _share(text, match["share"], rise, option)
    if rise is None:
        raise _bad(text, option, "names no size of change", f"Write it like '{plain} +10%'.")
    if not 0 < rise <= _MOST_PERCENT / 100.0:
        raise _bad(text, option, f"needs a change above 0 % and up to {_MOST_PERCENT:,.0f} %")
    return _relative(text, match, rise, option)


def parse_gates(texts: Iterable[str], option: str = "gates") -> tuple[list[Gate], list[UsageError]]:
    """Read many: the gates that can be read, and every complaint about the rest.

    A measure that is named twice is a complaint, for one of both could never decide.
    """
    gates: list[Gate] = []
    complaints: list[UsageError] = []
    for text in texts:
        try:
            gate = parse_gate(text, option)
        except UsageError as complaint:
            complaints.append(complaint)
            continue
        alike = (gate.measure, gate.limit is None)
        twin = next((g for g in gates if (g.measure, g.limit is None) == alike), None)
        if twin is None:
            gates.append(gate)
        else:
            reason = f"repeats {gate.measure}, after {twin.text!r}"
            complaints.append(_bad(text, option, reason, "Keep one of them."))
    return gates, complaints


def _share(text: str, name: str, rise: float | None, option: str) -> Gate:
    if rise is not None and not 0 <= rise <= 1:
        raise _bad(text, option, "is above 100 percentage points")
    return Gate(text.strip(), name, Subject(name), None, rise or 0.0)


def _relative(text: str, match: re.Match[str], rise: float, option: str) -> Gate:
    if match["cost"]:
        return Gate(text.strip(), "cost_per_million", Subject.COST, None, rise)
    if match["init"]:
        return Gate(text.strip(), "init", Subject.INIT, 0.5, rise)
    prefix = match["prefix"] or ""
    if match["word"] == "max":
        fix = f"Use '{prefix}p99 +{match['rise']}%' or an objective like 'max<1s'."
        raise _bad(text, option, "compares maxima, which depend on a single call", fix)
    if match["word"]:
        return Gate(text.strip(), f"{prefix}mean", _SUBJECTS[prefix], None, rise)
    quantile = round(float(match["percent"]) / 100.0, 9)
    if quantile <= 0:
        raise _bad(text, option, "is not a percentile")
    measure = f"{prefix}{_percentile(quantile)}"
    return Gate(text.strip(), measure, _SUBJECTS[prefix], quantile, rise)


def _objective(text: str, option: str) -> Gate:
    [slo] = read_slos([text], option)
    subject = Subject[slo.scope.name]  # both are named alike
    if subject is Subject.COST:
        name = "cost_per_million"
    elif subject.share:
        name = str(subject)
    else:
        prefix = next(prefix for prefix, of in _SUBJECTS.items() if of is subject)
        name = f"{prefix}{_percentile(slo.quantile)}"
    return Gate(slo.text, name, subject, slo.quantile, limit=slo.limit)


def _percentile(quantile: float | None) -> str:
    if quantile is None:
        return "mean"
    return "max" if quantile == 1.0 else f"p{round(quantile * 100.0, 6):g}"


def _reason(plain: str) -> str:
    if ">" in plain:
        return "is a lower limit; use an upper limit (<)"
    if re.search(r"[-−]\s*\d", plain):
        return "names a decrease; a gate names the increase that is too much"
    if re.search(r"\+\s*[\d.]+\s*\w+$", plain) or re.search(r"\+\s*[\d.]+$", plain):
        return "needs a change in percent"
    return "is not a gate"


def _bad(text: str, option: str, reason: str, fix: str = _FIX) -> UsageError:
    shown = text if len(text) <= 40 else text[:37] + "..."
    return UsageError(f"{option} {shown!r}", reason, fix)
