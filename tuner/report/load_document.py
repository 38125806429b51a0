"""A load as JSON: the document ``tuner.load/1``, which is also what the store keeps of it.

Numbers that are not known are null. Names and units are those that scripts rely on.
"""

import math
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from tuner.crosscheck.record import CrossCheck
from tuner.decide.load_result import Limit, Load, SizeUnderLoad, Step
from tuner.engine.front import FrontOptions
from tuner.measure.event_fates import End
from tuner.measure.event_figures import EventFigures, Following, Moment
from tuner.measure.load_figures import LoadFigures
from tuner.measure.statistics import Latencies, Second
from tuner.model.quantiles import COVERAGE, quantile_ranks

_PERCENTS = (("p50", 50.0), ("p90", 90.0), ("p95", 95.0), ("p99", 99.0), ("p99.9", 99.9))


def load_document(load: Load) -> dict[str, Any]:
    """Everything that is known of a load."""
    run, facts, figures = load.run, load.run.facts, load.figures
    return {
        "schema": "tuner.load/1",
        "run": run.run,
        "target": run.target,
        "name": facts.name,
        "backend": facts.backend.value,
        "region": facts.region,
        "arch": facts.arch,
        "runtime": facts.runtime,
        "memory_mb": load.memory_mb,
        "seed": run.seed,
        "started_at": _moment(run.started_at),
        "finished_at": _moment(run.finished_at),
        "state": run.state.value,
        "note": run.note,
        "load": _asked(load),
        "asked_rps": _number(figures.asked_rps),
        "achieved_rps": _number(figures.achieved_rps),
        "goodput_rps": _number(figures.goodput_rps),
        "seconds": _number(figures.seconds),
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
        "cold_ms": spread(figures.cold),
        "intervals": {
            "coverage": COVERAGE,
            "latency_ms": intervals(figures.latency),
            "service_ms": intervals(figures.service),
            "duration_ms": intervals(figures.duration),
            "cold_ms": intervals(figures.cold),
        },
        "concurrency": {
            "mean": _number(figures.concurrency.mean),
            "max": figures.concurrency.max,
            "little": _number(figures.concurrency.little),
        },
        "retries": _retries(figures),
        "timeline": [_second(row) for row in figures.timeline],
        "cost_usd": _number(load.cost_usd),
        "slo": [
            {"slo": each.slo.text, "value": _number(each.value), "met": each.met}
            for each in load.verdicts
        ],
        "warnings": [{"code": each.code, "text": each.text} for each in load.warnings],
        "report": load.report,
        "events": None if load.events is None else event_document(load.events, spread),
        "limit": None if load.limit is None else _limit(load.limit),
        "cross_check": cross_check_document(load.cross_check),
    }


def spread(measured: Latencies) -> dict[str, float | None]:
    """Percentiles, mean and the longest; empty if nothing was measured."""
    if not measured.count:
        return {}
    found = {name: measured.percentile_ms(percent) for name, percent in _PERCENTS}
    return {**found, "max": measured.percentile_ms(100.0), "mean": measured.mean_ms()}


def intervals(measured: Latencies) -> dict[str, list[float]]:
    """Percentiles between two that were measured; too few values have none.

    They hold for values that are independent; waits in one queue are not, and vary more.
    """
    found: dict[str, list[float]] = {}
    for name, percent in _PERCENTS:
        ranks = quantile_ranks(measured.count, percent / 100.0)
        if ranks is not None:
            found[name] = [measured.ranked_ms(rank) for rank in ranks]
    return found


def _asked(load: Load) -> dict[str, Any]:
    profile = load.profile
    return {
        "profile": profile.name,
        "about": profile.about,
        "model": "closed" if profile.users else "open",
        "arrival": None if profile.users else profile.arrival,
        "peak_rps": _number(profile.peak_per_s),
        "users": profile.users or None,
        "think_s": profile.think_s if profile.users else None,
        "seconds": profile.duration_s,
        "retry": load.retry,
        "mode": load.mode,
        "front": _front(load.front),
        "processors": [
            {"kind": each.kind, "name": each.name, "runs": each.runs, "failed": each.failed}
            | {"late": each.late, "reason": each.reason}
            for each in load.processors
        ],
    }


def _front(front: FrontOptions | None) -> dict[str, Any] | None:
    if front is None:
        return None
    return {"url": front.shown, "method": front.request.method, "auth": front.auth}


