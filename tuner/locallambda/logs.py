"""The functions' logs: kept in memory, bounded, read by CloudWatch Logs' FilterLogEvents.

Each log group keeps its newest lines only.
"""

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tuner.locallambda.responses import ApiError, Response, document
from tuner.locallambda.sandbox.invocation import SandboxSpec
from tuner.locallambda.sandbox.runtime_log import WITHIN, plain

#: Bytes kept per log group before the oldest invocations go: some 100,000 of a quiet function.
MAX_GROUP_BYTES = 64_000_000
_OVERHEAD_BYTES = 100
_TERM = re.compile(r'(\??)(?:"([^"]*)"|(\S+))')
_END = re.compile(rb"(?<!%b)\n" % re.escape(WITHIN[:-1]))
_START = re.compile(r'START RequestId: |\{"time":"[^"]*","type":"platform\.start"')


@dataclass(slots=True)
class LogEntry:
    """The log of one invocation; only its START until it has ended."""

    number: int
    stream: str
    began_ms: int
    ended_ms: int
    text: bytes
    kept: bool = True

    def lines(self) -> Iterator[tuple[int, int, str]]:
        """(event's number, ms since 1970, text); those after START have the time of the end."""
        at_ms = self.began_ms
        lines = _END.split(self.text)
        for at, text in enumerate(lines[:-1] if not lines[-1] else lines):
            line = plain(text).decode("utf-8", "replace")
            yield at, at_ms, line
            if at_ms != self.ended_ms and _START.match(line):
                at_ms = self.ended_ms


@dataclass
class _Group:
    entries: deque[LogEntry] = field(default_factory=deque)
    size: int = 0


class Logs:
    """All log groups of one local Lambda, by region and name."""

    def __init__(self, max_group_bytes: int = MAX_GROUP_BYTES) -> None:
        self._max = max_group_bytes
        self._groups: dict[tuple[str, str], _Group] = {}
        self._count = 0

    def begin(self, spec: SandboxSpec, wall_s: float, start: bytes) -> LogEntry:
        """Keep the START of an invocation that has begun in a sandbox."""
        kept = self._groups.setdefault((spec.region, spec.log_group), _Group())
        self._count += 1
        now_ms = int(wall_s * 1000)
        entry = LogEntry(self._count, spec.log_stream, now_ms, now_ms, start)
        kept.entries.append(entry)
        self._resize(kept, len(start) + _OVERHEAD_BYTES)
        return entry

    def end(self, spec: SandboxSpec, entry: LogEntry, wall_s: float, text: bytes) -> None:
        """Keep all that the invocation wrote, START to REPORT."""
        if entry.kept:
            grown = len(text) - len(entry.text)
            entry.text, entry.ended_ms = text, int(wall_s * 1000)
            self._resize(self._groups[spec.region, spec.log_group], grown)

    def lines(self, region: str, group: str) -> Iterator[tuple[LogEntry, int, int, str]]:
        """(invocation, line number, ms since 1970, text) of every line, in order of the starts."""
        kept = self._groups.get((region, group))
        for entry in kept.entries if kept else ():
            for at, at_ms, line in entry.lines():
                yield entry, at, at_ms, line

    def _resize(self, kept: _Group, grown: int) -> None:
        kept.size += grown
        while kept.size > self._max and len(kept.entries) > 1:
            gone = kept.entries.popleft()
            gone.kept = False
            kept.size -= len(gone.text) + _OVERHEAD_BYTES

    def knows(self, region: str, group: str) -> bool:
        """True if anything was ever logged there."""
        return (region, group) in self._groups


def filter_events(logs: Logs, region: str, body: Mapping[str, Any]) -> Response:
    """FilterLogEvents: by time, stream and terms, plain or quoted; paged.

    All terms must occur, and at least one of those that begin with a question mark.
    """
    group = body.get("logGroupName") or str(body.get("logGroupIdentifier", "")).rpartition(":")[2]
    if not logs.knows(region, group):
        raise _refused("ResourceNotFoundException", "The specified log group does not exist.")
    found = _TERM.findall(str(body.get("filterPattern") or ""))
    terms = [quoted or plain for mark, quoted, plain in found if not mark]
    choice = [quoted or plain for mark, quoted, plain in found if mark]
    start, end = body.get("startTime") or 0, body.get("endTime") or 1 << 62
    streams = body.get("logStreamNames")
    prefix = body.get("logStreamNamePrefix") or ""
    last = _position(body.get("nextToken"))
    limit = min(int(body.get("limit") or 10_000), 10_000)
    events: list[dict[str, Any]] = []
    for entry, at, at_ms, line in logs.lines(region, group):
        if (entry.number, at) <= last or not start <= at_ms < end:
            continue
        if (streams and entry.stream not in streams) or not entry.stream.startswith(prefix):
            continue
        if not all(term in line for term in terms):
            continue
        if choice and not any(term in line for term in choice):
            continue
        if len(events) == limit:
            token = f"{last[0]}/{last[1]}"
            return document({"events": events, "searchedLogStreams": [], "nextToken": token})
        last = (entry.number, at)
        events.append(_event(entry, at, at_ms, line))
    return document({"events": events, "searchedLogStreams": []})


def _event(entry: LogEntry, at: int, at_ms: int, line: str) -> dict[str, Any]:
    return {
        "eventId": f"{entry.number:020}{at:010}",
        "ingestionTime": at_ms,
        "logStreamName": entry.stream,
        "message": line + "\n",
        "timestamp": at_ms,
    }


def _position(token: object) -> tuple[int, int]:
    if not token:
        return (0, -1)
    number, _, at = str(token).partition("/")
    if not (number.isdecimal() and at.isdecimal()):
        raise _refused("InvalidParameterException", "The specified nextToken is invalid.")
    return int(number), int(at)


def handle(logs: Logs, region: str, action: str, raw: bytes) -> Response:
    """The one CloudWatch Logs call that is spoken here."""
    if action != "Logs_20140328.FilterLogEvents":
        raise _refused("UnknownOperationException", f"The local Lambda does not know {action}.")
    try:
        body = json.loads(raw)
        if not isinstance(body, dict):
            raise TypeError("an object is expected")
        return filter_events(logs, region, body)
    except (ValueError, TypeError) as error:
        raise _refused("SerializationException", str(error)) from error


def _refused(code: str, text: str) -> ApiError:
    return ApiError(400, code, text, __type=code)  # the JSON 1.1 protocol has it in the body
