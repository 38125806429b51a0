"""Is a new version worse than the old one? Asked of CloudWatch while an alias splits its traffic.

Reads Invocations, Errors and p95 of Duration per version of an alias, and judges: more errors
than chance explains, or a p95 above what the old version had and the measurement promised.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuner.aws.metrics import PERIOD_S, metric_query
from tuner.aws.services import Service
from tuner.clock import Clock

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
    queries = [_query(watched, version, kind) for version in watched.versions for kind in _METRICS]
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


_METRICS = {
    "invocations": ("Invocations", "Sum"),
    "errors": ("Errors", "Sum"),
    "p95": ("Duration", "p95"),
}


def _query(watched: Watched, version: str, kind: str) -> dict[str, Any]:
    """Dimensions of one version behind an alias (Lambda developer guide, "Metrics")."""
    dimensions = {
        "FunctionName": watched.function,
        "Resource": f"{watched.function}:{watched.alias}",
        "ExecutedVersion": version,
    }
    metric, stat = _METRICS[kind]
    return metric_query(f"{kind}_{version}", metric, stat, dimensions)