def _limit(limit: Limit) -> dict[str, Any]:
    return {
        "best_rps": _number(limit.best_per_s),
        "fails_at_rps": _number(limit.worst_per_s),
        "generator": limit.generator,
        "steps": [_step(step) for step in limit.steps],
    }


def _step(step: Step) -> dict[str, Any]:
    concurrency = step.figures.concurrency
    return {
        "rps": _number(step.rate_per_s),
        "met": step.borne,
        "missed": [each.slo.text for each in step.verdicts if not each.met],
        "note": step.note,
        "achieved_rps": _number(step.figures.achieved_rps),
        "goodput_rps": _number(step.figures.goodput_rps),
        "throttled": _number(step.figures.throttled_requests),
        "p50_ms": _number(step.figures.latency.percentile_ms(50.0)),
        "p99_ms": _number(step.figures.latency.percentile_ms(99.0)),
        "concurrency": {
            "mean": _number(concurrency.mean),
            "max": concurrency.max,
            "little": _number(concurrency.little),
        },
    }


def _retries(figures: LoadFigures) -> dict[str, Any]:
    return {
        "amplification": _number(figures.amplification),
        "backoff_ms": spread(figures.backoff),
        "time_to_success_ms": spread(figures.time_to_success),
    }


def _second(row: Second) -> dict[str, Any]:
    return {
        "second": row.at_s,
        "asked": row.asked,
        "sent": row.sent,
        "ok": row.ok,
        "throttled": row.throttled,
        "errors": row.errors,
        "p50_ms": _number(row.p50_ms),
        "p95_ms": _number(row.p95_ms),
        "p99_ms": _number(row.p99_ms),
        "in_flight": _number(row.in_flight),
        "cold": row.cold,
    }


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _moment(wall: float | None) -> str | None:
    if wall is None:
        return None
    moment = datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds")
    return moment.replace("+00:00", "Z")


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


Spread = Callable[[Latencies], dict[str, float | None]]


def event_document(events: EventFigures, spread: Spread) -> dict[str, Any]:
    """Everything that is known of a load's events; ``spread`` words percentiles."""
    return {
        "accepted": events.accepted,
        "started": events.started,
        "unseen": events.ends[End.UNSEEN],
        "retried": events.retried,
        "tries": events.tries,
        "events_by_tries": {str(tries): count for tries, count in events.by_tries.items()},
        "duplicates": events.duplicates,
        "ends": {end.value: events.ends[end] for end in End},
        "unknown": events.unknown,
        "given_up": events.given_up,
        "dead_lettered": _told(events, events.following.settings.dead_letters),
        "sent_to_failure_destination": _told(events, events.following.settings.on_failure),
        "dwell_ms": spread(events.dwell),
        "retry_wait_ms": spread(events.retry_wait),
        "billed_ms": events.billed_ms,
        "billed_tries": events.billed,
        "following": _following(events.following),
        "timeline": [_event_second(moment) for moment in events.timeline],
    }


def _told(events: EventFigures, place: str | None) -> dict[str, Any] | None:
    """Events that Lambda gave up and so sends to this place; ``None`` where there is none."""
    return None if place is None else {"to": place, "events": events.given_up}


def _following(following: Following) -> dict[str, Any]:
    settings = following.settings
    return {
        "place": following.place,
        "seconds": following.seconds,
        "broken": following.broken,
        "time_scale": following.time_scale,
        "max_retries": settings.retries,
        "max_age_s": settings.age_s,
        "dead_letters": settings.dead_letters,
        "on_failure": settings.on_failure,
        "on_success": settings.on_success,
    }


def _event_second(moment: Moment) -> dict[str, int]:
    return {
        "second": moment.second,
        "accepted": moment.accepted,
        "begun": moment.begun,
        "retried": moment.retried,
        "waiting": moment.waiting,
    }


def cross_check_document(check: CrossCheck | None) -> dict[str, Any] | None:
    """What was compared; ``None`` if nothing was. Disagreements are among the warnings."""
    if check is None:
        return None
    return {
        "settled": check.settled,
        "cloudwatch": [asdict(row) for row in check.rows],
        "xray": None if check.traces is None else asdict(check.traces),
        "disagreements": [advice.code for advice in check.advice],
    }
