"""What CloudWatch counted of many functions over weeks, with as few metrics as will do; reads only.

GetMetricData is billed for each metric requested (``tuner.billing.cost.FIGURE_USD``), so functions
that were never called are asked for one.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from tuner.aws.calls import AwsService
from tuner.aws.metrics import LAMBDA, Wanted, metric_query, metric_results
from tuner.recording.production import Counted, Deployed

#: Points of 5 minutes are kept for 63 days, and a query of an older start must be a multiple of
#: them ("Metrics retention", CloudWatch user guide).
_STEP_S = 300
#: Field of Counted -> metric and statistic.
_FIGURES: Mapping[str, tuple[str, str]] = {
    "errors": ("Errors", "Sum"),
    "throttles": ("Throttles", "Sum"),
    "duration_ms": ("Duration", "Sum"),
    "p50_ms": ("Duration", "p50"),
    "p95_ms": ("Duration", "p95"),
    "max_ms": ("Duration", "Maximum"),
    "concurrency": ("ConcurrentExecutions", "Maximum"),
}
_CALLS = ("Invocations", "Sum")
#: Metrics requested of a function that is called, and of one that is not.
OF_CALLED, OF_IDLE = 2 + len(_FIGURES), 1


class UsageReader:
    """Reads metrics; ``requested`` counts those that are billed."""

    def __init__(self, cloudwatch: AwsService, span_s: tuple[float, float]) -> None:
        """``span_s``: begin and end in seconds since 1970, widened to whole steps."""
        self._cloudwatch = cloudwatch
        self.start_s = math.floor(span_s[0] / _STEP_S) * _STEP_S
        self.end_s = math.ceil(span_s[1] / _STEP_S) * _STEP_S
        self.requested = 0

    def calls(self, functions: Sequence[Deployed]) -> dict[str, float]:
        """Invocations by function; 0 where there were none. Raises our errors."""
        wanted = [(each.name, *_of_lambda(each, _CALLS)) for each in functions]
        found = self._read(wanted)
        return {each.name: sum(found.get(each.name, ())) for each in functions}

    def figures(self, functions: Sequence[Deployed], calls: Mapping[str, float]) -> list[Counted]:
        """All figures of functions that were called, in their order. Raises our errors."""
        wanted = [
            ((each.name, field), *_of_lambda(each, figure))
            for each in functions
            for field, figure in _FIGURES.items()
        ]
        wanted += [((each.name, "log_bytes"), *_of_log(each)) for each in functions]
        found = self._read(wanted)
        return [self._counted(each.name, calls[each.name], found) for each in functions]

    def _counted(self, name: str, calls: float, found: Mapping[Any, list[float]]) -> Counted:
        values = {field: found.get((name, field), []) for field in (*_FIGURES, "log_bytes")}
        most = {
            field: max(values.pop(field), default=None)
            for field in ("p50_ms", "p95_ms", "max_ms", "concurrency")
        }
        # A sum without points is 0: Lambda sends both with every call.
        return Counted(calls, **most, **{field: sum(points) for field, points in values.items()})

    def _read(self, wanted: Sequence[tuple[Any, str, Wanted]]) -> dict[Any, list[float]]:
        """The values of each metric by its key here."""
        # One point of the whole span: percentiles of days cannot be joined.
        period_s = int(self.end_s - self.start_s)
        queries = [
            metric_query(f"m{at}", namespace, each, period_s)
            for at, (_, namespace, each) in enumerate(wanted)
        ]
        found: dict[Any, list[float]] = {}
        span_s = self.start_s, self.end_s
        for result in metric_results(self._cloudwatch, "CloudWatch", queries, span_s):
            self.requested += 1
            found.setdefault(wanted[int(result["Id"][1:])][0], []).extend(result["Values"])
        return found


def _of_lambda(function: Deployed, figure: tuple[str, str]) -> tuple[str, Wanted]:
    return LAMBDA, (*figure, {"FunctionName": function.name})


def _of_log(function: Deployed) -> tuple[str, Wanted]:
    return "AWS/Logs", ("IncomingBytes", "Sum", {"LogGroupName": function.log_group})
