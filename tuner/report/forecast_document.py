"""The forecast of a traffic as the JSON document ``tuner.forecast/1``."""

import json
from dataclasses import dataclass
from typing import Any

from tuner.planning.forecast import QUANTILES
from tuner.planning.production import Outcome, Subject
from tuner.planning.remedies import Remedy
from tuner.report.load_document import named
from tuner.store.plain import dumps
from tuner.units import SECONDS_PER_MONTH

SCHEMA = "tuner.forecast/1"
_CALLS = ("calls", "warm", "cold", "throttles", "throttled_share", "cold_share")
_METERS = ("requests_usd", "duration_usd", "init_usd", "provisioned_usd", "logs_usd", "total_usd")


@dataclass(frozen=True)
class TrafficForecast:
    """What a traffic does to a configuration, and what would change it."""

    function: str
    source: str  # of the durations
    traffic: str
    subject: Subject
    seed: int
    outcome: Outcome
    remedies: tuple[Remedy, ...]
    report: str | None = None
    chosen: str = "as given"  # why this size
    flash: bool = False  # a flash crowd is part of it

    def month_usd(self, outcome: Outcome | None = None) -> float:
        """The bill of a month that goes on like this."""
        found = outcome or self.outcome
        return found.bill.total_usd * SECONDS_PER_MONTH / found.span_s


def forecast_document(forecast: TrafficForecast) -> dict[str, Any]:
    """The document, as plain values."""
    subject, allowed = forecast.subject, forecast.subject.allowed
    content = {
        "schema": SCHEMA,
        **named(forecast, "function", "source", "traffic", "seed"),
        "region": subject.prices.region,
        "arch": subject.prices.arch,
        "memory_mb": subject.memory_mb,
        "memory_from": forecast.chosen,
        "warm_calls": subject.calls,
        "assumed": subject.assumed or None,
        "account_concurrency": allowed.limits.account_concurrency,
        "reserved_concurrency": allowed.reserved,
        "provisioned": allowed.provisioned,
        "seconds": forecast.outcome.span_s,
        "method": "each call placed" if forecast.outcome.placed else "fluid",
        **_outcome(forecast, forecast.outcome),
        "remedies": [
            {
                **named(each, "name", "text"),
                "count": each.count,
                "request": each.request or None,
                **_outcome(forecast, each.outcome),
            }
            for each in forecast.remedies
        ],
        "timeline": forecast.outcome.timeline,
        "report": forecast.report,
    }
    found: dict[str, Any] = json.loads(
        dumps(content), parse_float=lambda number: float(f"{float(number):.12g}")
    )
    return found


def _outcome(forecast: TrafficForecast, found: Outcome) -> dict[str, Any]:
    return {
        **named(found, *_CALLS),
        "provisioned_calls": found.provisioned,
        "concurrency": found.concurrency,
        "wait_ms": {name: found.wait_ms.get(name) for name in QUANTILES},
        "sandboxes_max": found.sandboxes_max,
        "bill": {**named(found.bill, *_METERS), "month_usd": forecast.month_usd(found)},
    }
