"""Figures of Lambda's REPORTs, added up by CloudWatch Logs Insights: no log is downloaded.

Reads only. A query is billed by the bytes that it scans. Needs ``logs:StartQuery``,
``logs:GetQueryResults`` and ``logs:StopQuery``.
"""

from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from tuner.aws.calls import AwsService
from tuner.clock import Clock
from tuner.errors import AccessDenied, NotFound, TargetError, TunerError
from tuner.recording.columns import with_megabytes
from tuner.recording.production import Deployed, Logged

#: US dollars for a byte scanned: $0.005 per GB (Amazon CloudWatch pricing, us-east-1).
SCANNED_USD = 0.005 / 1e9
#: Log groups in one query (StartQuery, CloudWatch Logs API reference).
MOST_GROUPS = 50
#: Queries under way at once: an account may have 30 to 100, dashboards included.
_AT_ONCE = 8
_POLL_S, _MOST_ROWS = 0.5, 10_000
#: How long a query may take, seconds (StartQuery, CloudWatch Logs API reference).
_TIMEOUT_S = 3600.0

#: Format of the log -> field of REPORT -> its name there (CloudWatch Logs user guide, "Supported
#: logs and discovered fields"; AWS Lambda telemetry API, platform.report).
_FIELDS: Mapping[str, Mapping[str, str]] = {
    "Text": {
        "duration": "@duration",
        "billed": "@billedDuration",
        "init": "@initDuration",
        "used": "@maxMemoryUsed",
        "size": "@memorySize",
    },
    "JSON": {
        "duration": "record.metrics.durationMs",
        "billed": "record.metrics.billedDurationMs",
        "init": "record.metrics.initDurationMs",
        "used": "record.metrics.maxMemoryUsedMB",
        "size": "record.metrics.memorySizeMB",
    },
}
_REPORTS = {"Text": '@type = "REPORT"', "JSON": 'type = "platform.report"'}


def query_text(log_format: str) -> str:
    """The query: one row for each log group and memory size."""
    of = _FIELDS[log_format]
    return (
        f"filter {_REPORTS[log_format]} | stats count(*) as calls, count({of['init']}) as cold, "
        f"sum({of['billed']}) as billed, sum({of['init']}) as init, "
        f"pct({of['duration']}, 50) as p50, pct({of['duration']}, 95) as p95, "
        f"max({of['duration']}) as longest, max({of['used']}) as used "
        f"by @log, {of['size']} | limit {_MOST_ROWS}"
    )


@dataclass(frozen=True)
class Found:
    """What a query found of these functions: rows by name, or why there are none."""

    functions: tuple[Deployed, ...]
    rows: Mapping[str, tuple[Logged, ...]]
    problem: str = ""
    bytes_scanned: float = 0.0


def ask_logs(
    logs: AwsService, clock: Clock, functions: Sequence[Deployed], span_s: tuple[float, float]
) -> Generator[Found, None, None]:
    """Ask for the REPORTs of all these functions, and yield answers as they come.

    Functions must share no log group. Raises only if nothing at all may be asked.
    """
    waiting, running = deque(_batches(functions)), deque[tuple[str, tuple[Deployed, ...], float]]()
    try:
        while waiting or running:
            while waiting and len(running) < _AT_ONCE:
                batch = waiting.popleft()
                try:
                    running.append((_start(logs, batch, span_s), batch, clock.monotonic()))
                except NotFound:
                    if len(batch) == 1:
                        yield Found(batch, {}, f"there is no log group {batch[0].log_group}")
                    else:  # one group is missing: which?
                        half = len(batch) // 2
                        waiting.extend((batch[:half], batch[half:]))
                except AccessDenied:
                    raise
                except TunerError as error:
                    yield Found(batch, {}, error.reason)
            if not running:
                continue
            query, batch, since_s = running.popleft()
            found = _result(logs, query, batch)
            if found is None and clock.monotonic() - since_s > _TIMEOUT_S:
                found = Found(batch, {}, "the query timed out")
            if found is not None:
                yield found
                continue
            running.append((query, batch, since_s))
            clock.sleep(_POLL_S / len(running))
    finally:
        for query, _, _ in running:
            with suppress(TunerError):
                logs.send("StopQuery", "a query", queryId=query)


def _batches(functions: Sequence[Deployed]) -> Iterator[tuple[Deployed, ...]]:
    for log_format in _FIELDS:
        same = [each for each in functions if each.log_format == log_format]
        for start in range(0, len(same), MOST_GROUPS):
            yield tuple(same[start : start + MOST_GROUPS])


def _start(logs: AwsService, batch: Sequence[Deployed], span_s: tuple[float, float]) -> str:
    answer = logs.send(
        "StartQuery",
        "Logs Insights",
        logGroupNames=[each.log_group for each in batch],
        startTime=int(span_s[0]),
        endTime=int(span_s[1]),
        queryString=query_text(batch[0].log_format),
        limit=_MOST_ROWS,
    )
    return str(answer["queryId"])


def _result(logs: AwsService, query: str, batch: tuple[Deployed, ...]) -> Found | None:
    """The end of a query; ``None`` while it runs."""
    scanned = 0.0
    try:
        answer = logs.send("GetQueryResults", "Logs Insights", queryId=query)
        status = answer.get("status", "Unknown")
        if status in ("Running", "Scheduled"):
            return None
        scanned = float((answer.get("statistics") or {}).get("bytesScanned") or 0.0)
        if status != "Complete":
            return Found(batch, {}, f"the query ended as {status.lower()}", scanned)
        return Found(batch, read_rows(answer.get("results") or (), batch), "", scanned)
    except TunerError as error:
        return Found(batch, {}, error.reason, scanned)


def read_rows(
    results: Sequence[Sequence[Mapping[str, str]]], batch: Sequence[Deployed]
) -> dict[str, tuple[Logged, ...]]:
    """Rows by function name. Raises TargetError for numbers that are none."""
    of, names = _FIELDS[batch[0].log_format], {each.log_group: each.name for each in batch}
    found: dict[str, dict[int, Logged]] = {}
    for result in results:
        cells = {cell["field"]: cell.get("value", "") for cell in result}
        name = names.get(cells.get("@log", "").partition(":")[2] or cells.get("@log", ""))
        if name is None or not cells.get(of["size"]):
            continue
        row = _row(cells, of["size"])
        sizes = found.setdefault(name, {})
        known = sizes.get(row.memory_mb)
        sizes[row.memory_mb] = row if known is None else known + row
    return {name: tuple(sizes[size] for size in sorted(sizes)) for name, sizes in found.items()}


def _row(cells: Mapping[str, str], size: str) -> Logged:
    def number(name: str) -> float:
        try:
            value = float(cells.get(name) or 0.0)
        except ValueError:
            value = -1.0
        if not 0.0 <= value < 1e18:
            reason = f"{name} is {cells[name][:40]!r} in an answer of Logs Insights"
            raise TargetError("logs", reason, "Report it with this line.")
        return value

    memory = with_megabytes({"memory_mb": number(size), "max_memory_mb": number("used")})
    return Logged(
        memory_mb=round(memory["memory_mb"]),
        calls=int(number("calls")),
        cold=int(number("cold")),
        billed_ms=number("billed"),
        init_ms=number("init"),
        p50_ms=number("p50"),
        p95_ms=number("p95"),
        max_ms=number("longest"),
        used_mb=memory["max_memory_mb"] or None,
    )
