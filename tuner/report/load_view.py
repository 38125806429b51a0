"""A load as a reader sees it: every word and number of its report, from ``tuner.load/1``.

The document is what the store keeps, so a report can be written again at any time. Templates,
charts and the terminal only arrange.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from tuner.report.elements import Answer, Fact, Table, share
from tuner.report.load_events import EventsView, event_facts, event_rest, events_view
from tuner.report.load_tables import (
    outcome_table,
    slo_table,
    step_table,
    throttle_table,
    timeline_table,
    times_table,
)
from tuner.report.method import cross_check_facts
from tuner.units import (
    format_memory,
    format_ms,
    format_rate,
    format_seconds,
    format_usd,
)

#: A chart shows at most so many moments; longer loads are drawn in slices of several seconds.
_MOMENTS = 300


@dataclass(frozen=True)
class LoadView:
    """The report of a load. ``moments`` are rows of the timeline for charts and the table."""

    name: str
    subtitle: str
    state: str
    answer: Answer
    slos: Table | None
    steps: Table | None
    times: Table
    outcomes: Table
    throttles: Table | None
    events: EventsView | None
    timeline: Table
    moments: tuple[Mapping[str, Any], ...]
    slice_s: int
    warnings: tuple[str, ...]
    method: tuple[Fact, ...]

    @property
    def title(self) -> str:
        """The page's title."""
        return f"{self.name} under load: {self.answer.headline}"


def load_view(document: Mapping[str, Any]) -> LoadView:
    """Word everything there is to say about a load."""
    slice_s, moments = _moments(document["timeline"])
    return LoadView(
        name=document["name"],
        subtitle=_subtitle(document),
        state=_state(document),
        answer=_answer(document),
        slos=slo_table(document),
        steps=step_table(document),
        times=times_table(document),
        outcomes=outcome_table(document),
        throttles=throttle_table(document),
        events=events_view(document),
        timeline=timeline_table(moments),
        moments=moments,
        slice_s=slice_s,
        warnings=tuple(warning["text"] for warning in document["warnings"]),
        method=_method(document),
    )


def _answer(document: Mapping[str, Any]) -> Answer:
    missed = [each for each in document["slo"] if not each["met"]]
    throttled, calls = document["outcomes"]["throttled"], document["calls"]
    failed = calls - throttled - document["outcomes"]["ok"]
    events = document.get("events")
    accepted = "p95 latency" if events is None else "accepted within p95"
    rest = [
        *(() if events is None else event_rest(events)),
        f"{accepted} {format_ms(document['latency_ms'].get('p95'))}",
        f"{share(throttled, calls)} throttled",
        *([f"{share(failed, calls)} failed"] if failed else []),
        *([f"{document['dropped']:,} calls never sent"] if document["dropped"] else []),
    ]
    well = "answered well" if events is None else "accepted"
    rate = f"{format_rate(document['goodput_rps'])} {well}"
    limit = document.get("limit")
    if limit is not None:
        headline = _limit_headline(limit)
        if limit["fails_at_rps"] is not None:
            rest.insert(0, f"{format_rate(limit['fails_at_rps'])} is too much")
    elif document["slo"]:
        texts = ", ".join(each["slo"] for each in missed or document["slo"])
        headline = f"Misses {texts}" if missed else f"Meets {texts}"
        rest.insert(0, rate)
    else:
        headline = rate
    tone = "bad" if missed or not document["outcomes"]["ok"] else "good"
    doubtful = events is not None and events["given_up"] + events["unknown"]
    if tone == "good" and (throttled or failed or document["dropped"] or doubtful):
        tone = "warn"
    return Answer(headline, "; ".join(rest), tone, _facts(document), ())


def _limit_headline(limit: Mapping[str, Any]) -> str:
    if limit["best_rps"] is None:
        return "No rate that was tried meets the objectives"
    open_end = limit["fails_at_rps"] is None
    return f"Bears {format_rate(limit['best_rps'])}{' or more' if open_end else ''}"


def _facts(document: Mapping[str, Any]) -> tuple[Fact, ...]:
    asked, achieved = document["asked_rps"], document["achieved_rps"]
    concurrency, retries = document["concurrency"], document["retries"]
    little = concurrency["little"]
    rate = f"asked: {format_rate(asked)}" if asked is not None else "closed model"
    facts = [
        Fact("Calls", f"{document['calls']:,}", f"in {format_seconds(document['seconds'])}"),
        Fact("Rate achieved", format_rate(achieved), rate),
        Fact(
            "Concurrency",
            f"{concurrency['mean']:.1f}",
            f"at most {concurrency['max']:,}"
            + ("" if little is None else f"; {little:.1f} by Little's law"),
        ),
        Fact("Cold starts", f"{document['cold_starts']:,}", _cold_note(document)),
        Fact("Cost of this load", _cost(document), _per_million(document)),
    ]
    if document.get("events") is not None:
        facts[2:2] = event_facts(document["events"])
    if document["attempts"] > document["calls"]:
        note = f"{document['attempts']:,} requests; backoff {_middle(retries['backoff_ms'])}"
        facts.append(Fact("Requests per call", f"{retries['amplification']:.3f}", note))
    return tuple(facts)


