"""Traces of some of a function's requests from X-Ray, and how Lambda's segments are read.

X-Ray records only some requests (one a second and a twentieth of the rest), a few seconds after
they end. Needs ``xray:GetTraceSummaries`` and ``xray:BatchGetTraces``, billed per trace.

A request leaves a segment of the service (``AWS::Lambda``) and one of the function for each time it
ran. The old shape has the subsegments Initialization, Invocation and Overhead; the new one has
Init, and the run's times as annotations (Lambda developer guide, "Visualize Lambda function
invocations using AWS X-Ray"), which recorded documents write with ``aws:`` where the guide has
``aws.``. Dwell Time and Attempt are below the service's segment of an event. Odd text is skipped,
never an error.
"""

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from tuner.aws.calls import AwsService
from tuner.records import Traced

#: Traces that are read: they are a sample of requests anyhow.
_MOST = 100
#: Of a long run its last hour is read, and of a busy function so many pages of summaries.
_LONGEST_S, _PAGES = 3600.0, 10
#: Traces in one request (BatchGetTraces, X-Ray API reference).
_AT_ONCE = 5


def read_traces(xray: AwsService, function: str, span_s: tuple[float, float]) -> Sequence[Traced]:
    """Some requests traced between two moments (seconds since 1970). Raises our errors."""
    ids = _trace_ids(xray, function, span_s)
    step = max(1, -(-len(ids) // _MOST))
    chosen, found = ids[::step], list[Traced]()
    for start in range(0, len(chosen), _AT_ONCE):
        ids = chosen[start : start + _AT_ONCE]
        answer = xray.send("BatchGetTraces", function, TraceIds=ids)
        for trace in answer.get("Traces", ()):
            found += parse_trace(s["Document"] for s in trace.get("Segments", ()))
    return found


def _trace_ids(xray: AwsService, function: str, span_s: tuple[float, float]) -> list[str]:
    """The ids of complete traces that name the function, in no order."""
    ids: dict[str, None] = {}
    pages = xray.pages(
        "GetTraceSummaries",
        function,
        StartTime=max(span_s[0], span_s[1] - _LONGEST_S),
        EndTime=span_s[1],
        FilterExpression=f'service("{function}")',
    )
    for page in islice(pages, _PAGES):
        ids |= {s["Id"]: None for s in page.get("TraceSummaries", ()) if not s.get("IsPartial")}
    return list(ids)


Segment = Mapping[str, Any]

_SERVICE, _FUNCTION = "AWS::Lambda", "AWS::Lambda::Function"
_INIT = ("Initialization", "Init")
_PARTS_OF_RUN = ("responseLatency", "responseDuration", "runtimeOverhead", "extensionOverhead")
_DWELL, _ATTEMPT = "Dwell Time", "Attempt #"
_FAILURES = ("error", "fault")


def parse_trace(documents: Iterable[str]) -> tuple[Traced, ...]:
    """The requests to Lambda functions among the documents of one trace, in order of time."""
    segments = [found for text in documents if (found := _read(text)) is not None]
    services = [s for s in segments if s.get("origin") == _SERVICE and _request_id(s)]
    owner = {inner: place for place, s in enumerate(services) for inner in _ids(s)}
    runs: dict[int, list[Segment]] = defaultdict(list)
    for segment in sorted(segments, key=_start_s):
        parent = segment.get("parent_id")
        if segment.get("origin") == _FUNCTION and isinstance(parent, str) and parent in owner:
            runs[owner[parent]].append(segment)
    requests = [_traced(service, runs[place]) for place, service in enumerate(services)]
    return tuple(sorted(requests, key=lambda each: each.began_s or 0.0))


def _traced(service: Segment, runs: Sequence[Segment]) -> Traced:
    """One request; of an event that ran several times, the last run's times."""
    parts = _subsegments(service)
    attempts = sum(str(each.get("name", "")).startswith(_ATTEMPT) for each in parts)
    last = runs[-1] if runs else {}
    init = _named(last, *_INIT)
    return Traced(
        request_id=_request_id(service) or "",
        began_s=_number(service, "start_time"),
        service_ms=_length_ms(service),
        ran_ms=_ran_ms(last),
        init_ms=_length_ms(init),
        restore_ms=_length_ms(_named(last, "Restore")),
        ahead_ms=_ahead_ms(last, init),
        dwell_ms=_length_ms(_named(service, _DWELL)),
        attempts=attempts or None,
        failed=any(each.get(flag) is True for each in (service, last) for flag in _FAILURES),
    )


def _read(text: str) -> Segment | None:
    try:
        document = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _request_id(segment: Segment) -> str | None:
    aws = segment.get("aws")
    found = aws.get("request_id") if isinstance(aws, Mapping) else None
    return found if isinstance(found, str) and found else None


def _subsegments(segment: Segment) -> list[Segment]:
    inner = segment.get("subsegments")
    return [s for s in inner if isinstance(s, Mapping)] if isinstance(inner, list) else []


def _ids(segment: Segment) -> Iterator[str]:
    """The ids of a segment and everything below it, any of which may be a parent."""
    waiting: list[Segment] = [segment]
    while waiting:
        one = waiting.pop()
        found = one.get("id")
        if isinstance(found, str):
            yield found
        waiting += _subsegments(one)


def _start_s(segment: Segment) -> float:
    return _number(segment, "start_time") or 0.0


def _named(segment: Segment, *names: str) -> Segment:
    return next((s for s in _subsegments(segment) if s.get("name") in names), {})


def _number(source: Mapping[str, Any], key: str) -> float | None:
    value = source.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and number >= 0.0 else None


def _length_ms(segment: Segment) -> float | None:
    return _between_ms(_number(segment, "start_time"), _number(segment, "end_time"))


def _between_ms(start_s: float | None, end_s: float | None) -> float | None:
    if start_s is None or end_s is None or end_s < start_s:
        return None
    return (end_s - start_s) * 1000.0


def _ran_ms(run: Segment) -> float | None:
    """Time from the handler's start until the sandbox can serve again, as in REPORT."""
    noted = run.get("annotations")
    noted = noted if isinstance(noted, Mapping) else {}
    spellings = ((f"aws:{name}", f"aws.{name}") for name in _PARTS_OF_RUN)
    annotated = [_first_number(noted, *both) for both in spellings]
    if annotated[0] is not None:
        return sum(each for each in annotated if each is not None)
    invocation, overhead = _named(run, "Invocation"), _named(run, "Overhead")
    ends = [_number(invocation, "end_time"), _number(overhead, "end_time")]
    known = [each for each in ends if each is not None]
    return _between_ms(_number(invocation, "start_time"), max(known, default=None))


def _first_number(source: Mapping[str, Any], *keys: str) -> float | None:
    return next((n for key in keys if (n := _number(source, key)) is not None), None)


def _ahead_ms(run: Segment, init: Segment) -> float | None:
    """Time between the end of INIT and the start of the handler."""
    invocation = _number(_named(run, "Invocation"), "start_time")
    began_s = _number(run, "start_time") if invocation is None else invocation
    return _between_ms(_number(init, "end_time"), began_s)
