"""Reads one answer of Lambda's Invoke API: how the request ended and what REPORT says.

Status, headers and body become an :class:`Answer`; nothing is raised for a bad answer, since a
throttle, a timeout or a crash is data. It knows neither the connection nor the clock.

Source of the shapes: AWS Lambda API reference "Invoke", and answers recorded from AWS.
"""

import binascii
import json
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

from tuner.recording.reportline import Report, find_report
from tuner.records import OTHER_SIZE, Outcome
from tuner.units import printable

_TIMED_OUT = re.compile(r"(?:^|\s)Task timed out after [\d.]+ seconds?$")
_TIMEOUT_TYPES = frozenset({"Sandbox.Timedout", "Runtime.InvokeTimeout"})
_OUT_OF_MEMORY = "Runtime.OutOfMemory"
LONGEST_REASON = 200  # a function chooses its errorType; a store must not suffer from it
LONGEST_MESSAGE, LONGEST_TAIL = 500, 4096
_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
#: What differs from call to call ahead of the words themselves.
_OF_THE_CALL = re.compile(
    rf"^(?:RequestId: {_UUID} (?:Error: )?|[\d-]{{10}}T[\d:.]{{8,16}}Z {_UUID} )"
)


class Answer(NamedTuple):
    """One request's answer; fields as in :class:`tuner.records.Sample`, in their order."""

    outcome: Outcome
    status: int | None
    reason: str | None = None
    retry_after_s: float | None = None
    request_id: str | None = None
    duration_ms: float | None = None
    billed_ms: float | None = None
    init_ms: float | None = None
    restore_ms: float | None = None
    billed_restore_ms: float | None = None
    max_memory_mb: float | None = None
    message: str | None = None
    log_tail: str | None = None


class FirstTails:
    """Finds the first failure of each kind, which keeps the tail of its log; of a few kinds."""

    _MOST = 20

    def __init__(self) -> None:
        self._seen: set[tuple[str, str | None]] = set()

    def wanted(self, outcome: str, reason: str | None) -> bool:
        """Return whether this kind had no failure yet."""
        kind = outcome, reason
        if kind in self._seen or len(self._seen) >= self._MOST:
            return False
        self._seen.add(kind)
        return True


def transport_failure(words: str, status: int | None = None) -> Answer:
    """Return what stands for an answer that never came, or not whole; ``words`` say why."""
    return Answer(Outcome.TRANSPORT_ERROR, status, words[:LONGEST_REASON])


def read_answer(status: int, headers: Mapping[str, str], body: bytes, memory_mb: int) -> Answer:
    """Classify an Invoke answer; header names in lower case, ``memory_mb`` the size invoked."""
    request_id = headers.get("x-amzn-requestid") or None
    if not 200 <= status < 300:
        return _refusal(status, headers, _json_object(body), request_id)
    log = _log(headers)
    # The tail may end in another request's lines only if ours is missing, so no second try.
    report = None if log is None else find_report(log, request_id)
    ran_mb = None if report is None else report.memory_mb
    if ran_mb not in (None, memory_mb):
        found = _with_report(Outcome.SERVICE_ERROR, status, OTHER_SIZE, request_id, report)
        return found._replace(message=f"it ran at {ran_mb} MB, not at {memory_mb} MB")
    if not headers.get("x-amz-function-error"):
        return _with_report(Outcome.OK, status, None, request_id, report)
    error = _json_object(body)
    outcome, reason = _function_error(error, report, memory_mb)
    tail = printable((log or "")[-LONGEST_TAIL:], keep="\n\t").strip()
    return _with_report(outcome, status, reason, request_id, report)._replace(
        message=_message(_field(error, "errorMessage")), log_tail=tail or None
    )


def _with_report(
    outcome: Outcome, status: int, reason: str | None, request_id: str | None, told: Report | None
) -> Answer:
    if told is None:
        return Answer(outcome, status, reason, None, request_id)
    return Answer(  # by hand, since this is done for every call
        outcome,
        status,
        reason,
        None,
        request_id,
        told.duration_ms,
        told.billed_ms,
        told.init_ms,
        told.restore_ms,
        told.billed_restore_ms,
        told.max_memory_mb,
    )


