"""The functions' logs: kept in memory, bounded, read as CloudWatch Logs' FilterLogEvents has it.

Only what a tuner or a person needs afterwards: the newest lines of each log group.
"""

import json
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tuner.locallambda.answers import Answer, ApiError, document

#: Bytes kept per log group before the oldest invocations go.
MAX_GROUP_BYTES = 8_000_000
_TERM = re.compile(r'"([^"]*)"|(\S+)')


@dataclass(frozen=True, slots=True)
class Entry:
    """The log of one invocation."""

    number: int
    wall_ms: int
    stream: str
    text: bytes


@dataclass
class _Group:
    entries: deque[Entry] = field(default_factory=deque)
    size: int = 0


class Logs:
    """All log groups of one local Lambda, by region and name."""

    def __init__(self, max_group_bytes: int = MAX_GROUP_BYTES) -> None:
        self._max = max_group_bytes
        self._groups: dict[tuple[str, str], _Group] = {}
        self._count = 0

    def add(self, region: str, group: str, stream: str, wall_s: float, text: bytes) -> None:
        """Keep what one invocation wrote, START to REPORT."""
        kept = self._groups.setdefault((region, group), _Group())
        self._count += 1
        kept.entries.append(Entry(self._count, int(wall_s * 1000), stream, text))
        kept.size += len(text) + 100
        while kept.size > self._max and len(kept.entries) > 1:
            kept.size -= len(kept.entries.popleft().text) + 100

    def lines(self, region: str, group: str) -> Iterator[tuple[Entry, int, str]]:
        """Every line of a group, oldest first, as (invocation, line number, text)."""
        kept = self._groups.get((region, group))
        for entry in kept.entries if kept else ():
            for at, line in enumerate(entry.text.decode("utf-8", "replace").splitlines()):
                yield entry, at, line

    def knows(self, region: str, group: str) -> bool:
        """Whether anything was ever logged there."""
        return (region, group) in self._groups


def filter_events(logs: Logs, region: str, body: Mapping[str, Any]) -> Answer:
    """FilterLogEvents: by time, stream, quoted or plain terms that must all occur; paged."""
    group = body.get("logGroupName") or str(body.get("logGroupIdentifier", "")).rpartition(":")[2]
    if not logs.knows(region, group):
        raise _refused("ResourceNotFoundException", "The specified log group does not exist.")
    terms = [a or b for a, b in _TERM.findall(str(body.get("filterPattern") or ""))]
    start, end = body.get("startTime") or 0, body.get("endTime") or 1 << 62
    streams = body.get("logStreamNames")
    prefix = body.get("logStreamNamePrefix") or ""
    last = _position(body.get("nextToken"))
    limit = min(int(body.get("limit") or 10_000), 10_000)
    events: list[dict[str, Any]] = []
    for entry, at, line in logs.lines(region, group):
        if (entry.number, at) <= last or not start <= entry.wall_ms < end:
            continue
        if (streams and entry.stream not in streams) or not entry.stream.startswith(prefix):
            continue
        if not all(term in line for term in terms):
            continue
        if len(events) == limit:
            token = f"{last[0]}/{last[1]}"
            return document({"events": events, "searchedLogStreams": [], "nextToken": token})
        last = (entry.number, at)
        events.append(_event(entry, at, line))
    return document({"events": events, "searchedLogStreams": []})


def _event(entry: Entry, at: int, line: str) -> dict[str, Any]:
    return {
        "eventId": f"{entry.number:020}{at:010}",
        "ingestionTime": entry.wall_ms,
        "logStreamName": entry.stream,
        "message": line + "\n",
        "timestamp": entry.wall_ms,
    }


def _position(token: object) -> tuple[int, int]:
    if not token:
        return (0, -1)
    number, _, at = str(token).partition("/")
    if not (number.isdecimal() and at.isdecimal()):
        raise _refused("InvalidParameterException", "The specified nextToken is invalid.")
    return int(number), int(at)


def handle(logs: Logs, region: str, action: str, raw: bytes) -> Answer:
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
