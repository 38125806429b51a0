"""A load as JSON: the document ``tuner.load/1``, which is also what the store keeps of it.

Numbers that are not known are null, or not there. Names and units are those that scripts rely on;
``sizes[].load`` of a sweep has the same.
"""

import math
from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tuner.decide.load_result import FoundLimit, Load, RateStep, SizeUnderLoad
from tuner.measure.causes import Cause
from tuner.measure.event_fates import End
from tuner.model.quantiles import COVERAGE, quantile_ranks
from tuner.store.documents import CrossCheck

if TYPE_CHECKING:  # an answer without a load is to come at once
    from tuner.engine.front import FrontOptions
    from tuner.measure.event_figures import EventFigures, Following
    from tuner.measure.load_figures import LoadFigures
    from tuner.measure.statistics import Latencies

_PERCENTS = (("p50", 50.0), ("p90", 90.0), ("p95", 95.0), ("p99", 99.0), ("p99.9", 99.9))
_IN_A_SECOND = (
    *("asked", "sent", "ok", "throttled", "errors", "cold"),
    *("p50_ms", "p95_ms", "p99_ms", "in_flight"),
)


def load_document(load: Load) -> dict[str, Any]:
    """Everything that is known of a load."""
    run, facts, figures = load.run, load.run.facts, load.figures
    content = {
        "schema": "tuner.load/1",
        **named(run, "run", "target", "seed", "note"),
        **named(facts, "name", "region", "arch", "runtime"),
        "backend": facts.backend.value,
        "memory_mb": load.memory_mb,
        "started_at": iso_time(run.started_at),
        "finished_at": iso_time(run.finished_at),
        "state": run.state.value,
        "load": _profile(load),
        **_figures(figures),
        "cold_ms": _spread(figures.cold),
        "intervals": {
            "coverage": COVERAGE,
            "latency_ms": _intervals(figures.latency),
            "service_ms": _intervals(figures.service),
            "duration_ms": _intervals(figures.duration),
            "cold_ms": _intervals(figures.cold),
        },
        "retries": {
            "amplification": figures.amplification,
            "backoff_ms": _spread(figures.backoff),
            "time_to_success_ms": _spread(figures.time_to_success),
        },
        "timeline": [{"second": row.at_s, **named(row, *_IN_A_SECOND)} for row in figures.timeline],
        "cost_usd": load.cost_usd,
        "slo": _verdicts(load),
        "errors": causes_document(figures.causes),
        "warnings": [named(each, "code", "text") for each in load.warnings],
        "report": load.report,
        "events": None if load.events is None else _events(load.events),
        "limit": None if load.limit is None else _limit(load.limit),
        "cross_check": cross_check_document(load.cross_check),
    }
    return {name: plain(value) for name, value in content.items()}


def size_load(load: SizeUnderLoad) -> dict[str, Any]:
    """Everything that is known of a size under load."""
    return {
        **_figures(load.figures),
        "slo": _verdicts(load),
        **named(load, "cost_usd_per_million", "met", "note"),
    }


def cross_check_document(check: CrossCheck | None) -> dict[str, Any] | None:
    """The comparison with CloudWatch and X-Ray, or ``None``; the warnings have the texts."""
    if check is None:
        return None
    return {
        "settled": check.settled,
        "cloudwatch": [asdict(row) for row in check.rows],
        "xray": None if check.traces is None else asdict(check.traces),
        "disagreements": [advice.code for advice in check.advice],
    }


def causes_document(causes: Iterable[Cause]) -> list[dict[str, Any]]:
    """What failed, the most frequent first."""
    return [asdict(cause) for cause in causes]


def named(thing: object, *names: str) -> dict[str, Any]:
    """Attributes by their names, for those that a document calls the same."""
    return {name: getattr(thing, name) for name in names}


def iso_time(seconds: float | None) -> str | None:
    """Seconds since the epoch as ISO 8601 in UTC, to the millisecond."""
    if seconds is None or not math.isfinite(seconds):
        return None
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def plain(value: Any, digits: int | None = None) -> Any:
    """Plain Python values all the way down: no NumPy, and null for what is not finite.

    ``digits`` are significant ones of floats; all by default.
    """
    if isinstance(value, dict):
        return {str(key): plain(each, digits) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each, digits) for each in value]
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, int):
        return int(value)
    number = value.item() if hasattr(value, "item") else value
    if not isinstance(number, float):
        return number
    if not math.isfinite(number):
        return None
    return number if digits is None else float(f"{number:.{digits}g}")


