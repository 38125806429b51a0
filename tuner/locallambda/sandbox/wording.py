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
class Fault:
    """A failure that the handler did not report, and what is said of it."""

    text: str = ""  # in the supervisor's words
    status: str = "error"  # in REPORT, as is the next
    error_type: str | None = None
    caller_type: str | None = None  # for the caller, if not ``error_type``
    body: bytes | None = None  # the caller's payload, if it is not made of the text
    line: str = ""  # in a log of the format Text
    crashed: bool = False  # a signal ended the runtime, other than for lack of memory

    def payload(self, request_id: str) -> bytes:
        """The payload that the caller gets."""
        if self.body is not None:
            return self.body
        message = f"RequestId: {request_id} Error: {self.text}"
        return _payload(errorType=self.caller_type or self.error_type or "", errorMessage=message)


def _payload(**fields: str) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode()


#: The response is larger than 6 MiB; the caller's payload has the message first, as recorded.
RESPONSE_TOO_LARGE = Fault(
    error_type="Function.ResponseSizeTooLarge",
    body=_payload(
        errorMessage="Response payload size exceeded maximum allowed payload size "
        f"({MAX_RESPONSE_BYTES} bytes).",
        errorType="Function.ResponseSizeTooLarge",
    ),
)
OUT_OF_MEMORY = "Runtime.OutOfMemory"


def timed_out(timeout_s: float) -> Fault:
    """The handler took longer than the function's timeout (as recorded in November 2025)."""
    text = f"Task timed out after {timeout_s:.2f} seconds"
    line = "{stamp} {request_id} {text}\n\n"
    return Fault(text, "timeout", caller_type="Sandbox.Timedout", line=line)


def exited(code: int, out_of_memory: bool = False) -> Fault:
    """The runtime process ended; ``code`` is minus the signal if one ended it."""
    if code == 0:
        text = "Runtime exited without providing a reason"
    elif code > 0:
        text = f"Runtime exited with error: exit status {code}"
    else:
        name = SIGNALS.get(-code, f"signal {-code}")
        text = f"Runtime exited with error: signal: {name}"
    return Fault(
        text,
        error_type=OUT_OF_MEMORY if out_of_memory else "Runtime.ExitError",
        caller_type="Runtime.ExitError",
        line="RequestId: {request_id} Error: {text}\nRuntime.ExitError\n",
        crashed=code < 0 and not out_of_memory,
    )


#: A custom runtime has no executable bootstrap (payload and line as seen in public logs).
NO_ENTRYPOINT = Fault(
    "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]",
    error_type="Runtime.InvalidEntrypoint",
    line="RequestId: {request_id} Error: {text}\nRuntime.InvalidEntrypoint\n",
)


def billed_ms(duration_ms: float, init_ms: float | None) -> int:
    """Billed duration: both phases, rounded up to 1 ms (INIT since 2025-08-01).

    Rounded up from the real values, so a line that shows 153.00 ms may be billed as 154.
    """
    return math.ceil(duration_ms + (init_ms or 0.0))


class TextLines:
    def start(self, request_id: str, version: str, now: float) -> bytes:
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

    def failed(self, request_id: str, fault: Fault, now: float) -> bytes:
        """The lines about a fault."""
        text = fault.line.format(stamp=_stamp(now), request_id=request_id, text=fault.text)
        return text.encode()


class JsonLines:
    """Records of a function with the log format JSON, as in AWS's "Telemetry API schema".

    The system log level WARN leaves only those about failures (AWS, "System log level event
    mapping").
    """

    def __init__(self, system_log_level: str | None = None) -> None:
        self._failures_only = system_log_level == "WARN"

    def start(self, request_id: str, version: str, now: float) -> bytes:
        if self._failures_only:
            return b""
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
        if self._failures_only and report.status is None:
            return b""
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

    def failed(self, request_id: str, fault: Fault, now: float) -> bytes:
        """Nothing: the report says it."""
        return b""


Lines = TextLines | JsonLines


def lines_for(log_format: str, system_log_level: str | None = None) -> Lines:
    """The lines of a function's log format, "Text" or "JSON", and its level."""
    return JsonLines(system_log_level) if log_format == "JSON" else TextLines()


def _record(kind: str, now: float, record: dict[str, object]) -> bytes:
    line = {"time": _stamp(now), "type": kind, "record": record}
    return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def _stamp(now: float) -> str:
    moment = datetime.fromtimestamp(now, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
