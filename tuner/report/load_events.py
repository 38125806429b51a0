"""The events of an asynchronous load in words and tables, from ``events`` of ``tuner.load/1``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.report.elements import Cell, Fact, Row, Table, share
from tuner.units import format_ms, format_seconds

_ENDS = {
    "succeeded": "ran, and ended well",
    "ran": "ran; how the last try ended is not known",
    "retries_exhausted": "given up: the last try failed as well",
    "age_exceeded": "given up: older than events may become",
    "switched_off": "given up: the function’s reserved concurrency is 0",
    "waiting": "ran and failed, or may have; another try may follow",
    "running": "running when time was up",
    "unseen": "never begun: still queued, or lost",
}
#: A chart shows at most so many moments.
_MOMENTS = 300
_STATISTICS = ("p50", "p90", "p95", "p99", "max", "mean")
_WAITS = (("dwell_ms", "Accepted to first START"), ("retry_wait_ms", "A failure to the next try"))


@dataclass(frozen=True)
class EventsView:
    """The section on events. ``moments`` are rows of the queue's chart."""

    words: tuple[str, ...]
    ends: Table
    tries: Table
    waits: Table | None
    moments: tuple[Mapping[str, Any], ...]


def events_view(document: Mapping[str, Any]) -> EventsView | None:
    """Word what is known of events; ``None`` of a load that waited for answers."""
    events = document.get("events")
    if events is None:
        return None
    return EventsView(
        words=(_sentence(events), *_places(events), _evidence(events)),
        ends=_end_table(events),
        tries=_tries_table(events),
        waits=_wait_table(events),
        moments=_slices(events["timeline"]),
    )


def event_facts(events: Mapping[str, Any]) -> tuple[Fact, ...]:
    """The figures beside the answer."""
    scale = events["following"]["time_scale"]
    clock = "" if scale == 1 else f"; platform time, {scale:g} times as fast"
    dwell = events["dwell_ms"]
    waited = f"p99 {format_ms(dwell.get('p99'))}{clock}" if dwell else ""
    retried = f"{events['retried']:,} events were retried"
    return (
        Fact("Events begun", share(events["started"], events["accepted"]), retried),
        Fact("Dwell time", format_ms(dwell.get("p50")), waited),
    )


def event_rest(events: Mapping[str, Any]) -> tuple[str, ...]:
    """What the answer's sentence says of events."""
    accepted, ends = events["accepted"], events["ends"]
    good = f"{share(ends['succeeded'], accepted)} of the events ended well"
    dwell = f"dwell time p95 {format_ms(events['dwell_ms'].get('p95'))}"
    more = []
    if events["given_up"]:
        more.append(f"{events['given_up']:,} given up")
    if ends["ran"]:
        more.append(f"{ends['ran']:,} ran with an unknown end")
    if events["unknown"]:
        more.append(f"{events['unknown']:,} not ended")
    return (good, dwell, *more)


def _sentence(events: Mapping[str, Any]) -> str:
    accepted, tries = events["accepted"], events["tries"]
    text = f"{accepted:,} events were accepted; {events['started']:,} of them began"
    if tries:
        text += f", and the function ran {tries:,} times for them"
    followed = format_seconds(events["following"]["seconds"])
    return f"{text}. They were followed for {followed} after the last one was sent."


def _places(events: Mapping[str, Any]) -> tuple[str, ...]:
    """Where events went that were given up, and by which rules they were."""
    following = events["following"]
    retries, age = following["max_retries"], format_seconds(following["max_age_s"])
    rules = f"Lambda tries a failing event {retries + 1} times at most, and within {age}."
    places = [
        f"{told['events']:,} to the {name} {told['to']}"
        for key, name in (
            ("dead_lettered", "dead-letter queue"),
            ("sent_to_failure_destination", "failure destination"),
        )
        if (told := events[key]) is not None
    ]
    if not events["given_up"]:
        return (rules,)
    if not places:
        gone = "no dead-letter queue and no failure destination is configured, so they are lost"
        return (rules, f"{events['given_up']:,} were given up; {gone}.")
    return (rules, f"Given up, and so sent on by Lambda: {', and '.join(places)}.")


def _evidence(events: Mapping[str, Any]) -> str:
    """How all this is known."""
    following = events["following"]
    scale = following["time_scale"]
    text = f"Each event was followed by its request id in {following['place']}."
    if events["duplicates"]:
        text += f" {events['duplicates']:,} tries were no retries: Lambda may deliver twice."
    if scale != 1:
        text += f" Waits are in platform time, which ran {scale:g} times as fast as ours."
    return text


def _end_table(events: Mapping[str, Any]) -> Table:
    accepted = events["accepted"]
    rows = tuple(
        Row(words, (Cell(f"{count:,}"), Cell(share(count, accepted))))
        for end, words in _ENDS.items()
        if (count := events["ends"].get(end, 0)) or end == "succeeded"
    )
    return Table("What became of the events", ("End", "Events", "Share"), rows)


def _tries_table(events: Mapping[str, Any]) -> Table:
    accepted = events["accepted"]
    rows = tuple(
        Row(f"{int(tries):,}", (Cell(f"{count:,}"), Cell(share(count, accepted))))
        for tries, count in sorted(events["events_by_tries"].items(), key=lambda each: int(each[0]))
    )
    return Table("Events by how often they were tried", ("Tries", "Events", "Share"), rows)


def _wait_table(events: Mapping[str, Any]) -> Table | None:
    rows = tuple(
        Row(title, tuple(Cell(format_ms(events[key].get(name))) for name in _STATISTICS))
        for key, title in _WAITS
        if events[key]
    )
    return Table("How long events waited", ("Wait", *_STATISTICS), rows) if rows else None


def _slices(moments: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """In at most so many slices: mean counts, and the most that waited."""
    step = -(-len(moments) // _MOMENTS) or 1
    found = []
    for at in range(0, len(moments), step):
        rows = moments[at : at + step]
        slice_: dict[str, Any] = {"second": rows[0]["second"]}
        for name in ("accepted", "begun", "retried"):
            slice_[name] = sum(row[name] for row in rows) / len(rows)
        slice_["waiting"] = max(row["waiting"] for row in rows)
        found.append(slice_)
    return tuple(found)
