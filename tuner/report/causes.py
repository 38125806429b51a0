"""What failed and why, as a section of a page and of the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from tuner.decide.result import Sweep
from tuner.measure.failures import Cause
from tuner.report.elements import Cell, Log, Row, Section, Table
from tuner.units import printable

#: Causes that are shown, and lines of one's log.
_SHOWN, _LINES = 3, 15


def causes_by_count(sweep: Sweep) -> list[Cause]:
    """Return the causes on all architectures, the most frequent first."""
    found = [cause for each in sweep.each for cause in each.causes]
    return sorted(found, key=lambda cause: -cause.count)


def as_cause(errors: Mapping[str, Any]) -> Cause:
    """Return a cause from its part of a document, which may have come from elsewhere."""
    message, tail = errors.get("message"), errors.get("log_tail")
    return Cause(
        printable(str(errors["type"])),
        None if message is None else printable(str(message)),
        int(errors["count"]),
        tuple(errors.get("memory_mb", ())),
        None if tail is None else printable(str(tail), keep="\n\t"),
    )


def errors_section(causes: Sequence[Cause]) -> tuple[Section, ...]:
    """Return the most frequent causes with the log of one, or nothing where nothing failed."""
    if not causes:
        return ()
    rows = tuple(
        Row(
            cause.type,
            (
                Cell(cause.message or ""),
                Cell(f"{cause.count:,}"),
                Cell(f"{', '.join(f'{size:,}' for size in cause.memory_mb)} MB"),
            ),
        )
        for cause in causes[:_SHOWN]
    )
    left = len(causes) - _SHOWN
    table = Table("Errors", ("Error", "Message", "Calls", "At"), rows, prose=("Message", "At"))
    told = next((cause for cause in causes if cause.log_tail), None)
    log = None if told is None else Log(f"Log of one {told.type}", _end(told.log_tail or ""))
    note = f"{left} more in the JSON." if left > 0 else ""
    return (Section("Errors", note=note, tables=(table,), log=log),)


def _end(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-_LINES:])
