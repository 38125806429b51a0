"""A cross-check as JSON and as a fact of the report: what CloudWatch and X-Ray had to say."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from tuner.crosscheck.record import CrossCheck
from tuner.report.answer import Fact
from tuner.units import format_ms

#: The fact's label.
CROSS_CHECK = "Cross-check"


def cross_check_document(check: CrossCheck | None) -> dict[str, Any] | None:
    """What was compared; ``None`` if nothing was. Disagreements are among the warnings."""
    if check is None:
        return None
    return {
        "settled": check.settled,
        "cloudwatch": [asdict(row) for row in check.rows],
        "xray": None if check.traces is None else asdict(check.traces),
        "disagreements": [advice.code for advice in check.advice],
    }


def cross_check_facts(document: Mapping[str, Any] | None) -> tuple[Fact, ...]:
    """The same in words, from its JSON; nothing if nothing was compared."""
    if document is None or not document["cloudwatch"]:
        return ()
    rows = document["cloudwatch"]
    sent, counted = (sum(values) for values in zip(*map(_invocations, rows), strict=True))
    late = "" if document["settled"] or counted >= sent else " so far"
    value = f"{counted:,} of {sent:,} invocations counted by CloudWatch{late}"
    unread = {"cross-check-denied", "cross-check-failed"} & set(document["disagreements"])
    return (Fact(CROSS_CHECK, value, "" if unread else _traces(document["xray"])),)


def _invocations(row: Mapping[str, Any]) -> tuple[int, int]:
    return int(row["ran"]), int(row["seen"]["invocations"])


def _traces(traces: Mapping[str, Any] | None) -> str:
    if traces is None:
        return "X-Ray is off"
    if not traces["matched"]:
        return "none of them traced by X-Ray"
    said = f"X-Ray has {traces['matched']:,} of them, {traces['with_init']:,} with INIT"
    if traces["service_ms"] is not None:
        said += f"; Lambda itself adds {format_ms(traces['service_ms'])} to a warm call"
    if traces["dwell_ms"] is not None:
        said += f"; events waited {format_ms(traces['dwell_ms'])}"
    return said
