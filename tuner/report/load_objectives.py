"""The objectives of a load, from ``tuner.load/1``: what was measured, and why one was missed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tuner.decide.goal import ALL_AS_EXPECTED, Slo, SloScope, parse_slo
from tuner.decide.load_result import FEW_CALLS
from tuner.errors import UsageError
from tuner.measure.failures import MOST_TOLD, shortened
from tuner.report.elements import Cell, Row, Table
from tuner.report.load_tables import as_cause
from tuner.units import (
    UNKNOWN,
    counted,
    format_ms,
    format_ms_beside,
    format_probability,
    format_share,
    format_share_beside,
    format_usd_per_million,
    printable,
)

#: Percentiles that the timeline has of each second, by the quantile of an objective.
_OF_SECOND = {0.5: "p50_ms", 0.95: "p95_ms", 0.99: "p99_ms"}
#: An objective without a value is not met, and nothing has missed it.
_NOT_MEASURED = "not measured"
#: None is met by calls that all failed, however quickly they did.
_NONE_WELL = "no call ended well"
#: Causes that explain a missed objective; the section on errors has more.
_CAUSES = 2


def slo_table(document: Mapping[str, Any]) -> Table | None:
    """The objectives with what was measured; ``None`` without any. A page shows each as a
    banner."""
    if not document["slo"]:
        return None
    rows = []
    for each in document["slo"]:
        slo = slo_of(each["slo"])
        measured = Cell(_slo_value(slo, each, document), _margin(slo, each))
        why = _why(slo, each, document)
        rows.append(_row(each["slo"], measured, each["met"], likely(each), why))
        if each["slo"] == ALL_AS_EXPECTED.text:
            rows.extend(_expectations(document))
    return Table("Objectives", ("Objective", "Measured", "Result"), tuple(rows))


def slo_of(text: str) -> Slo | None:
    """The objective of a document; ``None`` for one that only another version can read."""
    if text == ALL_AS_EXPECTED.text:
        return ALL_AS_EXPECTED
    try:
        return parse_slo(text)
    except UsageError:
        return None


def client_slos(document: Mapping[str, Any]) -> list[Slo]:
    """Objectives on latency, counted from the moment a call was due."""
    slos = (slo_of(each["slo"]) for each in document["slo"])
    return [slo for slo in slos if slo is not None and slo.scope is SloScope.CLIENT]


def likely(verdict: Mapping[str, Any]) -> str:
    """`` with 77 % probability`` for an objective that was met in few calls, else nothing.

    Documents of earlier versions do not know it.
    """
    chance, calls = verdict.get("probability"), verdict.get("calls")
    if chance is None or not verdict["met"] or not (calls is None or calls < FEW_CALLS):
        return ""
    return f" with {format_probability(chance)}"


def held_to(document: Mapping[str, Any], verdicts: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """``p99 118 ms in 71 warm calls`` of each objective on a time or a cost, which is another time
    than the latency, and other calls."""
    for each in verdicts:
        slo = slo_of(each["slo"])
        if slo is not None and (slo.scope in _HELD or slo.scope is SloScope.COST):
            yield f"{slo.text.partition('<')[0].strip()} {_slo_value(slo, each, document)}"


def answered_5xx(document: Mapping[str, Any]) -> int:
    """Calls that succeeded with an answer which tells an HTTP front to fail; documents of earlier
    versions do not know it."""
    return int(document.get("answered_5xx", 0))


def _row(text: str, measured: Cell, met: bool | None, chance: str, why: str = "") -> Row:
    """One objective; ``met`` is None where nothing could be judged."""
    if met is None:
        return Row(text, (measured, Cell(UNKNOWN)), reason=why)
    tone = "failed" if not met else "partial" if chance else "recommended"
    unmissed = measured.value == _NOT_MEASURED or why == _NONE_WELL
    missed = "not met" if unmissed else "missed"
    return Row(text, (measured, Cell(f"met{chance}" if met else missed, tone=tone)), reason=why)


def _expectations(document: Mapping[str, Any]) -> Iterator[Row]:
    """How many calls failed at each expectation, where there are several. A call is held against
    them in their order, up to the first that fails; of earlier versions they are not known."""
    expected = dict.fromkeys(map(printable, document["load"].get("expect", ())))
    counts = {cause["type"]: cause["count"] for cause in document["errors"]}
    if len(expected) < 2 or len(document["errors"]) >= MOST_TOLD:
        return
    reached = document["outcomes"]["ok"] + document["outcomes"]["check_failed"]
    for text in expected:
        failed = counts.get(text, 0)
        measured = f"{failed:,} of {reached:,} calls were not" if reached else _NOT_MEASURED
        yield _row(text, Cell(measured), not failed if failed or reached else None, "")
        reached -= failed


def _slo_value(slo: Slo | None, verdict: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    value = verdict["value"]
    if value is None:
        return _NOT_MEASURED
    if slo is None:
        return format_ms(value)
    if slo.scope is SloScope.COST:
        return format_usd_per_million(value)
    if slo.text == ALL_AS_EXPECTED.text:
        wrong = document["outcomes"].get("check_failed", 0)
        return f"{wrong:,} of {document['calls']:,} calls ({format_share(value)}) were not"
    if slo.scope in (SloScope.THROTTLES, SloScope.ERRORS, SloScope.CHECKS):
        wrong = answered_5xx(document) if slo.scope is SloScope.ERRORS else 0
        told = f" ({counted(wrong, 'call')} answered 5xx)" if wrong else ""
        return f"{format_share_beside(value, slo.limit)}{told}"
    return f"{format_ms_beside(value, slo.limit)}{_of_which(slo, verdict)}"


#: The calls that an objective on a time is held against: the table of times has others as well.
_HELD = {
    SloScope.DURATION: "warm call",
    SloScope.CLIENT: "call",
    SloScope.COLD: "cold start",
}


def _of_which(slo: Slo, verdict: Mapping[str, Any]) -> str:
    """`` in 71 warm calls``; nothing where a document of an earlier version does not know it."""
    calls, what = verdict.get("calls"), _HELD.get(slo.scope)
    return f" in {counted(calls, what)}" if calls and what else ""


def _margin(slo: Slo | None, verdict: Mapping[str, Any]) -> str:
    """How far a time or a cost is from its limit: ``23 % below the limit``."""
    value = verdict["value"]
    if (
        slo is None
        or value is None
        or slo.scope in (*(SloScope.THROTTLES, SloScope.ERRORS, SloScope.CHECKS),)
    ):
        return ""
    part = abs(value / slo.limit - 1.0)
    if value > 2.0 * slo.limit:
        return f"{value / slo.limit:,.1f} times the limit"
    return f"{format_share(part)} {'below' if value < slo.limit else 'above'} the limit"


def _why(slo: Slo | None, verdict: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """Why an objective was missed, as far as the load shows it."""
    if slo is None or verdict["met"]:
        return ""
    if verdict["value"] is not None and verdict["value"] < slo.limit:
        return _NONE_WELL
    causes = [as_cause(each) for each in document.get("errors", ())]
    expected = set(map(printable, document["load"].get("expect", ())))
    if slo.scope is SloScope.ERRORS:
        return _counts((each.words, each.count) for each in causes)
    if slo.scope is SloScope.CHECKS:
        return _counts((each.words, each.count) for each in causes if each.type in expected)
    if slo.scope is SloScope.THROTTLES:
        reasons = sorted(document["throttles"].items(), key=lambda item: -item[1])
        return "; ".join(filter(None, (_counts(reasons), _since("throttled", 0, document))))
    if slo.scope is SloScope.CLIENT and (name := _OF_SECOND.get(slo.quantile or 0.0)):
        return _since(name, slo.limit, document)
    return ""


def _counts(kinds: Any) -> str:
    """``KeyError: 'id' (4), TypeError (1), and 3 more``."""
    listed = [f"{shortened(printable(words))} ({count:,})" for words, count in kinds]
    more = [f"and {len(listed) - _CAUSES} more"] if len(listed) > _CAUSES else []
    return ", ".join([*listed[:_CAUSES], *more])


def _since(name: str, limit: float, document: Mapping[str, Any]) -> str:
    """In how many of the load's seconds a figure was above its limit, and from when on."""
    seconds: Sequence[Mapping[str, Any]] = document["timeline"]
    above = [each["second"] for each in seconds if (each[name] or 0.0) > limit]
    if not above:
        return ""
    what = "throttled" if name == "throttled" else f"{name.removesuffix('_ms')} above the limit"
    when = f"in {len(above):,} of {counted(len(seconds), 'second')}"
    return f"{what} {when}, first at {above[0]:,} s"
