"""Lambda's REPORT: the figures of one invocation, from a text line or a ``platform.report``.

Reads what AWS and the local Lambda write in a log tail; never raises on odd text and invents
nothing: a figure that is absent is ``None``. On a cold line ``billed_ms`` already holds INIT, and
with SnapStart the billed part of the restore, so neither may be added again.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Report:
    """REPORT of one invocation; times in ms, memory in MB, ``None`` where absent.

    ``status`` is Lambda's own word: ``timeout``, ``error``, ``failure``, ``success``; text lines
    have one only on failure. A handled exception leaves no trace here.
    """

    request_id: str | None = None
    duration_ms: float | None = None
    billed_ms: float | None = None
    memory_mb: int | None = None
    max_memory_mb: int | None = None
    init_ms: float | None = None
    restore_ms: float | None = None
    billed_restore_ms: float | None = None
    status: str | None = None
    error_type: str | None = None
    xray_trace: str | None = None


# Names are matched whole: "Duration:" is the end of four other names. Console copies have spaces
# where AWS writes tabs, and Init may stand before Duration.
_FIELD = re.compile(
    r"(Billed Restore Duration|Billed Duration|Init Duration|Restore Duration|Duration"
    r"|Max Memory Used|Memory Size): (\d{1,15}(?:\.\d{1,15})?) [mM]",
    re.ASCII,
)
# The lookbehind leaves INIT_REPORT and RESTORE_REPORT alone.
_REPORT = re.compile(r"(?<![A-Za-z0-9_])REPORT (?:RequestId: ([^\s]+))?", re.ASCII)
_START = re.compile(r"START RequestId: ([^\s]+) Version: ", re.ASCII)
_INIT_TIMEOUT = re.compile(
    r"INIT_REPORT Init Duration: (\d{1,15}(?:\.\d{1,15})?) ms\s+Phase: init\s+Status: timeout",
    re.ASCII,
)
_STATUS = re.compile(r"\sStatus: (\w+)(?:\s+Error Type: ([^\s]+))?", re.ASCII)
_XRAY = re.compile(r"XRAY TraceId: ([^\s]+)", re.ASCII)
_JSON_REPORT, _JSON_INIT = '"platform.report"', '"platform.initReport"'

#: The name of each figure in a text line, and in the metrics of an event.
_FIGURES = {
    "duration_ms": ("Duration", "durationMs"),
    "billed_ms": ("Billed Duration", "billedDurationMs"),
    "memory_mb": ("Memory Size", "memorySizeMB"),
    "max_memory_mb": ("Max Memory Used", "maxMemoryUsedMB"),
    "init_ms": ("Init Duration", "initDurationMs"),
    "restore_ms": ("Restore Duration", "restoreDurationMs"),
    "billed_restore_ms": ("Billed Restore Duration", "billedRestoreDurationMs"),
}
_BY_NAME = {name: field for field, (name, _) in _FIGURES.items()}


def parse_report(text: str) -> Report | None:
    """The first REPORT in a log event of text or JSON; ``None`` if it holds none.

    A text event may have lines before REPORT, and its XRAY line after it.
    """
    for match in _REPORT.finditer(text):
        report = _from_text(text, match)
        if report:
            return report
    found = (_from_json(line) for line in _lines_with(_JSON_REPORT, text))
    return next((report for report in found if report), None)


def parse_start(text: str) -> str | None:
    """The request id of a log event that is Lambda's START; ``None`` of any other."""
    if match := _START.match(text):
        return match[1]
    if '"platform.start"' not in text:
        return None
    record = _record(text, "platform.start")
    return _text(record, "requestId") if record else None


