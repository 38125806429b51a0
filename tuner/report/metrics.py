"""The metrics of a sweep or a load: one table, for OpenMetrics text and for OpenTelemetry.

Made of ``tuner.sweep/1`` and ``tuner.load/1``. Everything is a gauge with its time; unknowns are
left out, and so is what has no known time.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

_QUANTILES = {"p50": "0.5", "p90": "0.9", "p95": "0.95", "p99": "0.99", "p99.9": "0.999"}
Labels = tuple[tuple[str, str], ...]
#: Kinds of requests in a second of the timeline, by their key.
_KINDS = {
    "asked": "due",
    "sent": "sent",
    "ok": "succeeded",
    "throttled": "throttled",
    "errors": "failed",
    "cold": "cold",
    "retried": "retried",
}


@dataclass(frozen=True)
class Point:
    """A value at a time (s since 1970)."""

    labels: Labels
    value: float
    at_s: float


@dataclass(frozen=True)
class Family:
    """One metric: its unit, which its name ends in, its help, and its points."""

    name: str
    unit: str
    help: str
    points: list[Point] = field(default_factory=list)

    def add(self, value: float | None, at_s: float | None, **labels: object) -> None:
        """A value at a time (s since 1970), unless one of them is unknown."""
        if value is not None and math.isfinite(value) and at_s is not None:
            named = tuple((name, str(text)) for name, text in labels.items() if text is not None)
            self.points.append(Point(named, float(value), at_s))


def table(document: Mapping[str, Any]) -> tuple[Family, ...]:
    """All metrics of a ``tuner.sweep/1`` or ``tuner.load/1``, also those without points."""
    load = document["schema"].startswith("tuner.load/")
    return _info(document), *(_load(document) if load else _sweep(document))


def families(document: Mapping[str, Any]) -> Iterator[Family]:
    """The metrics of a ``tuner.sweep/1`` or ``tuner.load/1`` document that have points, whose
    labels begin with the run's; those of one series stand together, the earliest first."""
    common = (("run", str(document["run"])), ("target", str(document["target"])))
    for family in table(document):
        order = {
            labels: at for at, labels in enumerate(dict.fromkeys(p.labels for p in family.points))
        }
        points = sorted(family.points, key=lambda p: (order[p.labels], p.at_s))
        if points:
            yield replace(family, points=[replace(p, labels=(*common, *p.labels)) for p in points])


def _seconds(ms: float | None) -> float | None:
    return None if ms is None else ms / 1000.0


def _ended_s(document: Mapping[str, Any]) -> float | None:
    """When the run ended, in seconds since 1970; a run that did not, when it began."""
    return _at(document["finished_at"] or document["started_at"])


def _at(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp()


def _info(document: Mapping[str, Any]) -> Family:
    family = Family("tuner_run_info", "", "What the run measured.")
    names = ("schema", "state", "backend", "region", "arch", "runtime")
    family.add(1.0, _ended_s(document), **{name: document.get(name) for name in names})
    return family


def _spread(
    family: Family, spread: Mapping[str, Any], at_s: float | None, **labels: object
) -> None:
    """The quantiles of a time, in seconds."""
    for name, quantile in _QUANTILES.items():
        family.add(_seconds(spread.get(name)), at_s, quantile=quantile, **labels)


def _sweep(document: Mapping[str, Any]) -> Iterable[Family]:
    """Each size, and the answer."""
    at_s = _ended_s(document)
    duration = Family("tuner_sweep_duration_seconds", "seconds", "Warm duration by REPORT.")
    init = Family("tuner_sweep_init_seconds", "seconds", "INIT of cold starts.")
    cost = Family("tuner_sweep_cost_per_million_usd", "usd", "A million calls, with its interval.")
    calls = Family("tuner_sweep_calls", "", "Calls of each size by kind.")
    for size in document["sizes"]:
        labels = {"memory_mb": size["memory_mb"], "arch": size["arch"]}
        _spread(duration, size["warm"]["duration_ms"], at_s, **labels)
        _spread(init, size["cold"]["init_ms"], at_s, **labels)
        for bound, value in size["cost_usd_per_million"].items():
            cost.add(value, at_s, bound=bound, **labels)
        kinds = {"warm": size["warm"]["n"], "cold": size["cold"]["n"]}
        kinds |= {name: size[name] for name in ("throttles", "errors", "timeouts")}
        for kind, count in kinds.items():
            calls.add(count, at_s, kind=kind, **labels)
    return (duration, init, cost, calls, *_answer(document, at_s))


def _answer(document: Mapping[str, Any], at_s: float | None) -> Iterable[Family]:
    pick, spend = document["recommendation"], document["spend"]
    memory = Family("tuner_sweep_recommended_megabytes", "megabytes", "The recommended size.")
    sure = Family("tuner_sweep_confidence_ratio", "ratio", "Chance that it is near the best.")
    spent = Family("tuner_sweep_spent_usd", "usd", "What the sweep cost.")
    if pick is not None:
        memory.add(pick["memory_mb"], at_s, arch=pick["arch"])
        sure.add(pick["confidence"], at_s)
    spent.add(spend["cost_usd"], at_s)
    return memory, sure, spent


def _load(document: Mapping[str, Any]) -> Iterable[Family]:
    """The load as a whole, and its seconds."""
    at_s = _ended_s(document)
    calls = Family("tuner_load_calls", "", "Calls by how they ended.")
    for outcome, count in document["outcomes"].items():
        calls.add(count, at_s, outcome=outcome)
    throttles = Family("tuner_load_throttles", "", "Throttled requests by reason.")
    for reason, count in document["throttles"].items():
        throttles.add(count, at_s, reason=reason)
    retries = Family("tuner_load_requests_per_call_ratio", "ratio", "Requests sent per call.")
    retries.add(document["retries"]["amplification"], at_s)
    latency = Family("tuner_load_latency_seconds", "seconds", "From when a call was due.")
    duration = Family("tuner_load_duration_seconds", "seconds", "Duration by REPORT.")
    _spread(latency, document["latency_ms"], at_s)
    _spread(duration, document["duration_ms"], at_s)
    cost = Family("tuner_load_cost_usd", "usd", "What the load cost.")
    cost.add(document["cost_usd"], at_s)
    cold = Family("tuner_load_cold_starts", "", "Cold starts.")
    cold.add(document["cold_starts"], at_s)
    met = Family("tuner_load_objective_met", "", "1 where an objective was met, 0 where missed.")
    for each in document["slo"]:
        met.add(float(each["met"]), at_s, slo=each["slo"])
    return (calls, throttles, retries, latency, duration, cost, cold, met, *_timeline(document))


def _timeline(document: Mapping[str, Any]) -> Iterable[Family]:
    """Each second, counted from the start of the run."""
    rate = Family("tuner_load_rate", "", "Requests in each second by kind.")
    flight = Family("tuner_load_in_flight", "", "Requests in flight, the mean of each second.")
    latency = Family("tuner_load_second_latency_seconds", "seconds", "Latency in each second.")
    began_s = _at(document["started_at"])
    for row in document["timeline"]:
        at_s = None if began_s is None else began_s + row["second"]
        for key, kind in _KINDS.items():
            rate.add(row.get(key), at_s, kind=kind)
        flight.add(row["in_flight"], at_s)
        for name in ("p50", "p95", "p99"):
            latency.add(_seconds(row.get(f"{name}_ms")), at_s, quantile=_QUANTILES[name])
    return rate, flight, latency
