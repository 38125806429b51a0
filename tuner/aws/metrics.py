"""What CloudWatch counted of a function, and whether that makes a new version worse than the old.

Reads only. Figures appear a minute or two after the invocations, under the minute in which these
began; there is none where there is nothing to count. Needs ``cloudwatch:GetMetricData``, which is
billed per metric requested.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.aws.calls import AwsService
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
    cloudwatch: AwsService,
    function: str,
    qualifiers: Sequence[str | None],
    span_s: tuple[float, float],
    metrics: Collection[Metric] = tuple(Metric),
) -> Mapping[str | None, Metered]:
    """The counts of each version or alias (``None``: of calls without one) between two moments
    (seconds since 1970, whole minutes). Raises our errors."""
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
    for result in _results(cloudwatch, function, queries, span_s):
        if result["Id"] in asked:
            qualifier, metric = asked[result["Id"]]
            moments = [moment.timestamp() for moment in result.get("Timestamps", ())]
            points = zip(moments, result["Values"], strict=False)
            found[qualifier][metric] = (*found[qualifier].get(metric, ()), *points)
    return {qualifier: Metered(points) for qualifier, points in found.items()}


def _results(
    cloudwatch: AwsService,
    function: str,
    queries: Sequence[Mapping[str, Any]],
    span_s: tuple[float, float],
) -> Iterator[Mapping[str, Any]]:
    """The results of all queries, page by page."""
    for start in range(0, len(queries), _MOST_QUERIES):
        for page in cloudwatch.pages(
            "GetMetricData",
            function,
            MetricDataQueries=list(queries[start : start + _MOST_QUERIES]),
            StartTime=span_s[0],
            EndTime=span_s[1],
        ):
            yield from page["MetricDataResults"]


def _dimensions(function: str, qualifier: str | None) -> dict[str, str]:
    """Those of one version or alias, or of ``$LATEST`` called by the bare name (Lambda developer
    guide, "Viewing metrics for Lambda functions")."""
    resource = function if qualifier is None else f"{function}:{qualifier}"
    return {"FunctionName": function, "Resource": resource}


#: One-sided 1 %: how sure it must be that errors became more frequent.
_Z = 2.326
#: Percentiles of a step's few minutes scatter; a smaller increase is no reason to roll back.
_P95_SLACK = 1.25
#: Invocations below which nothing can be said.
_ENOUGH = 20


@dataclass(frozen=True)
class Health:
    """One version in a span of time. ``p95_ms`` is the worst minute's; ``None`` without calls."""

    invocations: float = 0.0
    errors: float = 0.0
    p95_ms: float | None = None

    @property
    def judgeable(self) -> bool:
        """True if there were enough invocations to say anything."""
        return self.invocations >= _ENOUGH


def why_worse(old: Health, new: Health, promised_p95_ms: float | None) -> str | None:
    """Why the new version is worse (more errors than chance explains, or a p95 above what the old
    one had and the measurement promised), or ``None``, also after too few invocations."""
    if not new.judgeable:
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
        return f"p95 is {new.p95_ms:.0f} ms, expected at most {usual:.0f} ms"
    return None


@dataclass(frozen=True)
class SplitAlias:
    """An alias that splits its traffic between two versions, the old one first."""

    function: str
    name: str
    versions: tuple[str, str]


def read_health(
    cloudwatch: AwsService, clock: Clock, alias: SplitAlias, span_s: float
) -> Mapping[str, Health]:
    """The health of each version behind an alias in the last ``span_s`` seconds."""
    end = math.ceil(clock.wall() / PERIOD_S) * PERIOD_S
    start = end - PERIOD_S * max(1, math.ceil(span_s / PERIOD_S))
    queries = [
        _health_query(alias, version, kind)
        for version in alias.versions
        for kind in _HEALTH_METRICS
    ]
    results = _results(cloudwatch, alias.function, queries, (start, end))
    found = {result["Id"]: list(result["Values"]) for result in results}
    return {
        version: Health(
            sum(found.get(f"invocations_{version}", ())),
            sum(found.get(f"errors_{version}", ())),
            max(found.get(f"p95_{version}", ()), default=None),
        )
        for version in alias.versions
    }


_HEALTH_METRICS = {
    "invocations": ("Invocations", "Sum"),
    "errors": ("Errors", "Sum"),
    "p95": ("Duration", "p95"),
}


def _health_query(alias: SplitAlias, version: str, kind: str) -> dict[str, Any]:
    """Dimensions of one version behind an alias (Lambda developer guide, "Metrics")."""
    dimensions = {
        "FunctionName": alias.function,
        "Resource": f"{alias.function}:{alias.name}",
        "ExecutedVersion": version,
    }
    metric, stat = _HEALTH_METRICS[kind]
    return metric_query(f"{kind}_{version}", metric, stat, dimensions)
