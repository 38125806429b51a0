"""Lambda's own words: the payloads of faults, and the lines around an invocation, byte for byte.

Texts are those recorded on AWS in 2025 and 2026 (the JSON records: of functions with that log
format), and those of Go's ``os.ProcessState``, in which Lambda's supervisor describes the end of a
process. Durations come in with all their digits and are rounded only here.
"""

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime

from tuner.locallambda.sandbox.invocation import ReportFields
from tuner.locallambda.sandbox.runtime_api import MAX_RESPONSE_BYTES

#: Go's names of the signals that end a runtime (package syscall, Linux).
SIGNALS = {
    1: "hangup",
    2: "interrupt",
    3: "quit",
    4: "illegal instruction",
    5: "trace/breakpoint trap",
    6: "aborted",
    7: "bus error",
    8: "floating point exception",
    9: "killed",
    11: "segmentation fault",
    13: "broken pipe",
    14: "alarm clock",
    15: "terminated",
}


@dataclass(frozen=True)
class TimedOut:
    """The handler took longer than the function's timeout."""

    timeout_s: float
    status = "timeout"
    error_type = None

    def payload(self, request_id: str) -> bytes:
        """The caller's payload, as recorded in November 2025."""
        message = (
            f"RequestId: {request_id} Error: Task timed out after {self.timeout_s:.2f} seconds"
        )
        return _error_payload(errorType="Sandbox.Timedout", errorMessage=message)


@dataclass(frozen=True)
class Exited:
    """The runtime process ended; ``code`` is minus the signal if one ended it."""

    code: int
    out_of_memory: bool = False
    status = "error"

    @property
    def error_type(self) -> str:
        """For the REPORT line."""
        return "Runtime.OutOfMemory" if self.out_of_memory else "Runtime.ExitError"

    @property
    def crashed(self) -> bool:
        """True if a signal ended it, other than for lack of memory."""
        return self.code < 0 and not self.out_of_memory

    @property
    def how(self) -> str:
        """The end in the supervisor's words."""
        if self.code == 0:
            return "Runtime exited without providing a reason"
        if self.code > 0:
            return f"Runtime exited with error: exit status {self.code}"
        name = SIGNALS.get(-self.code, f"signal {-self.code}")
        return f"Runtime exited with error: signal: {name}"

    def payload(self, request_id: str) -> bytes:
        """The caller's payload, the same for every reason."""
        message = f"RequestId: {request_id} Error: {self.how}"
        return _error_payload(errorType="Runtime.ExitError", errorMessage=message)


@dataclass(frozen=True)
class InitFailed:
    """Loading the handler failed; the runtime's words are the payload."""

    body: bytes
    error_type: str
    status = "error"

    def payload(self, request_id: str) -> bytes:
        """The caller's payload, with the empty request id that the runtime wrote."""
        return self.body


@dataclass(frozen=True)
class NoEntrypoint:
    """A custom runtime without an executable bootstrap."""

    path: str
    status = "error"
    error_type = "Runtime.InvalidEntrypoint"

    def payload(self, request_id: str) -> bytes:
        """The caller's payload, as seen in public logs."""
        message = f"RequestId: {request_id} Error: Couldn't find valid bootstrap(s): [{self.path}]"
        return _error_payload(errorType=self.error_type, errorMessage=message)


@dataclass(frozen=True)
class ResponseTooLarge:
    """The response is larger than 6 MiB."""

    status = "error"
    error_type = "Function.ResponseSizeTooLarge"

    def payload(self, request_id: str) -> bytes:
        """The caller's payload, with the message first, as recorded."""
        message = (
            "Response payload size exceeded maximum allowed payload size "
            f"({MAX_RESPONSE_BYTES} bytes)."
        )
        return _error_payload(errorMessage=message, errorType=self.error_type)


Fault = TimedOut | Exited | InitFailed | NoEntrypoint | ResponseTooLarge


def _error_payload(**fields: str) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode()


def billed_ms(duration_ms: float, init_ms: float | None) -> int:
    """Billed duration: both phases, rounded up to 1 ms (INIT since 2025-08-01).

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

    def end(self, request_id: str, report: ReportFields, now: float) -> bytes:
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
        """The lines about a handler that was stopped."""
        text = f"{_stamp(now)} {request_id} Task timed out after {timeout_s:.2f} seconds\n\n"
        return text.encode()

    def exited(self, request_id: str, how: str) -> bytes:
        """The lines about a runtime that ended; ``how`` as in the error message."""
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

    def end(self, request_id: str, report: ReportFields, now: float) -> bytes:
        """``platform.report``: three decimals, and no key for what is unknown."""
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
        """Nothing: the report says it."""
        return b""

    def exited(self, request_id: str, how: str) -> bytes:
        """Nothing: the report says it."""
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
