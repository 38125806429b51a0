"""A load as a reader sees it: its sections, in order, from ``tuner.load/1``.

The document is what the store keeps, so a report can be written again at any time.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from tuner.measure.failures import shortened
from tuner.report.elements import Answer, Fact, Section, View, share, state_text
from tuner.report.load_events import event_facts, event_rest, events_section
from tuner.report.load_limit import limit_section
from tuner.report.load_objectives import answered_5xx, held_to, likely, slo_table
from tuner.report.load_over_time import over_time
from tuner.report.load_tables import (
    ARRIVALS,
    as_cause,
    errors_section,
    outcome_table,
    throttle_table,
    timeline_table,
    times_table,
)
from tuner.report.method import CROSS_CHECK, cross_check_facts
from tuner.report.time_charts import slices
from tuner.units import (
    UNKNOWN,
    counted,
    format_cost,
    format_memory,
    format_ms,
    format_rate,
    format_seconds,
    format_usd,
)


def load_view(document: Mapping[str, Any]) -> View:
    """Word everything there is to say about a load."""
    said, name = _answer(document), document["name"]
    return View(
        name=name,
        subtitle=_subtitle(document),
        title=f"{name} under load: {said.headline}",
        question="Under this load",
        answer=said,
        sections=tuple(_sections(document)),
        state=state_text(document["state"], document["note"]),
        warnings=tuple(warning["text"] for warning in document["warnings"]),
    )


def _sections(document: Mapping[str, Any]) -> Iterator[Section]:
    if (slos := slo_table(document)) is not None:
        yield Section("Objectives", tables=(slos,), banners=True)
    yield from limit_section(document)
    yield from events_section(document)
    yield from over_time(document)
    yield _times(document)
    ended = outcome_table(document), throttle_table(document)
    yield Section("How calls ended", tables=tuple(table for table in ended if table is not None))
    yield from errors_section(map(as_cause, document.get("errors", ())))
    _, moments = slices(document["timeline"])
    yield Section("Second by second", tables=(timeline_table(moments),))
    yield Section("How it was measured", facts=_method(document), brief=(CROSS_CHECK,))


def _times(document: Mapping[str, Any]) -> Section:
    """The times of calls, or that there are none."""
    if not (document["latency_ms"] or document.get("unexpected_ms")):
        well = "succeeded" if document.get("events") is None else "was accepted"
        return Section("Times", lead=f"No call {well}, so there are no times.")
    note = (
        "Below a percentile is its 90 % interval, which takes calls as independent: in a "
        "queue they are not, and another load would differ by more."
    )
    table = times_table(document)
    bounds = any(cell.detail for row in table.rows for cell in row.cells)
    return Section("Times", note=note if bounds else "", tables=(table,))


def _answer(document: Mapping[str, Any]) -> Answer:
    missed = [each for each in document["slo"] if not each["met"]]
    throttled = document["outcomes"]["throttled"]
    failed = document["calls"] - throttled - document["outcomes"]["ok"]
    events, rest = document.get("events"), _rest(document, failed)
    well = "succeeded" if events is None else "accepted"
    rate = f"{format_rate(document['goodput_rps'])} {well}"
    limit = document.get("limit")
    if limit is not None:
        best, fails = limit["best_rps"], limit["fails_at_rps"]
        sustained = f"Sustains {format_rate(best)}"
        if fails is None:
            sustained = f"Sustains at least {format_rate(best)}, no limit found"
        none = "No tested rate meets the objectives"
        if fails is None:
            none = "No limit found"
        headline = none if best is None else sustained
        rest = rest if fails is None else [f"{format_rate(fails)} fails", *rest]
    elif document["slo"]:
        texts = ", ".join(f"{each['slo']}{likely(each)}" for each in missed or document["slo"])
        headline = f"{'FAILED' if missed else 'PASSED'} {texts}"
        rest[:0] = [*held_to(document, missed or document["slo"]), rate]
    else:
        headline = rate
    wrong = answered_5xx(document)
    tone = "bad" if missed or document["outcomes"]["ok"] <= wrong else "good"
    doubtful = events is not None and events["given_up"] + events["unknown"]
    lost = document["dropped"] or document.get("unknown")
    lost = lost or (limit is not None and limit["fails_at_rps"] is None)
    if tone == "good" and (throttled or failed or wrong or lost or doubtful):
        tone = "warn"
    return Answer(headline, "; ".join(rest), tone, _facts(document))


def _rest(document: Mapping[str, Any], failed: int) -> list[str]:
    """The parts of the sentence after the headline."""
    calls, events = document["calls"], document.get("events")
    accepted = "p95 latency" if events is None else "p95 until accepted"
    return [
        *(() if events is None else event_rest(events)),
        *([f"{accepted} {format_ms(known['p95'])}"] if (known := document["latency_ms"]) else []),
        f"{share(document['outcomes']['throttled'], calls)} throttled",
        *([f"{share(failed, calls)} failed{_mostly(document)}"] if failed else []),
        *([f"{counted(wrong, 'call')} answered 5xx"] if (wrong := answered_5xx(document)) else []),
        *([f"{document['dropped']:,} calls never sent"] if document["dropped"] else []),
        *([f"{unknown:,} of unknown fate"] if (unknown := document.get("unknown")) else []),
    ]


def _mostly(document: Mapping[str, Any]) -> str:
    """`` (KeyError: 'id')``: the most frequent cause, or nothing where none is known."""
    causes = [as_cause(each) for each in document.get("errors", ())]
    if not causes:
        return ""
    return f" ({'mostly ' if len(causes) > 1 else ''}{shortened(causes[0].words)})"


def _facts(document: Mapping[str, Any]) -> tuple[Fact, ...]:
    asked, concurrency, retries = (document[n] for n in ("asked_rps", "concurrency", "retries"))
    little = concurrency["little"]
    law = "" if little is None else f"; Little's law gives {little:.1f}"
    rate = f"asked: {format_rate(asked)}" if asked is not None else "users set the rate"
    facts = [
        Fact("Calls", f"{document['calls']:,}", f"in {format_seconds(document['seconds'])}"),
        Fact("Rate achieved", format_rate(document["achieved_rps"]), rate),
        Fact("Concurrency", f"{concurrency['mean']:.1f}", f"at most {concurrency['max']:,}{law}"),
        _cold_fact(document),
        Fact("Cost of this load", format_usd(document["cost_usd"]), _cost_note(document)),
    ]
    if document.get("events") is not None:
        facts[2:2] = event_facts(document["events"])
    if document["attempts"] > document["calls"]:
        note = f"{document['attempts']:,} requests; backoff {_middle(retries['backoff_ms'])}"
        facts.append(Fact("Requests per call", f"{retries['amplification']:.3f}", note))
    return tuple(facts)


def _cold_fact(document: Mapping[str, Any]) -> Fact:
    colds = document["cold_starts"]
    if colds is None:
        return Fact("Cold starts", UNKNOWN, "no answer held a report of its duration")
    known = document["cold_ms"]  # of calls that succeeded
    return Fact("Cold starts", f"{colds:,}", _middle(known) if known else "")


def _middle(spread: Mapping[str, Any]) -> str:
    return f"p50 {format_ms(spread.get('p50'))}"


def _cost_note(document: Mapping[str, Any]) -> str:
    cost, calls = document["cost_usd"], document["calls"]
    if cost is None or not calls:
        return ""
    where = "" if document["backend"] == "aws" else "if it ran on AWS; "
    return f"{where}{format_cost(cost / calls * 1e6)} per million calls"


def _method(document: Mapping[str, Any]) -> tuple[Fact, ...]:
    asked = document["load"]
    if asked["model"] == "closed":
        users = asked["users"]
        count = "as many users as the LoadTestShape says" if users is None else f"{users:,} users"
        how = f"{count}, each calling again once answered"
        if asked["think_s"]:
            how += f", after {format_seconds(asked['think_s'])}"
    else:
        how = f"calls are due {ARRIVALS[asked['arrival']]}, whether or not earlier ones have ended"
    latency = "a call was due to the end of its last attempt"
    if document.get("events") is not None:
        latency = "an event was due until it was accepted (202), not until it ran"
    front = asked.get("front")
    through = "the Invoke API" if front is None else f"{front['method']} {front['url']}"
    signed = {"iam": "signed with IAM", "none": "not signed"}
    named = asked["profile"] not in ("rate", "users")
    profile = ": ".join(part for part in (asked["profile"], asked["about"]) if part)
    return (
        Fact("Load", profile, how) if named else Fact("Load", how),
        Fact("Highest planned rate", format_rate(asked["peak_rps"])),
        Fact("Called through", through, "" if front is None else signed[front["auth"]]),
        *(_processor(each) for each in asked.get("processors", ())),
        Fact("Retries", asked["retry"]),
        Fact("Memory", format_memory(document["memory_mb"])),
        Fact("Latency", f"counts from the moment {latency}"),
        *cross_check_facts(document.get("cross_check")),
        Fact("Run", document["run"], f"seed {document['seed']}"),
    )


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
