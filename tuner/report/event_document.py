"""The part ``events`` of ``tuner.load/1``: what became of the events of an asynchronous load.

Waits are milliseconds of the platform's clock. What is not known is null or not there, never 0.
"""

from collections.abc import Callable
from typing import Any

from tuner.engine.statistics import Latencies
from tuner.measure.event_fates import End
from tuner.measure.event_figures import EventFigures, Following, Moment

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
        "timeline": [_moment(moment) for moment in events.timeline],
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


def _moment(moment: Moment) -> dict[str, int]:
    return {
        "second": moment.second,
        "accepted": moment.accepted,
        "begun": moment.begun,
        "retried": moment.retried,
        "waiting": moment.waiting,
    }
