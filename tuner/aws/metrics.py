"""What CloudWatch counted of a function: the question, minute by minute, and its answer.

Reads only. Figures appear a minute or two after the invocations, under the minute in which these
began, and Lambda sends none where there is nothing to count. Needs ``cloudwatch:GetMetricData``,
which is billed per metric asked for.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from tuner.aws.services import Service
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
