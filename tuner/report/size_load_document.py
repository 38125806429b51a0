"""One size under load as JSON: ``sizes[].load`` of a sweep, with the names of ``tuner.load/1``."""

from typing import Any

from tuner.decide.size_under_load import SizeUnderLoad
from tuner.report.load_document import spread


def size_load(load: SizeUnderLoad) -> dict[str, Any]:
    """Everything that is known of a size under load."""
    figures = load.figures
    concurrency = figures.concurrency
    return {
        "seconds": figures.seconds,
        "asked_rps": figures.asked_rps,
        "achieved_rps": figures.achieved_rps,
        "goodput_rps": figures.goodput_rps,
        "calls": figures.calls,
        "dropped": sum(figures.dropped.values()),
        "attempts": figures.attempts,
        "outcomes": dict(figures.outcomes),
        "throttles": dict(figures.throttles),
        "latency_ms": spread(figures.latency),
        "service_ms": spread(figures.service),
        "lag_ms": spread(figures.lag),
        "duration_ms": spread(figures.duration),
        "cold_starts": figures.cold_starts,
        "concurrency": {
            "mean": concurrency.mean,
            "max": concurrency.max,
            "little": concurrency.little,
        },
        "cost_usd_per_million": load.cost_usd_per_million,
        "slo": [
            {"slo": each.slo.text, "value": each.value, "met": each.met} for each in load.verdicts
        ],
        "met": load.met,
        "note": load.note,
    }