def _figures(figures: "LoadFigures") -> dict[str, Any]:
    return {
        **named(figures, "asked_rps", "achieved_rps", "goodput_rps", "seconds"),
        **named(figures, "calls", "attempts", "cold_starts"),
        "dropped": sum(figures.dropped.values()),
        "outcomes": dict(figures.outcomes),
        "throttles": dict(figures.throttles),
        "latency_ms": _spread(figures.latency),
        "service_ms": _spread(figures.service),
        "lag_ms": _spread(figures.lag),
        "duration_ms": _spread(figures.duration),
        "concurrency": named(figures.concurrency, "mean", "max", "little"),
    }


def _spread(measured: "Latencies") -> dict[str, float | None]:
    """Percentiles, mean and the longest; empty if nothing was measured."""
    if not measured.count:
        return {}
    found = {name: measured.percentile_ms(percent) for name, percent in _PERCENTS}
    return {**found, "max": measured.percentile_ms(100.0), "mean": measured.mean_ms()}


def _intervals(measured: "Latencies") -> dict[str, list[float]]:
    """Percentiles between two that were measured; too few values have none.

    They hold for values that are independent; waits in one queue are not, and vary more.
    """
    found: dict[str, list[float]] = {}
    for name, percent in _PERCENTS:
        ranks = quantile_ranks(measured.count, percent / 100.0)
        if ranks is not None:
            found[name] = [measured.ranked_ms(rank) for rank in ranks]
    return found


def _verdicts(load: Load | SizeUnderLoad) -> list[dict[str, Any]]:
    return [{"slo": each.slo.text, **named(each, "value", "met")} for each in load.verdicts]


def _profile(load: Load) -> dict[str, Any]:
    profile, processor = load.profile, ("kind", "name", "runs", "failed", "late", "reason")
    return {
        "profile": profile.name,
        "about": profile.about,
        "model": "closed" if profile.users else "open",
        "arrival": None if profile.users else profile.arrival,
        "peak_rps": profile.peak_per_s,
        "users": profile.users or None,
        "think_s": profile.think_s if profile.users else None,
        "seconds": profile.duration_s,
        **named(load, "retry", "mode"),
        "front": _front(load.front),
        "processors": [named(each, *processor) for each in load.processors],
    }


def _front(front: "FrontOptions | None") -> dict[str, Any] | None:
    if front is None:
        return None
    return {"url": front.shown, "method": front.request.method, "auth": front.auth}


def _limit(limit: FoundLimit) -> dict[str, Any]:
    return {
        "best_rps": limit.best_per_s,
        "fails_at_rps": limit.worst_per_s,
        "generator": limit.generator,
        "steps": [_step(step) for step in limit.steps],
    }


def _step(step: RateStep) -> dict[str, Any]:
    figures = step.figures
    return {
        "rps": step.rate_per_s,
        "met": step.borne,
        "missed": [each.slo.text for each in step.verdicts if not each.met],
        "note": step.note,
        **named(figures, "achieved_rps", "goodput_rps"),
        "throttled": figures.throttled_requests,
        "p50_ms": figures.latency.percentile_ms(50.0),
        "p99_ms": figures.latency.percentile_ms(99.0),
        "concurrency": named(figures.concurrency, "mean", "max", "little"),
    }


def _events(events: "EventFigures") -> dict[str, Any]:
    """The fate of the events of an asynchronous load; waits are in the platform's time."""
    settings = events.following.settings
    moment = ("second", "accepted", "begun", "retried", "waiting")
    return {
        **named(events, "accepted", "started", "retried", "tries", "duplicates", "unknown"),
        **named(events, "given_up", "billed_ms"),
        "billed_tries": events.billed,
        "unseen": events.ends[End.UNSEEN],
        "events_by_tries": dict(events.by_tries),
        "ends": {end.value: events.ends[end] for end in End},
        "dead_lettered": _sent_on(events, settings.dead_letters),
        "sent_to_failure_destination": _sent_on(events, settings.on_failure),
        "dwell_ms": _spread(events.dwell),
        "retry_wait_ms": _spread(events.retry_wait),
        "following": _following(events.following),
        "timeline": [named(each, *moment) for each in events.timeline],
    }


def _sent_on(events: "EventFigures", place: str | None) -> dict[str, Any] | None:
    """Events that Lambda gave up and so sends to this place; ``None`` where there is none."""
    return None if place is None else {"to": place, "events": events.given_up}


def _following(following: "Following") -> dict[str, Any]:
    settings = following.settings
    return {
        **named(following, "place", "seconds", "broken", "time_scale"),
        "max_retries": settings.retries,
        "max_age_s": settings.age_s,
        **named(settings, "dead_letters", "on_failure", "on_success"),
    }
