"""A load over time, from ``tuner.load/1``: charts of one axis of time, one below the other."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from tuner.report.elements import Figure, Section
from tuner.report.load_heat_map import heat_map_chart, heat_map_words
from tuner.report.load_objectives import client_slos
from tuner.report.style import Limit
from tuner.report.time_charts import (
    cold_starts_chart,
    flight_chart,
    rate_chart,
    retries_chart,
    slices,
    time_chart,
)

_Moments = Sequence[Mapping[str, Any]]
_BELOW = "over the load. The last table has the values."


def over_time(document: Mapping[str, Any]) -> Iterator[Section]:
    """The section; nothing of a load that lasted a second."""
    slice_s, moments = slices(document["timeline"])
    if len(moments) < 2:
        return
    note = (
        f"Each point stands for {slice_s} s: mean rates, the median of the seconds’ p50, the "
        "highest p95 and p99."
    )
    figures = tuple(_figures(document, moments))
    yield Section("Over time", note=note if slice_s > 1 else "", figures=figures, column=True)


def _figures(document: Mapping[str, Any], moments: _Moments) -> Iterator[Figure]:
    events = document.get("events") is not None
    good = "accepted" if events else "succeeded"
    yield Figure(
        "rates",
        "Calls that were due, and requests by how they ended, in each second.",
        f"Calls per second {_BELOW}",
        partial(rate_chart, moments, good),
    )
    limits = [Limit(slo.limit, slo.text) for slo in client_slos(document)]
    if any(moment["p50_ms"] is not None for moment in moments):
        what = "Time until events were accepted" if events else "Latency of calls that succeeded"
        yield Figure(
            "times",
            f"{what}, counted from when each was due, by the second in which it ended.",
            f"Latency {_BELOW}",
            partial(time_chart, moments, limits),
        )
    if (heat := document.get("heat_map")) is not None:  # earlier versions have none
        yield Figure(
            "heat-map",
            f"Calls that {good}, by the second in which they ended and by latency; the stronger "
            "the colour, the more calls.",
            f"Latency over the load as a heat map. {heat_map_words(heat)}",
            partial(heat_map_chart, heat, moments, limits),
        )
    yield Figure(
        "flight",
        "Requests in flight, on average in each second.",
        f"Requests in flight {_BELOW}",
        partial(flight_chart, moments),
    )
    if any(moment["cold"] for moment in moments):
        yield Figure(
            "cold-starts",
            "Cold starts, by the second in which their call ended.",
            f"Cold starts {_BELOW}",
            partial(cold_starts_chart, moments),
        )
    if any(moment.get("retried") for moment in moments):
        per_call = document["retries"]["amplification"]
        yield Figure(
            "retries",
            f"Requests that were retries; with them {per_call:.3f} requests were sent per call.",
            f"Retries {_BELOW}",
            partial(retries_chart, moments),
        )