def read_front_answer(
    status: int, headers: Mapping[str, str], body: bytes, memory_mb: int
) -> Answer:
    """Classify the answer of a function's HTTP front, which tells nothing but an HTTP status.

    502 is the function's fault, 504 its timeout, 429 a throttle; a crash and a bad gateway look
    alike. Sources: AWS Lambda developer guide, "Invoking Lambda function URLs"; Amazon API Gateway
    developer guide, "Set up gateway responses" (integration failure 502/504, throttled 429).
    """
    if 300 <= status < 400:  # the function's own redirect
        return Answer(Outcome.OK, status, None, None, headers.get("x-amzn-requestid") or None)
    known = read_answer(status, headers, body, memory_mb)
    if status == 502:
        return known._replace(outcome=Outcome.FUNCTION_ERROR, retry_after_s=None)
    if status == 504:
        return known._replace(outcome=Outcome.TIMEOUT, retry_after_s=None)
    return known


def _refusal(
    status: int, headers: Mapping[str, str], error: Mapping[str, Any], request_id: str | None
) -> Answer:
    code, wait_s = _error_code(headers, error), _retry_after(headers)
    if status == 429:
        why = _field(error, "Reason") or code or "TooManyRequestsException"
        return Answer(Outcome.THROTTLED, status, why[:LONGEST_REASON], wait_s, request_id)
    said = _message(_field(error, "message") or _field(error, "Message"))
    why = code or f"HTTP {status}"
    return Answer(Outcome.SERVICE_ERROR, status, why, wait_s, request_id, message=said)


def _message(words: str | None) -> str | None:
    """Return a function's own words, without what is of this one call, or nothing."""
    cut = _OF_THE_CALL.sub("", (words or "")[: 2 * LONGEST_MESSAGE])
    return printable(cut).strip()[:LONGEST_MESSAGE] or None


def _log(headers: Mapping[str, str]) -> str | None:
    tail = headers.get("x-amz-log-result")
    if not tail:
        return None
    try:
        return binascii.a2b_base64(tail).decode("utf-8", "replace")
    except ValueError:
        return None


def _function_error(
    error: Mapping[str, Any], report: Report | None, memory_mb: int
) -> tuple[Outcome, str]:
    kind = _field(error, "errorType")
    message = _field(error, "errorMessage") or ""
    reported = report.error_type if report else None
    reason = kind or reported or "Unhandled"
    if kind in _TIMEOUT_TYPES or (report is not None and report.status == "timeout"):
        return Outcome.TIMEOUT, kind or "Sandbox.Timedout"
    # Until 2025 a timeout had no errorType (recorded answers), only this message.
    if kind is None and _TIMED_OUT.search(message):
        return Outcome.TIMEOUT, "Sandbox.Timedout"
    if _OUT_OF_MEMORY in (kind, reported):
        return Outcome.OUT_OF_MEMORY, _OUT_OF_MEMORY
    used = report.max_memory_mb if report else None
    # One MB less than the size is seen too: "3007 MB" of 3008.
    if "signal: killed" in message and used is not None and used >= memory_mb - 1:
        return Outcome.OUT_OF_MEMORY, _OUT_OF_MEMORY
    return Outcome.FUNCTION_ERROR, reason[:LONGEST_REASON]


def _error_code(headers: Mapping[str, str], error: Mapping[str, Any]) -> str | None:
    """Return the service's error code: from the header, which may go on with ``:http://...``."""
    code = headers.get("x-amzn-errortype") or _field(error, "__type") or _field(error, "code")
    return code.split(":")[0].split("#")[-1].strip()[:LONGEST_REASON] or None if code else None


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return seconds to wait: a number, or an HTTP date relative to the answer's own Date."""
    value = (headers.get("retry-after") or "").strip()
    if not value:
        return None
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", value, re.ASCII):
        return float(value)
    try:
        until = parsedate_to_datetime(value)
        now = parsedate_to_datetime(headers.get("date") or "")
        return max(0.0, (until - now).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None


def _json_object(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _field(source: Mapping[str, Any], key: str) -> str | None:
    value = source.get(key)
    return value if isinstance(value, str) and value else None
