"""What CloudWatch counted of a function: the question, minute by minute, and its answer.

Reads only. Figures appear a minute or two after the invocations, under the minute in which these
began, and Lambda sends none where there is nothing to count. Needs ``cloudwatch:GetMetricData``,
which is billed per metric asked for.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.aws.calls import Service
from tuner.clock import Clock
from tuner.records import Metered, Metric

#: The shortest period in which Lambda's metrics are kept, seconds.
PERIOD_S = 60
#: Queries in one request (GetMetricData, CloudWatch API reference).
_MOST_QUERIES = 500
#: How the values of a period become one.
_STAT = {
    Metric.INVOCATIONS: "Sum",
    Metric.ERRORS: "Sum",
    Metric.THROTTLES: "Sum",
    Metric.DURATION: "Sum",
    Metric.CONCURRENCY: "Maximum",
}


def metric_query(
    name: str, metric: str, stat: str, dimensions: Mapping[str, str]
) -> dict[str, Any]:
    """One query of GetMetricData on Lambda's metrics; ``name`` begins with a lower-case letter."""
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/Lambda",
                "MetricName": metric,
                "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
            },
            "Period": PERIOD_S,
            "Stat": stat,
        },
    }


def read_metrics(
    cloudwatch: Service,
    function: str,
    qualifiers: Sequence[str | None],
    span_s: tuple[float, float],
    metrics: Collection[Metric] = tuple(Metric),
) -> Mapping[str | None, Metered]:
    """What was counted of each version or alias (``None``: of calls without one) between two
    moments (seconds since 1970, whole minutes). Raises our errors."""
    asked = {
        f"m{place}_{metric.lower()}": (qualifier, metric)
        for place, qualifier in enumerate(qualifiers)
        for metric in metrics
    }
    queries = [
        metric_query(name, metric, _STAT[metric], _dimensions(function, qualifier))
        for name, (qualifier, metric) in asked.items()
    ]
    found: dict[str | None, dict[Metric, tuple[tuple[float, float], ...]]] = {
        qualifier: {} for qualifier in qualifiers
    }
    for name, points in _answers(cloudwatch, function, queries, span_s):
        if name in asked:
            qualifier, metric = asked[name]
            found[qualifier][metric] = (*found[qualifier].get(metric, ()), *points)
    return {qualifier: Metered(points) for qualifier, points in found.items()}


def _answers(
    cloudwatch: Service,
    function: str,
    queries: Sequence[Mapping[str, Any]],
    span_s: tuple[float, float],
) -> Iterator[tuple[str, tuple[tuple[float, float], ...]]]:
    """Each query's points, page by page."""
    for start in range(0, len(queries), _MOST_QUERIES):
        token: str | None = None
        while True:
            answer = cloudwatch.send(
                "GetMetricData",
                function,
                MetricDataQueries=list(queries[start : start + _MOST_QUERIES]),
                StartTime=span_s[0],
                EndTime=span_s[1],
                **({"NextToken": token} if token else {}),
            )
            for result in answer.get("MetricDataResults", ()):
                moments = [moment.timestamp() for moment in result.get("Timestamps", ())]
                yield str(result["Id"]), tuple(zip(moments, result.get("Values", ()), strict=False))
            token = answer.get("NextToken")
            if not token:
                break


def _dimensions(function: str, qualifier: str | None) -> dict[str, str]:
    """Of one version, alias or, without a qualifier, of ``$LATEST`` called by the bare name
    (Lambda developer guide, "Viewing metrics for Lambda functions")."""
    resource = function if qualifier is None else f"{function}:{qualifier}"
    return {"FunctionName": function, "Resource": resource}


#: One-sided 1 %: how sure it must be that errors became more frequent.
_Z = 2.326
#: Percentiles of a step's few minutes scatter; less than this is no reason to go back.
_P95_SLACK = 1.25
#: With fewer invocations nothing can be said.
_ENOUGH = 20


@dataclass(frozen=True)
class Health:
    """One version in a span of time. ``p95_ms`` is the worst minute's; ``None`` without calls."""

    invocations: float = 0.0
    errors: float = 0.0
    p95_ms: float | None = None


def verdict(old: Health, new: Health, promised_p95_ms: float | None) -> str | None:
    """Why the new version is worse, or ``None``. Too few invocations are no reason either way."""
    if new.invocations < _ENOUGH:
        return None
    share = new.errors / new.invocations
    before = old.errors / old.invocations if old.invocations else 0.0
    both = (new.errors + old.errors) / (new.invocations + old.invocations)
    spread = math.sqrt(
        both * (1 - both) * (1 / new.invocations + 1 / max(old.invocations, new.invocations))
    )
    if share > before and share - before > _Z * spread:
        return f"errors rose from {before:.1%} to {share:.1%} of invocations"
    usual = max(old.p95_ms or 0.0, promised_p95_ms or 0.0)
    if new.p95_ms is not None and usual and new.p95_ms > _P95_SLACK * usual:
        return f"p95 is {new.p95_ms:.0f} ms, where at most {usual:.0f} ms was expected"
    return None


def judged(new: Health) -> bool:
    """Whether there were enough invocations to say anything."""
    return new.invocations >= _ENOUGH


@dataclass(frozen=True)
class Watched:
    """An alias that splits its traffic between two versions, the old one first."""

    function: str
    alias: str
    versions: tuple[str, str]


def read_health(
    cloudwatch: Service, clock: Clock, watched: Watched, span_s: float
) -> Mapping[str, Health]:
    """The health of each version behind an alias in the last ``span_s`` seconds."""
    end = math.ceil(clock.wall() / PERIOD_S) * PERIOD_S
    start = end - PERIOD_S * max(1, math.ceil(span_s / PERIOD_S))
    queries = [
        _health_query(watched, version, kind)
        for version in watched.versions
        for kind in _HEALTH_METRICS
    ]
    answer = cloudwatch.send(
        "GetMetricData",
        watched.function,
        MetricDataQueries=queries,
        StartTime=start,
        EndTime=end,
    )
    found = {result["Id"]: list(result["Values"]) for result in answer["MetricDataResults"]}
    return {
        version: Health(
            sum(found.get(f"invocations_{version}", ())),
            sum(found.get(f"errors_{version}", ())),
            max(found.get(f"p95_{version}", ()), default=None),
        )
        for version in watched.versions
    }


_HEALTH_METRICS = {
    "invocations": ("Invocations", "Sum"),
    "errors": ("Errors", "Sum"),
    "p95": ("Duration", "p95"),
}


def _health_query(watched: Watched, version: str, kind: str) -> dict[str, Any]:
    """Dimensions of one version behind an alias (Lambda developer guide, "Metrics")."""
    dimensions = {
        "FunctionName": watched.function,
        "Resource": f"{watched.function}:{watched.alias}",
        "ExecutedVersion": version,
    }
    metric, stat = _HEALTH_METRICS[kind]
    return metric_query(f"{kind}_{version}", metric, stat, dimensions)
