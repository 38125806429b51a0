"""What CloudWatch counted of a function, and whether that makes a new version worse than the old.

Reads only. Figures appear a minute or two after the invocations, under the minute in which these
began; there is none where there is nothing to count. Needs ``cloudwatch:GetMetricData``, which is
billed per metric requested.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from tuner.aws.calls import AwsService
from tuner.clock import Clock
from tuner.records import Metered, Metric
from tuner.units import format_share

#: The shortest period in which Lambda's metrics are kept, seconds.
PERIOD_S = 60
LAMBDA = "AWS/Lambda"
#: Queries in one request (GetMetricData, CloudWatch API reference).
_MOST_QUERIES = 500

#: A metric of a function, version or alias: its name, how the values of a period become one, and
#: the dimensions.
Wanted = tuple[str, str, Mapping[str, str]]
#: Begin (a datetime) and value of each period.
_Points = list[tuple[Any, float]]


def _read(
    cloudwatch: AwsService,
    function: str,
    wanted: Mapping[str, Wanted],
    span_s: tuple[float, float],
) -> dict[str, _Points]:
    """The points of each metric by its name here, which begins with a lower-case letter."""
    queries = [metric_query(name, LAMBDA, each, PERIOD_S) for name, each in wanted.items()]
    found: dict[str, _Points] = {name: [] for name in wanted}
    for result in metric_results(cloudwatch, function, queries, span_s):
        points = zip_longest(result.get("Timestamps", ()), result["Values"])
        found.setdefault(result["Id"], []).extend(points)
    return found


def metric_results(
    cloudwatch: AwsService,
    thing: str,
    queries: Sequence[Mapping[str, Any]],
    span_s: tuple[float, float],
) -> Iterator[Mapping[str, Any]]:
    """Each result of any number of queries, in pages and batches. Raises our errors, which name
    ``thing``."""
    for start in range(0, len(queries), _MOST_QUERIES):
        for page in cloudwatch.pages(
            "GetMetricData",
            thing,
            MetricDataQueries=queries[start : start + _MOST_QUERIES],
            StartTime=span_s[0],
            EndTime=span_s[1],
        ):
            yield from page["MetricDataResults"]


def metric_query(name: str, namespace: str, wanted: Wanted, period_s: int) -> dict[str, Any]:
    """A query of one metric, whose name begins with a lower-case letter."""
    metric, stat, dimensions = wanted
    found = {
        "Namespace": namespace,
        "MetricName": metric,
        "Dimensions": [{"Name": k, "Value": v} for k, v in dimensions.items()],
    }
    return {"Id": name, "MetricStat": {"Metric": found, "Period": period_s, "Stat": stat}}


def read_metrics(
    cloudwatch: AwsService,
    function: str,
    qualifiers: Sequence[str | None],
    span_s: tuple[float, float],
    metrics: Collection[Metric] = tuple(Metric),
) -> Mapping[str | None, Metered]:
    """The counts of each version or alias (``None``: of calls without one) between two moments
    (seconds since 1970, whole minutes). Raises our errors.

    Dimensions are those of one version or alias, or of ``$LATEST`` called by the bare name (Lambda
    developer guide, "Viewing metrics for Lambda functions").
    """
    asked = {
        f"m{place}_{metric.lower()}": (qualifier, metric)
        for place, qualifier in enumerate(qualifiers)
        for metric in metrics
    }
    wanted: dict[str, Wanted] = {}
    for name, (qualifier, metric) in asked.items():
        resource = function if qualifier is None else f"{function}:{qualifier}"
        stat = "Maximum" if metric is Metric.CONCURRENCY else "Sum"
        wanted[name] = metric, stat, {"FunctionName": function, "Resource": resource}
    found: dict[str | None, dict[Metric, tuple[tuple[float, float], ...]]] = {
        qualifier: {} for qualifier in qualifiers
    }
    read = _read(cloudwatch, function, wanted, span_s)
    for name, (qualifier, metric) in asked.items():
        if read[name]:
            found[qualifier][metric] = tuple((at.timestamp(), value) for at, value in read[name])
    return {qualifier: Metered(points) for qualifier, points in found.items()}


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
        return f"errors rose from {format_share(before)} to {format_share(share)} of invocations"
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
    wanted = {
        f"{kind}_{version}": (*metric, _behind(alias, version))
        for version in alias.versions
        for kind, metric in _HEALTH_METRICS.items()
    }
    found = _read(cloudwatch, alias.function, wanted, (start, end))

    values = {name: [value for _, value in points] for name, points in found.items()}
    return {
        version: Health(
            sum(values[f"invocations_{version}"]),
            sum(values[f"errors_{version}"]),
            max(values[f"p95_{version}"], default=None),
        )
        for version in alias.versions
    }


_HEALTH_METRICS = {
    "invocations": ("Invocations", "Sum"),
    "errors": ("Errors", "Sum"),
    "p95": ("Duration", "p95"),
}


def _behind(alias: SplitAlias, version: str) -> dict[str, str]:
    """Dimensions of one version behind an alias (Lambda developer guide, "Metrics")."""
    resource = f"{alias.function}:{alias.name}"
    return {"FunctionName": alias.function, "Resource": resource, "ExecutedVersion": version}
