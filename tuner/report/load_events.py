"""The events of an asynchronous load in words and tables, from ``events`` of ``tuner.load/1``."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from tuner.report.elements import Fact, Figure, Row, Section, Table, share
from tuner.report.load_tables import share_table, spread_cells
from tuner.report.time_charts import queue_chart, slices
from tuner.units import format_ms, format_seconds

_ENDS = {
    "succeeded": "succeeded",
    "ran": "ran; the result of the last attempt is unknown",
    "retries_exhausted": "discarded: the last retry failed",
    "age_exceeded": "discarded: too old",
    "switched_off": "discarded: the function’s reserved concurrency is 0",
    "waiting": "failed, or may have; a retry may follow",
    "running": "still running when time was up",
    "unseen": "never started: still queued, or lost",
}
_STATISTICS = ("p50", "p90", "p95", "p99", "max", "mean")
_WAITS = (("dwell_ms", "In the queue, until the start"), ("retry_wait_ms", "From failure to retry"))


def events_section(document: Mapping[str, Any]) -> Iterator[Section]:
    """The section on events; nothing for a load that waited for answers."""
    events = document.get("events")
    if events is None:
        return
    _, moments = slices(events["timeline"])
    figure = Figure(
        "queue",
        "Events accepted, started and retried in each second, and those in the queue at its end.",
        "Events in the queue over the load and after it.",
        partial(queue_chart, moments),
    )
    yield Section(
        "What became of the events",
        words=(_sentence(events), *_places(events), _evidence(events)),
        figures=(figure,) if len(moments) > 1 else (),
        tables=(_end_table(events), *_wait_tables(events), _tries_table(events)),
    )


def event_facts(events: Mapping[str, Any]) -> tuple[Fact, ...]:
    """The figures beside the answer."""
    scale = events["following"]["time_scale"]
    clock = "" if scale == 1 else f"; platform time, {scale:g} times as fast"
    dwell = events["dwell_ms"]
    waited = f"p99 {format_ms(dwell.get('p99'))}{clock}" if dwell else ""
    retried = f"{events['retried']:,} events were retried"
    return (
        Fact("Events started", share(events["started"], events["accepted"]), retried),
        Fact("Time in the queue", format_ms(dwell.get("p50")), waited),
    )


def event_rest(events: Mapping[str, Any]) -> tuple[str, ...]:
    """The parts of the answer's sentence about events."""
    accepted, ends = events["accepted"], events["ends"]
    more = (
        (events["given_up"], "discarded"),
        (ends["ran"], "ran with an unknown result"),
        (events["unknown"], "not finished"),
    )
    return (
        f"{share(ends['succeeded'], accepted)} of the events succeeded",
        f"time in the queue p95 {format_ms(events['dwell_ms'].get('p95'))}",
        *(f"{count:,} {words}" for count, words in more if count),
    )


def _sentence(events: Mapping[str, Any]) -> str:
    accepted, tries = events["accepted"], events["tries"]
    text = f"{accepted:,} events were accepted; {events['started']:,} of them started"
    if tries:
        text += f", and the function ran {tries:,} times for them"
    followed = format_seconds(events["following"]["seconds"])
    return f"{text}. They were followed for {followed} after the last one was sent."


def _places(events: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the places that discarded events went to, and the rules for discarding."""
    following = events["following"]
    retries, age = following["max_retries"], format_seconds(following["max_age_s"])
    rules = f"Lambda tries a failing event {retries + 1} times at most, and within {age}."
    kept = (
        (events["dead_lettered"], "dead-letter queue"),
        (events["sent_to_failure_destination"], "failure destination"),
    )
    places = [f"{told['events']:,} to the {name} {told['to']}" for told, name in kept if told]
    if not events["given_up"]:
        return (rules,)
    if not places:
        gone = "no dead-letter queue and no failure destination is configured, so they are lost"
        return (rules, f"{events['given_up']:,} were discarded; {gone}.")
    return (rules, f"Discarded by Lambda, and so sent on: {', and '.join(places)}.")


def _evidence(events: Mapping[str, Any]) -> str:
    """Name the source of these figures."""
    scale = events["following"]["time_scale"]
    text = f"Each event was followed by its request id in {events['following']['place']}."
    if events["duplicates"]:
        text += f" {events['duplicates']:,} attempts were not retries: Lambda may deliver twice."
    if scale != 1:
        text += f" Waits are in platform time, which ran {scale:g} times as fast as ours."
    return text


def _end_table(events: Mapping[str, Any]) -> Table:
    rows = [
        (words, count)
        for end, words in _ENDS.items()
        if (count := events["ends"].get(end, 0)) or end == "succeeded"
    ]
    columns = ("Result", "Events", "Share")
    return share_table("What became of the events", columns, rows, events["accepted"])


def _tries_table(events: Mapping[str, Any]) -> Table:
    ordered = sorted(events["events_by_tries"].items(), key=lambda each: int(each[0]))
    rows = [(f"{int(tries):,}", count) for tries, count in ordered]
    columns = ("Attempts", "Events", "Share")
    table = share_table("Events by number of attempts", columns, rows, events["accepted"])
    return replace(table, note="How often they were tried:")


def _wait_tables(events: Mapping[str, Any]) -> Iterator[Table]:
    rows = tuple(
        Row(title, spread_cells(events[key], _STATISTICS)) for key, title in _WAITS if events[key]
    )
    caption, narrow = "How long events waited", ("Wait", "p50", "p95", "p99", "max")
    if rows:
        yield Table(caption, ("Wait", *_STATISTICS), rows, narrow, note=f"{caption}:")
