"""A load as JSON: the document ``tuner.load/1``, which is also what the store keeps of it.

Numbers that are not known are null, or not there. Names and units are those that scripts rely on;
``sizes[].load`` of a sweep has the same.
"""

import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tuner.decide.load_result import FoundLimit, Load, SizeUnderLoad, least_likely
from tuner.measure.event_fates import End
from tuner.model.quantiles import COVERAGE, quantile_ranks
from tuner.store.documents import CrossCheck
from tuner.store.plain import plain

if TYPE_CHECKING:  # an answer without a load is to come at once
    from tuner.measure.event_figures import EventFigures
    from tuner.measure.load_figures import LoadFigures
    from tuner.measure.statistics import Latencies

_PERCENTS = (("p50", 50.0), ("p90", 90.0), ("p95", 95.0), ("p99", 99.0), ("p99.9", 99.9))
_IN_A_SECOND = (
    *("asked", "sent", "retried", "ok", "throttled", "errors", "cold"),
    *("p50_ms", "p95_ms", "p99_ms", "in_flight"),
)
_OF_VERDICT = ("value", "met", "calls", "probability")
_TIMES = ("latency", "unexpected", "service", "lag", "duration")
_WITH_INTERVALS = ("latency", "service", "duration", "cold")


def load_document(load: Load) -> dict[str, Any]:
    """Everything that is known of a load."""
    run, facts, figures = load.run, load.run.facts, load.figures
    content = {
        "schema": "tuner.load/1",
        **named(run, "run", "target", "seed", "note"),
        **named(facts, "name", "region", "arch", "runtime", "backend"),
        "memory_mb": load.memory_mb,
        "started_at": iso_time(run.started_at),
        "finished_at": iso_time(run.finished_at),
        "state": run.state,
        "load": _profile(load),
        **_figures(figures),
        "cold_ms": _spread(figures.cold),
        "intervals": {
            "coverage": COVERAGE,
            **{f"{name}_ms": _intervals(getattr(figures, name)) for name in _WITH_INTERVALS},
        },
        "retries": {
            "amplification": figures.amplification,
            "backoff_ms": _spread(figures.backoff),
            "time_to_success_ms": _spread(figures.time_to_success),
        },
        "timeline": [{"second": row.at_s, **named(row, *_IN_A_SECOND)} for row in figures.timeline],
        "heat_map": figures.heat_map,
        "cost_usd": load.cost_usd,
        "slo": _verdicts(load),
        "errors": figures.causes,
        "warnings": [named(each, "code", "text") for each in load.warnings],
        "report": load.report,
        "events": None if load.events is None else _events(load.events),
        "limit": None if load.limit is None else _limit(load.limit),
        "cross_check": cross_check_document(load.cross_check),
    }
    found: dict[str, Any] = plain(content)
    return found


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
    found: dict[str, Any] = plain(
        {
            "settled": check.settled,
            "cloudwatch": check.rows,
            "xray": check.traces,
            "disagreements": [advice.code for advice in check.advice],
        }
    )
    return found


def named(thing: object, *names: str) -> dict[str, Any]:
    """Attributes by their names, for those that a document calls the same; null of ``None``."""
    return {name: None if thing is None else getattr(thing, name) for name in names}


def iso_time(seconds: float | None) -> str | None:
    """Seconds since the epoch as ISO 8601 in UTC, to the millisecond."""
    if seconds is None or not math.isfinite(seconds):
        return None
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _figures(figures: "LoadFigures") -> dict[str, Any]:
    return {
        **named(figures, "asked_rps", "achieved_rps", "goodput_rps", "seconds"),
        **named(figures, "calls", "attempts", "cold_starts", "init_timeouts"),
        "dropped": figures.never_sent,
        "unknown": figures.unknown,
        **named(figures, "outcomes", "answered_5xx", "throttles"),
        **{f"{name}_ms": _spread(getattr(figures, name)) for name in _TIMES},
        "concurrency": figures.concurrency,
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
    return [{"slo": each.slo.text, **named(each, *_OF_VERDICT)} for each in load.verdicts]


def _profile(load: Load) -> dict[str, Any]:
    profile, front = load.profile, load.front
    processor = ("kind", "name", "runs", "failed", "late", "reason")
    return {
        "profile": profile.name,
        "about": profile.about,
        "model": "closed" if profile.users else "open",
        "arrival": None if profile.users else profile.arrival,
        "peak_rps": profile.peak_per_s,
        "users": None if profile.shaped else profile.users or None,
        "think_s": profile.think_s if profile.users else None,
        "seconds": profile.duration_s,
        **named(load, "retry", "mode"),
        "front": front and {"url": front.shown, "method": front.request.method, "auth": front.auth},
        "expect": load.expect,
        "processors": [named(each, *processor) for each in load.processors],
    }


def _limit(limit: FoundLimit) -> dict[str, Any]:
    return {
        "best_rps": limit.best_per_s,
        "fails_at_rps": limit.worst_per_s,
        **named(limit, "generator", "found", "lacking"),
        "steps": [
            {
                "rps": step.rate_per_s,
                "met": step.borne,
                "missed": [each.slo.text for each in step.verdicts if not each.met],
                "probability": least_likely(step.verdicts),
                "note": step.note,
                **named(step.figures, "achieved_rps", "goodput_rps"),
                "throttled": step.figures.throttled_requests,
                "p50_ms": step.figures.latency.percentile_ms(50.0),
                "p99_ms": step.figures.latency.percentile_ms(99.0),
                "concurrency": step.figures.concurrency,
            }
            for step in limit.steps
        ],
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
        "events_by_tries": events.by_tries,
        "ends": events.ends,
        "dead_lettered": _sent_on(events, settings.dead_letters),
        "sent_to_failure_destination": _sent_on(events, settings.on_failure),
        "dwell_ms": _spread(events.dwell),
        "retry_wait_ms": _spread(events.retry_wait),
        "following": {
            **named(events.following, "place", "seconds", "broken", "time_scale"),
            "max_retries": settings.retries,
            "max_age_s": settings.age_s,
            **named(settings, "dead_letters", "on_failure", "on_success"),
        },
        "timeline": [named(each, *moment) for each in events.timeline],
    }


def _sent_on(events: "EventFigures", place: str | None) -> dict[str, Any] | None:
    """Events that Lambda gave up and so sends to this place; ``None`` where there is none."""
    return None if place is None else {"to": place, "events": events.given_up}
