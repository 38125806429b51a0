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

_FLOATS = {
    "Duration": "duration_ms",
    "Billed Duration": "billed_ms",
    "Init Duration": "init_ms",
    "Restore Duration": "restore_ms",
    "Billed Restore Duration": "billed_restore_ms",
}
_INTS = {"Memory Size": "memory_mb", "Max Memory Used": "max_memory_mb"}


def parse_report(text: str) -> Report | None:
    """The first REPORT in a log event of text or JSON; ``None`` if it holds none.

    A text event may have lines before REPORT, and its XRAY line after it.
    """
    for match in _REPORT.finditer(text):
        report = _from_text(text, match)
        if report:
            return report
    if '"platform.report"' in text:
        for line in text.splitlines():
            if '"platform.report"' in line and (report := _from_json(line)):
                return report
    return None


def parse_start(text: str) -> str | None:
    """The request id of a log event that is Lambda's START; ``None`` of any other."""
    if match := _START.match(text):
        return match[1]
    if '"platform.start"' not in text:
        return None
    try:
        event = json.loads(text)
        return _text(event["record"], "requestId") if event["type"] == "platform.start" else None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def find_report(log_text: str, request_id: str | None = None) -> Report | None:
    """The last REPORT in a log tail (of that request, if one is named); ``None`` without one.

    An INIT of more than ten seconds is cut and begins anew within the invocation, whose REPORT says
    nothing of it: its time is then taken from INIT_REPORT, so that the call is a cold start.

    The tail may be cut at its head and hold the function's own output; a REPORT that the function
    itself printed counts only if it comes last and bears the right id.
    """
    report = _last_report(log_text, request_id)
    if report is None or report.init_ms is not None or "INIT_REPORT" not in log_text:
        return _with_json_init(report, log_text)
    timed_out = _INIT_TIMEOUT.search(log_text)
    return replace(report, init_ms=float(timed_out[1])) if timed_out else report


def _with_json_init(report: Report | None, log_text: str) -> Report | None:
    """The report with the INIT that timed out before it, as a JSON log tells it."""
    if report is None or report.init_ms is not None or '"platform.initReport"' not in log_text:
        return report
    for line in log_text.splitlines():
        if '"platform.initReport"' in line and (ms := _json_init_timeout(line)) is not None:
            return replace(report, init_ms=ms)
    return report


def _json_init_timeout(line: str) -> float | None:
    """How long an INIT took that timed out, from its event; ``None`` of any other line."""
    try:
        event = json.loads(line[max(0, line.rfind('{"time"')) :])
        record = event["record"]
        if event["type"] != "platform.initReport" or record.get("status") != "timeout":
            return None
        return _number(record["metrics"], "durationMs")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _last_report(log_text: str, request_id: str | None) -> Report | None:
    end = len(log_text)
    while (start := log_text.rfind("REPORT ", 0, end)) >= 0:
        match = _REPORT.match(log_text, start)
        if match and (request_id is None or match[1] == request_id):
            report = _from_text(log_text, match)
            if report:
                return report
        end = start
    if '"platform.report"' not in log_text:
        return None
    for line in reversed(log_text.splitlines()):
        if '"platform.report"' in line:
            report = _from_json(line)
            if report and (request_id is None or report.request_id == request_id):
                return report
    return None


def _from_text(text: str, match: re.Match[str]) -> Report | None:
    stop = text.find("\n", match.end())
    line = text[match.start() : stop if stop >= 0 else len(text)]
    values: dict[str, Any] = {"request_id": match[1]}
    for name, number in _FIELD.findall(line):
        if name in _FLOATS:
            values.setdefault(_FLOATS[name], float(number))
        else:
            values.setdefault(_INTS[name], int(float(number)))
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
    # Output of the function that lacks its newline stands before the event on the same line.
    start = line.rfind('{"time"')
    try:
        event = json.loads(line[start:] if start > 0 else line)
        record = event["record"]
        metrics = record["metrics"]
        if event["type"] != "platform.report" or not isinstance(metrics, Mapping):
            return None
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        return None
    duration = _number(metrics, "durationMs")
    if duration is None:
        return None
    return Report(
        request_id=_text(record, "requestId"),
        duration_ms=duration,
        billed_ms=_number(metrics, "billedDurationMs"),
        memory_mb=_whole(metrics, "memorySizeMB"),
        max_memory_mb=_whole(metrics, "maxMemoryUsedMB"),
        init_ms=_number(metrics, "initDurationMs"),
        restore_ms=_number(metrics, "restoreDurationMs"),
        billed_restore_ms=_number(metrics, "billedRestoreDurationMs"),
        status=_text(record, "status"),
        error_type=_text(record, "errorType"),
        xray_trace=_trace(record),
    )


def _number(source: Mapping[str, Any], key: str) -> float | None:
    value = source.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < 1e15 else None  # NaN compares false


def _whole(source: Mapping[str, Any], key: str) -> int | None:
    value = _number(source, key)
    return None if value is None else int(value)


def _text(source: Mapping[str, Any], key: str) -> str | None:
    value = source.get(key)
    return value if isinstance(value, str) and value else None


def _trace(record: Mapping[str, Any]) -> str | None:
    """The root id of ``tracing.value``, which reads ``Root=1-..;Parent=..;Sampled=1``."""
    tracing = record.get("tracing")
    value = tracing.get("value") if isinstance(tracing, Mapping) else None
    if not isinstance(value, str):
        return None
    for part in value.split(";"):
        if part.strip().startswith("Root="):
            return part.strip().removeprefix("Root=") or None
    return None