def find_report(log_text: str, request_id: str | None = None) -> Report | None:
    """The last REPORT in a log tail (of that request, if one is named); ``None`` without one.

    An INIT of more than ten seconds is cut and begins anew within the invocation, whose REPORT says
    nothing of it: its time is then taken from INIT_REPORT, so that the call is a cold start.

    The tail may be cut at its head and hold the function's own output; a REPORT that the function
    itself printed counts only if it comes last and bears the right id.
    """
    report = _last_report(log_text, request_id)
    if report is None or report.init_ms is not None:
        return report
    if "INIT_REPORT" in log_text:
        timed_out = _INIT_TIMEOUT.search(log_text)
        return replace(report, init_ms=float(timed_out[1])) if timed_out else report
    for line in _lines_with(_JSON_INIT, log_text):
        record = _record(line, "platform.initReport")
        if record and record.get("status") == "timeout":
            init_ms = _number(record.get("metrics"), "durationMs")
            if init_ms is not None:
                return replace(report, init_ms=init_ms)
    return report


def _last_report(log_text: str, request_id: str | None) -> Report | None:
    end = len(log_text)
    while (start := log_text.rfind("REPORT ", 0, end)) >= 0:
        match = _REPORT.match(log_text, start)
        if match and (request_id is None or match[1] == request_id):
            report = _from_text(log_text, match)
            if report:
                return report
        end = start
    for line in reversed(_lines_with(_JSON_REPORT, log_text)):
        report = _from_json(line)
        if report and (request_id is None or report.request_id == request_id):
            return report
    return None


def _from_text(text: str, match: re.Match[str]) -> Report | None:
    stop = text.find("\n", match.end())
    line = text[match.start() : stop if stop >= 0 else len(text)]
    values: dict[str, Any] = {"request_id": match[1]}
    for name, number in _FIELD.findall(line):
        values.setdefault(_BY_NAME[name], _figure(_BY_NAME[name], float(number)))
    if "duration_ms" not in values:
        return None
    if "Status: " in line and (found := _STATUS.search(line)):
        values["status"], values["error_type"] = found[1], found[2]
    # XRAY stands on the line itself or on the next one.
    if "XRAY" in line:
        trace = _XRAY.search(line)
    else:
        trace = _XRAY.match(text, stop + 1) if stop >= 0 else None
    if trace:
        values["xray_trace"] = trace[1]
    return Report(**values)


def _from_json(line: str) -> Report | None:
    record = _record(line, "platform.report")
    found = {
        field: _figure(field, _number(record and record.get("metrics"), key))
        for field, (_, key) in _FIGURES.items()
    }
    if record is None or found["duration_ms"] is None:
        return None
    tracing = record.get("tracing")
    trace = _text(tracing, "value") if isinstance(tracing, Mapping) else None
    # It reads Root=1-..;Parent=..;Sampled=1.
    parts = [part.strip() for part in (trace or "").split(";")]
    roots = (part.removeprefix("Root=") for part in parts if part.startswith("Root="))
    values: dict[str, Any] = {
        **found,
        "request_id": _text(record, "requestId"),
        "status": _text(record, "status"),
        "error_type": _text(record, "errorType"),
        "xray_trace": next(roots, None) or None,
    }
    return Report(**values)


def _lines_with(word: str, text: str) -> list[str]:
    return [line for line in text.split("\n") if word in line] if word in text else []


def _record(line: str, kind: str) -> Mapping[str, Any] | None:
    """The record of a platform event of this kind; ``None`` of any other line."""
    # Output of the function that lacks its newline stands before the event on the same line.
    start = max(0, line.rfind('{"time"'))
    try:
        event = json.loads(line[start:])
        record = event["record"] if event["type"] == kind else None
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return None
    return record if isinstance(record, Mapping) else None


def _figure(field: str, number: float | None) -> float | None:
    return int(number) if number is not None and field.endswith("_mb") else number


def _number(source: object, key: str) -> float | None:
    value = source.get(key) if isinstance(source, Mapping) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 1e15 else None  # NaN compares false


def _text(source: Mapping[str, Any], key: str) -> str | None:
    value = source.get(key)
    return value if isinstance(value, str) and value else None
