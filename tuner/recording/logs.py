"""Lambda's logs as AWS exports them: their REPORTs as the cells of a recording.

Text (console copies, ``aws logs tail``, exports to S3), JSON logs, log events
(``filter-log-events``, ``get-log-events``, subscriptions) and results of Logs Insights. What is no
REPORT is passed over.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tuner.errors import UsageError
from tuner.recording.columns import Cells
from tuner.recording.reportline import parse_report

_FIGURES = ("memory_mb", "duration_ms", "billed_ms", "init_ms", "max_memory_mb")


def in_text(text: str) -> Cells | None:
    """The cells of the REPORT in a log event; ``None`` if it holds none of Lambda's."""
    if "REPORT" not in text and "platform.report" not in text:
        return None
    report = parse_report(text)
    if report is None or (report.memory_mb is None and report.request_id is None):
        return None
    out = report.error_type == "Runtime.OutOfMemory"
    cells = {
        **{column: getattr(report, column) for column in _FIGURES},
        "status": "out_of_memory" if out else report.status,
    }
    return {column: value for column, value in cells.items() if value is not None}


def is_export(value: Any) -> bool:
    """True for a JSON value that is a log event, or holds some."""
    if not isinstance(value, dict):
        return False
    kind = value.get("type")
    return (
        (isinstance(kind, str) and kind.startswith("platform."))
        or any(isinstance(value.get(key), list) for key in ("events", "logEvents"))
        or _is_insights(value)
        or (isinstance(value.get("message"), str | dict) and "memory_mb" not in value)
        or (isinstance(value.get("@message"), str) and "@duration" not in value)
    )


def in_export(value: Mapping[str, Any], name: str) -> Iterator[Cells]:
    """The cells of each REPORT in a value of which :func:`is_export` is true."""
    if _is_insights(value):
        yield from _insights(value, name)
        return
    events = value.get("events", value.get("logEvents"))
    group = value.get("logGroup")
    for event in events if isinstance(events, list) else [value]:
        if not isinstance(event, dict):
            continue
        message = event.get("message", event.get("@message"))
        cells = in_text(message if isinstance(message, str) else json.dumps(message or event))
        if cells:
            yield {**cells, "log_group": group} if isinstance(group, str) else cells


def _is_insights(value: Mapping[str, Any]) -> bool:
    rows = value.get("results")
    return isinstance(rows, list) and all(isinstance(row, list) for row in rows)


def _insights(value: Mapping[str, Any], name: str) -> Iterator[Cells]:
    for cells in insights_rows(value, name):
        if "@duration" not in cells and isinstance(cells.get("@message"), str):
            if found := in_text(cells["@message"]):
                yield found
        else:
            yield cells


def insights_rows(value: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The rows in what ``get-query-results`` puts out. Raises UsageError."""
    if value.get("status", "Complete") != "Complete":
        raise UsageError(name, "holds only a part of the results", "Export all of them.")
    try:
        return [{str(cell["field"]): cell.get("value") for cell in row} for row in value["results"]]
    except (KeyError, TypeError, AttributeError):
        fix = "Give what get-query-results puts out."
        raise UsageError(name, "has results that are no rows of fields", fix) from None
