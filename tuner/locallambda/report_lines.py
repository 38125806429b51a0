"""The lines that Lambda itself writes around an invocation, byte for byte as AWS shapes them.

Text lines follow recordings of 2025 and 2026; the JSON records those of a function whose log
format is JSON. Durations come in with all their digits and are rounded only here.
"""

import json
import math
from datetime import UTC, datetime

from tuner.locallambda.invocation import Report


def billed_ms(duration_ms: float, init_ms: float | None) -> int:
    """What is billed: both phases, rounded up to 1 ms (INIT since 2025-08-01).

    Rounded up from the real values, so a line that shows 153.00 ms may be billed as 154.
    """
    return math.ceil(duration_ms + (init_ms or 0.0))


class TextLines:
    """Lines of a function with the log format Text."""

    def start(self, request_id: str, version: str, now: float) -> bytes:
        """The line before the handler's first."""
        return f"START RequestId: {request_id} Version: {version}\n".encode()

    def init_failed(self, init_ms: float, phase: str, error_type: str | None, now: float) -> bytes:
        """The report of a failed INIT; ``error_type`` ``None`` is a timeout."""
        how = f"Status: error\tError Type: {error_type}" if error_type else "Status: timeout"
        line = f"INIT_REPORT Init Duration: {init_ms:.2f} ms\tPhase: {phase}\t{how}\n"
        return line.encode()

    def end(self, request_id: str, report: Report, now: float) -> bytes:
        """The two lines after the handler's last: END and REPORT."""
        fields = [
            f"REPORT RequestId: {request_id}",
            f"Duration: {report.duration_ms:.2f} ms",
            f"Billed Duration: {report.billed_ms} ms",
            f"Memory Size: {report.memory_mb} MB",
            f"Max Memory Used: {report.max_memory_mb} MB",
        ]
        if report.init_ms is not None:
            fields.append(f"Init Duration: {report.init_ms:.2f} ms")
        if report.status is not None:
            fields.append(f"Status: {report.status}")
        if report.error_type is not None:
            fields.append(f"Error Type: {report.error_type}")
        # Without a status the line ends in a tab; with one it does not.
        last = "\n" if report.status is not None else "\t\n"
        return (f"END RequestId: {request_id}\n" + "\t".join(fields) + last).encode()

    def timed_out(self, request_id: str, timeout_s: float, now: float) -> bytes:
        """What is said of a handler that was stopped."""
        return (
            f"{_stamp(now)} {request_id} Task timed out after {timeout_s:.2f} seconds\n\n".encode()
        )

    def exited(self, request_id: str, how: str) -> bytes:
        """What is said of a runtime that ended; ``how`` as in the error message."""
        return f"RequestId: {request_id} Error: {how}\nRuntime.ExitError\n".encode()


class JsonLines:
    """Records of a function with the log format JSON, as in AWS's "Telemetry API schema"."""

    def start(self, request_id: str, version: str, now: float) -> bytes:
        """``platform.start``."""
        return _record("platform.start", now, {"requestId": request_id, "version": version})

    def init_failed(self, init_ms: float, phase: str, error_type: str | None, now: float) -> bytes:
        """``platform.initReport`` of a failed INIT."""
        record: dict[str, object] = {
            "initializationType": "on-demand",
            "phase": phase,
            "metrics": {"durationMs": round(init_ms, 3)},
            "status": "error" if error_type else "timeout",
        }
        if error_type:
            record["errorType"] = error_type
        return _record("platform.initReport", now, record)

    def end(self, request_id: str, report: Report, now: float) -> bytes:
        """``platform.report``: three decimals, and no key for what there is not."""
        metrics: dict[str, object] = {
            "durationMs": round(report.duration_ms, 3),
            "billedDurationMs": report.billed_ms,
            "memorySizeMB": report.memory_mb,
            "maxMemoryUsedMB": report.max_memory_mb,
        }
        if report.init_ms is not None:
            metrics["initDurationMs"] = round(report.init_ms, 3)
        record: dict[str, object] = {"requestId": request_id, "metrics": metrics}
        record["status"] = report.status or "success"
        if report.error_type is not None:
            record["errorType"] = report.error_type
        return _record("platform.report", now, record)

    def timed_out(self, request_id: str, timeout_s: float, now: float) -> bytes:
        """Said by the report alone."""
        return b""

    def exited(self, request_id: str, how: str) -> bytes:
        """Said by the report alone."""
        return b""


Lines = TextLines | JsonLines


def lines_for(log_format: str) -> Lines:
    """The lines of a function's log format, "Text" or "JSON"."""
    return JsonLines() if log_format == "JSON" else TextLines()


def _record(kind: str, now: float, record: dict[str, object]) -> bytes:
    line = {"time": _stamp(now), "type": kind, "record": record}
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def _stamp(now: float) -> str:
    moment = datetime.fromtimestamp(now, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