def _cold_note(document: Mapping[str, Any]) -> str:
    return "" if not document["cold_starts"] else f"p50 {_middle(document['cold_ms'], '')}"


def _middle(spread: Mapping[str, Any], prefix: str = "p50 ") -> str:
    return f"{prefix}{format_ms(spread.get('p50'))}"


def _cost(document: Mapping[str, Any]) -> str:
    if document["backend"] != "aws" and document["cost_usd"] is not None:
        return f"{format_usd(document['cost_usd'])} on AWS"
    return format_usd(document["cost_usd"])


def _per_million(document: Mapping[str, Any]) -> str:
    if document["cost_usd"] is None or not document["calls"]:
        return ""
    return f"{format_usd(document['cost_usd'] / document['calls'] * 1e6)} per million calls"


def _moments(
    timeline: Sequence[Mapping[str, Any]],
) -> tuple[int, tuple[Mapping[str, Any], ...]]:
    """The timeline in at most so many slices: mean counts, median p50s, the highest p99."""
    slice_s = -(-len(timeline) // _MOMENTS) or 1
    if slice_s == 1:
        return 1, tuple(timeline)
    slices = [timeline[at : at + slice_s] for at in range(0, len(timeline), slice_s)]
    return slice_s, tuple(_merged(rows) for rows in slices)


def _merged(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    merged: dict[str, Any] = {"second": rows[0]["second"]}
    for name in ("asked", "sent", "ok", "throttled", "errors", "cold", "in_flight"):
        merged[name] = sum(row[name] or 0 for row in rows) / len(rows)
    for name, pick in (("p50_ms", median), ("p95_ms", max), ("p99_ms", max)):
        known = [row[name] for row in rows if row[name] is not None]
        merged[name] = pick(known) if known else None
    return merged


def _method(document: Mapping[str, Any]) -> tuple[Fact, ...]:
    asked = document["load"]
    if asked["model"] == "closed":
        how = f"{asked['users']:,} users, each calling again when answered"
        if asked["think_s"]:
            how += f" and {format_seconds(asked['think_s'])} later"
    else:
        arrival = {"constant": "evenly spaced", "poisson": "by chance (Poisson)"}
        how = f"calls are due {arrival[asked['arrival']]}, whether or not earlier ones have ended"
    front = asked.get("front")
    through = "the Invoke API" if front is None else f"{front['method']} {front['url']}"
    signed = {"iam": "signed with IAM", "none": "not signed"}
    profile = "" if asked["profile"] in ("rate", "users") else f"{asked['profile']}: "
    return (
        Fact("Load", f"{profile}{asked['about']}" if profile else how, how if profile else ""),
        Fact("Highest rate asked", format_rate(asked["peak_rps"])),
        Fact("Called through", through, "" if front is None else signed[front["auth"]]),
        *(_processor(each) for each in asked.get("processors", ())),
        Fact("Retries", asked["retry"]),
        Fact("Memory", format_memory(document["memory_mb"])),
        Fact("Latency", _latency_words(document)),
        *cross_check_facts(document.get("cross_check")),
        Fact("Run", document["run"], f"seed {document['seed']}"),
    )


def _latency_words(document: Mapping[str, Any]) -> str:
    if document.get("events") is None:
        return "counts from the moment a call was due, to the end of its last attempt"
    return "counts from the moment an event was due until it was accepted (202), not until it ran"


def _processor(each: Mapping[str, Any]) -> Fact:
    kind = {"pre": "Before each call", "post": "After each call"}[each["kind"]]
    failed = f", {each['failed']:,} failed" if each["failed"] else ""
    return Fact(kind, each["name"], f"{each['runs']:,} times{failed}; not part of any time")


def _subtitle(document: Mapping[str, Any]) -> str:
    target = document["target"] if document["target"] != document["name"] else None
    started = (document["started_at"] or "")[:16].replace("T", " ")
    memory = format_memory(document["memory_mb"])
    parts = (target, document["runtime"], document["arch"], document["region"], memory)
    return " · ".join([*(part for part in parts if part), f"{started} UTC"])


def _state(document: Mapping[str, Any]) -> str:
    words = {"partial": "Cut short", "interrupted": "Interrupted", "failed": "Failed"}
    word, note = words.get(document["state"], ""), document["note"]
    return f"{word}: {note}" if word and note else word
