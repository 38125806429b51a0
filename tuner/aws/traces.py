"""Traces of a function's requests from X-Ray: some of those in a span of time.

X-Ray records only some requests (one a second and a twentieth of the rest), a few seconds after
they end. Needs ``xray:GetTraceSummaries`` and ``xray:BatchGetTraces``, billed per trace.
"""

from collections.abc import Sequence

from tuner.aws.segments import parse_trace
from tuner.aws.services import Service
from tuner.records import Traced

#: Traces that are read: they are a choice of requests anyhow.
_MOST = 100
#: Of a long run, its last hour is looked at; and of a busy function, so many pages of summaries.
_LONGEST_S, _PAGES = 3600.0, 10
#: Traces in one request (BatchGetTraces, X-Ray API reference).
_AT_ONCE = 5


def read_traces(xray: Service, function: str, span_s: tuple[float, float]) -> Sequence[Traced]:
    """Requests that were traced between two moments (seconds since 1970). Raises our errors."""
    ids = _trace_ids(xray, function, span_s)
    step = max(1, -(-len(ids) // _MOST))
    chosen, found = ids[::step], list[Traced]()
    for start in range(0, len(chosen), _AT_ONCE):
        asked = chosen[start : start + _AT_ONCE]
        answer = xray.send("BatchGetTraces", function, TraceIds=asked)
        for trace in answer.get("Traces", ()):
            found += parse_trace(s["Document"] for s in trace.get("Segments", ()))
    return found


def _trace_ids(xray: Service, function: str, span_s: tuple[float, float]) -> list[str]:
    """Whole traces that name the function, in no order."""
    ids: dict[str, None] = {}
    token: str | None = None
    for _ in range(_PAGES):
        answer = xray.send(
            "GetTraceSummaries",
            function,
            StartTime=max(span_s[0], span_s[1] - _LONGEST_S),
            EndTime=span_s[1],
            FilterExpression=f'service("{function}")',
            **({"NextToken": token} if token else {}),
        )
        ids |= {s["Id"]: None for s in answer.get("TraceSummaries", ()) if not s.get("IsPartial")}
        token = answer.get("NextToken")
        if not token:
            break
    return list(ids)
