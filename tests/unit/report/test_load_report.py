"""The report of a load: its words, its page, its document, from hand-made samples."""

import json
import re
from dataclasses import replace
from functools import cache
from html import unescape
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any

import altair
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from support.examples import examples
from support.factories import a_function, a_run, a_sample
from support.views import charts_of, section, tables_of
from tuner.api.results import LoadResult
from tuner.decide.goal import ALL_AS_EXPECTED, Slo, parse_slo
from tuner.decide.load_result import Load, judge
from tuner.engine.engine import Shortfall
from tuner.engine.profiles.pace import Constant
from tuner.engine.profiles.profile import Phase, Profile
from tuner.measure.event_fates import Fates
from tuner.measure.event_figures import EventFigures, Following, event_figures
from tuner.measure.load_figures import LoadTally
from tuner.model.quantiles import quantile_interval
from tuner.records import (
    Advice,
    LogLine,
    Outcome,
)
from tuner.report.load_document import load_document
from tuner.report.load_heat_map import heat_map_chart
from tuner.report.load_tables import times_table
from tuner.report.load_view import load_view
from tuner.report.page import render
from tuner.report.style import Limit
from tuner.targets.observers import EventSettings
from tuner.units import format_probability

EVIL = "<script>alert(1)</script>{{ 7*7 }}"
RUN = a_run("01J", command="load", seed=7, facts=a_function(region="eu-west-1", arch="arm64"))


def made(seconds: int = 20, throttled: int = 10, slo: str | None = None, **changed: Any) -> Load:
    """Five calls a second of 200 ms, the last of which are throttled."""
    tally, calls = LoadTally(), seconds * 5
    for number in range(calls):
        bad = number >= calls - throttled
        outcome, due = Outcome.THROTTLED if bad else Outcome.OK, number / 5
        tally.add(
            a_sample(
                call=number,
                due_s=due,
                took_s=0.2,
                outcome=outcome,
                reason=EVIL if bad else None,
                duration_ms=None if bad else 190.0,
                billed_ms=None if bad else 190.0,
                init_ms=300.0 if number == 0 else None,
            )
        )
    figures = tally.figures(float(seconds), float(calls), Shortfall(), None)
    profile = Profile("steady", "the same rate", (Phase(Constant(5.0), float(seconds)),))
    verdicts = judge([parse_slo(slo)] if slo else [], figures, 0.001)
    load = Load(RUN, profile, 512, "none", "sync", figures, 0.001, verdicts)
    return replace(load, **changed)


def unexpected(reasons: list[str], slo: Slo = ALL_AS_EXPECTED) -> dict[str, Any]:
    """The document of a load of answers that were not as expected, for these reasons ("": fine)."""
    tally, expect = LoadTally(), ("json.ok == true", "status<500")
    for number, reason in enumerate(reasons):
        outcome = Outcome.CHECK_FAILED if reason else Outcome.OK
        given = {"call": number, "due_s": number / 10, "took_s": 0.2, "init_ms": 300.0}
        tally.add(a_sample(**given, duration_ms=100.0, outcome=outcome, reason=reason or None))
    figures = tally.figures(10.0, float(len(reasons)), Shortfall(), None)
    verdicts = judge([slo], figures, 0.001)
    return load_document(made(figures=figures, verdicts=verdicts, expect=expect))


def printed(document: dict[str, Any]) -> str:
    """What a terminal of 80 columns shows of it."""
    out = StringIO()
    console = Console(file=out, width=80, highlight=False, force_terminal=True, color_system=None)
    LoadResult(document=document).print(console)
    return out.getvalue()


@cache
def example() -> dict[str, Any]:
    """The document of one load, made once."""
    return load_document(made())


def test_the_answer_says_what_was_met_and_what_was_missed() -> None:
    good = load_view(load_document(made(throttled=0, slo="p95<1s"))).answer
    assert (good.headline, good.tone) == ("PASSED p95<1s", "good")
    bad = load_view(load_document(made(slo="throttles<1%"))).answer
    assert (bad.headline, bad.tone) == ("FAILED throttles<1%", "bad")
    assert "10 % throttled" in bad.rest
    unknown = load_view({**load_document(made()), "cold_starts": None}).answer
    assert {fact.label: fact.value for fact in unknown.facts}["Cold starts"] == "–"
    plain = load_view(load_document(made())).answer
    assert (plain.headline, plain.tone) == ("4.5/s succeeded", "warn")


def test_what_an_objective_measured_comes_before_what_callers_waited() -> None:
    missed = load_view(load_document(made(throttled=0, slo="p99<60ms"))).answer
    assert missed.headline == "FAILED p99<60ms"
    assert missed.rest.startswith("p99 190 ms in 99 warm calls; 5/s succeeded; p95 latency 200 ms")
    priced = load_view(load_document(made(throttled=0, slo="cost<1usd/million"))).answer
    assert re.match(r"cost \$[\d,.]+ per million; 5/s succeeded", priced.rest)
    counted = load_view(load_document(made(slo="throttles<1%"))).answer
    assert counted.rest.startswith("4.5/s succeeded; ")


def test_an_objective_that_nothing_was_measured_for_is_not_said_to_be_missed() -> None:
    document = load_document(made(throttled=100, slo="p95<1s"))
    assert objectives(document) == {"p95<1s": ["not measured", "not met"]}
    assert load_view(document).answer.rest.startswith("p95 not measured; ")


@pytest.mark.parametrize("slo", ["p95<1s", "client_p95<1s", "mean<1s"])
def test_an_objective_met_by_few_calls_is_met_with_a_probability(slo: str) -> None:
    few = load_document(made(seconds=4, throttled=0, slo=slo))
    [told] = few["slo"]
    assert told["met"] and told["calls"] < 60
    said = format_probability(told["probability"])
    assert load_view(few).answer.headline == f"PASSED {slo} with {said}"
    assert f"met with {said}" in printed(few)
    many = load_document(made(seconds=20, throttled=0, slo=slo))
    assert load_view(many).answer.headline == f"PASSED {slo}"


def test_the_page_has_every_number_and_nobodys_markup() -> None:
    load = made(slo="p95<1s", warnings=(Advice("x", f"Mind {EVIL}."),))
    page = render(load_view(load_document(load)))
    assert "<script>alert" not in page
    assert "{{ 7*7 }}" in page
    assert "steady" in page
    assert page.count('data-chart="') == 5
    assert not re.search(r"""(?:src|href)=["']?https?:""", page)
    checker = HTMLParser()
    checker.feed(page)


def test_charts_are_valid_vega_lite() -> None:
    views = (load_view(load_document(made(slo="client_p99<300ms"))), load_view(searched()))
    for view in views:
        for spec in charts_of(view).values():
            altair.Chart.from_dict(spec)


def banners(document: dict[str, Any]) -> dict[str, str]:
    """Each banner of the page by its objective, without markup."""
    page = render(load_view(document)).replace("\u00a0", " ")
    [inside] = re.findall(r'<ul class="banners"[^>]*>(.*?)</ul>', page, re.DOTALL)
    found = {}
    for tone, item in re.findall(r'<li class="(\w*)">(.*?)</li>', inside, re.DOTALL):
        [objective] = re.findall(r"<b>(.*?)</b>", item)
        found[unescape(objective)] = f"{tone}: {unescape(re.sub('<[^>]+>', '', item))}"
    return found


def test_each_objective_has_a_banner_that_says_why_it_was_missed() -> None:
    slos = ("throttles<1%", "client_p99<150ms", "client_p50<1s")
    load = made()
    verdicts = judge([parse_slo(each) for each in slos], load.figures, 0.001)
    document = load_document(replace(load, verdicts=verdicts))
    told = banners(document)
    assert list(told) == list(slos)
    assert told["throttles<1%"].startswith("failed: Missed throttles<1% 10 %")
    assert f"{EVIL} (10); throttled in 3 of 21 seconds, first at 18 s" in told["throttles<1%"]
    assert "33 % above the limit" in told["client_p99<150ms"]
    assert "p99 above the limit in 19 of 21 seconds, first at 0 s" in told["client_p99<150ms"]
    assert told["client_p50<1s"].startswith("recommended: Met client_p50<1s 200 ms")
    assert "80 % below the limit" in told["client_p50<1s"]
    assert "client_p99<150ms: p99 above the limit" in printed(document).replace("\n", " ")
    assert "Objectives" not in re.findall(r"<h2>(.*?)</h2>", render(load_view(document)))


def test_a_banner_on_errors_names_the_most_frequent_ones() -> None:
    document = unexpected(["status<500"] * 3 + [""] * 7, parse_slo("errors<1%"))
    assert "status<500" in banners(document)["errors<1%"]
    odd = {**document, "slo": [{"slo": "p42 of later", "value": 1.0, "met": False}]}
    assert banners(odd) == {"p42 of later": "failed: Missed p42 of later 1.0 ms"}


def test_a_load_without_objectives_has_no_banner() -> None:
    assert 'class="banners"' not in render(load_view(example()))


def test_charts_over_time_share_their_axis_and_show_objectives() -> None:
    view = load_view(load_document(made(slo="client_p99<300ms")))
    charts = charts_of(view)
    assert list(charts) == ["rates", "times", "heat-map", "flight", "cold-starts"]
    assert section(view, "Over time").column
    for spec in charts.values():
        assert re.findall(r'"domain": (\[0, \d+\])', json.dumps(spec))[0] == "[0, 21]"
    assert "client_p99<300ms" in json.dumps(charts["times"])
    assert "throttled (429)" in json.dumps(charts["rates"])
    assert '"sent"' not in json.dumps(charts["rates"]), "sent when due"


def test_retries_have_a_chart_and_their_amplification() -> None:
    tally = LoadTally()
    for number in range(20):
        told = {"call": number, "due_s": number / 2, "took_s": 0.1}
        again = {"outcome": Outcome.THROTTLED, "reason": "Concurrency", "backoff_ms": 200.0}
        tally.add(a_sample(**told, **again))
        tally.add(a_sample(**{**told, "due_s": number / 2 + 0.3}, attempt=2, duration_ms=90.0))
    document = load_document(made(figures=tally.figures(10.0, 20.0, Shortfall(), None)))
    assert {row["retried"] for row in document["timeline"]} == {2}
    view = load_view(document)
    [figure] = [each for each in view.figures if each.name == "retries"]
    assert "with them 2.000 requests were sent per call" in figure.caption
    assert "2 retried" in json.dumps(figure.draw())
    assert '"sent"' in json.dumps(charts_of(view)["rates"])
    earlier = [{k: v for k, v in row.items() if k != "retried"} for row in document["timeline"]]
    assert "retries" not in charts_of(load_view({**document, "timeline": earlier}))


def searched() -> dict[str, Any]:
    """The document of a search: 10 and 20 calls a second are borne, 40 are not."""
    steps = [
        {
            "rps": rate,
            "met": met,
            "missed": [] if met else ["client_p99<300ms"],
            "note": None,
            "probability": None,
            "achieved_rps": rate,
            "goodput_rps": good,
            "throttled": 0.0,
            "p50_ms": 100.0,
            "p99_ms": p99,
            "concurrency": {"mean": rate / 10, "max": 9, "little": None},
        }
        for rate, good, p99, met in ((10.0, 10.0, 120.0, True), (40.0, 22.0, 900.0, False))
    ]
    limit = {"best_rps": 10.0, "fails_at_rps": 40.0, "generator": False, "steps": steps}
    return {**load_document(made(slo="client_p99<300ms", throttled=0)), "limit": limit}


def test_a_search_shows_the_knee_with_the_rate_that_is_sustained() -> None:
    view = load_view(searched())
    rates = section(view, "Rates tried")
    assert [figure.name for figure in rates.figures] == ["knee", "knee-latency"]
    for figure in rates.figures:
        spec = json.dumps(figure.draw())
        assert "10/s sustained" in spec and "40/s fails" in spec
        assert "10/s is sustained, 40/s is not" in figure.text
    assert "client_p99<300ms" in json.dumps(rates.figures[1].draw())
    none = {**searched(), "limit": {**searched()["limit"], "best_rps": None}}
    assert "sustained" not in json.dumps(section(load_view(none), "Rates tried").figures[0].draw())


def test_a_long_load_is_drawn_in_slices_that_keep_its_calls() -> None:
    document = load_document(made(seconds=20))
    rows = [{**document["timeline"][0], "second": at, "asked": 6} for at in range(1000)]
    view = load_view({**document, "timeline": rows})
    assert "Each point stands for 4 s" in section(view, "Over time").note
    rates = tables_of(view)["Second by second"].rows
    assert len(rates) == 250
    assert {row.cells[0].value for row in rates} == {"6"}


def test_a_heat_map_is_told_in_words_and_missing_of_earlier_versions() -> None:
    view = load_view(example())
    heat = next(each for each in view.figures if each.name == "heat-map")
    assert "100 % of 90 calls took 200 ms to 211 ms; the slowest took 200 ms to 211 ms" in heat.text
    assert "at 0 to 0 s" not in heat.text
    earlier = {name: value for name, value in example().items() if name != "heat_map"}
    assert "heat-map" not in charts_of(load_view(earlier))
    assert "heat-map" not in charts_of(load_view(load_document(made(throttled=100))))


def test_a_heat_map_names_each_class_of_counts_and_keeps_objectives_in_reach() -> None:
    heat = {"column_s": 5, "edges_ms": [100.0, 200.0, 400.0], "cells": [[0, 0, 1], [5, 1, 700]]}
    moments = [{"second": at} for at in range(9)]
    limits = [Limit(300.0, "client_p99<300ms"), Limit(9000.0, "client_p99<9s")]
    spec = heat_map_chart(heat, moments, limits)
    altair.Chart.from_dict(spec)
    text = json.dumps(spec)
    assert "client_p99<300ms" in text and "9s" not in text
    shown = spec["layer"][0]["data"]["values"]
    ends = [(each["end"], each["calls"]) for each in shown]
    assert ends == [(5, "1 to 3"), (9, "256 to 700 calls")]
    assert shown[1]["text"] == "5 to 9 s, 200 ms to 400 ms: 700 calls"


def test_the_document_is_json_and_empty_spreads_are_empty() -> None:
    document = load_document(made(throttled=100))
    json.dumps(document, allow_nan=False)
    assert document["latency_ms"] == {}
    assert load_view(document).answer.tone == "bad"
    render(load_view(document))


def test_percentiles_have_the_intervals_of_their_ranks_in_document_and_page() -> None:
    tally, took = LoadTally(), [0.05 + number * 0.0001 for number in range(400)]
    for number, seconds in enumerate(took):
        tally.add(a_sample(call=number, due_s=number / 10, took_s=seconds))
    document = load_document(made(figures=tally.figures(40.0, 400.0, Shortfall(), None)))
    told = document["intervals"]
    assert told["coverage"] == 0.9
    for name, quantile in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99)):
        low, high = quantile_interval([each * 1000.0 for each in took], quantile) or (0, 0)
        assert told["latency_ms"][name] == pytest.approx([low, high], rel=2e-3)
        assert low <= document["latency_ms"][name] <= high
    assert "p99.9" not in told["latency_ms"], "400 calls cannot enclose it"
    [row] = [row for row in times_table(document).rows if row.head.startswith("Latency")]
    assert row.cells[0].detail == "68 to 72 ms"
    assert "68 to 72 ms" in render(load_view(document)).replace("\u00a0", " ")


def followed(now_s: float = 900.0, **settings: Any) -> EventFigures:
    """Four events: one good, one that failed three times, one running, one never begun."""
    fates = Fates(EventSettings(**settings))
    for name in ("good", "bad", "running", "unseen"):
        fates.accept(name, 10.0)
    fates.told({"good": "Success", "bad": "RetriesExhausted"})
    tries = [("good", 12.0), ("bad", 11.0), ("bad", 72.0), ("bad", 193.0)]
    for name, at_s in [*tries, ("running", 300.0)]:
        lines = [LogLine(at_s, f"START RequestId: {name} Version: 1")]
        if name != "running":
            figures = "Duration: 500.00 ms\tBilled Duration: 500 ms\t"
            lines.append(LogLine(at_s + 0.5, f"REPORT RequestId: {name}\t{figures}"))
        fates.read(lines)
    return event_figures(fates, Following("a log", fates.settings, 1.0, 30.0), 10.0, now_s)


def test_what_became_of_events_is_told_in_words_and_tables() -> None:
    document = load_document(made(throttled=0, mode="async", events=followed()))
    view = load_view(document)
    assert view.answer.tone == "warn"
    assert view.answer.headline == "5/s accepted"
    assert "25 % of the events succeeded; time in the queue p95" in view.answer.rest
    assert "1 discarded; 2 not finished" in view.answer.rest
    ends = {
        row.head: row.cells[0].value for row in tables_of(view)["What became of the events"].rows
    }
    assert ends == {
        "succeeded": "1",
        "discarded: the last retry failed": "1",
        "still running when time was up": "1",
        "never started: still queued, or lost": "1",
    }
    words = " ".join(section(view, "What became of the events").words)
    assert "4 events were accepted; 3 of them started, and the function ran 5 times" in words
    assert "no dead-letter queue and no failure destination is configured" in words
    page = render(load_view(document))
    assert page.count('data-chart="') == 6
    assert "Accepted, since due" in page
    assert "accepted" in json.dumps(charts_of(view)["rates"])


def test_events_that_were_given_up_are_said_to_go_where_the_function_says() -> None:
    queue = "arn:aws:sqs:eu-west-1:1:dead"
    document = load_document(made(mode="async", events=followed(dead_letters=queue)))
    assert document["events"]["dead_lettered"] == {"to": queue, "events": 1}
    assert document["events"]["sent_to_failure_destination"] is None
    view = load_view(document)
    words = " ".join(section(view, "What became of the events").words)
    assert f"and so sent on: 1 to the dead-letter queue {queue}." in words


def test_a_load_of_events_fits_eighty_characters_too() -> None:
    out = StringIO()
    console = Console(file=out, width=80, highlight=False, force_terminal=True, color_system=None)
    load = load_document(made(mode="async", events=followed(), throttled=0))
    LoadResult(document=load).print(console)
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert "What became of the events" in text
    assert "In the queue, until the start" in text


def test_a_load_without_events_says_nothing_of_them() -> None:
    assert "What became of the events" not in tables_of(load_view(example()))
    assert "What became of the events" not in render(load_view(example()))
    earlier = {key: value for key, value in example().items() if key != "events"}
    assert "What became of the events" not in tables_of(load_view(earlier))


def test_a_document_from_before_intervals_is_shown_without() -> None:
    document = {key: value for key, value in example().items() if key != "intervals"}
    assert {cell.detail for row in times_table(document).rows for cell in row.cells} == {""}


def test_the_terminal_fits_eighty_characters() -> None:
    out = StringIO()
    console = Console(file=out, width=80, highlight=False, force_terminal=True, color_system=None)
    load = load_document(made(slo="p95<1s", throttled=0))
    LoadResult(document=load).print(console)
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    assert text.startswith("PASSED p95<1s")


def test_a_report_is_written_under_the_functions_and_the_runs_name(tmp_path: Path) -> None:
    path = LoadResult(document=load_document(made())).report(tmp_path / "reports")
    assert path.name == "orders-01J.html"
    assert path.read_text().startswith("<!doctype html>")


@given(
    calls=st.integers(0, 10**9),
    value=st.none() | st.floats(0, 1e12),
    note=st.none() | st.text(max_size=30),
    state=st.sampled_from(["done", "partial", "interrupted", "failed"]),
)
@examples(50)  # the first one makes the example
def test_any_figures_can_be_worded(
    calls: int, value: float | None, note: str | None, state: str
) -> None:
    document = example()
    changed = {"calls": calls, "asked_rps": value, "cost_usd": value, "note": note, "state": state}
    view = load_view(
        {**document, **changed, "slo": [{"slo": "p9<1s", "value": value, "met": True}]}
    )
    assert view.title


@pytest.mark.parametrize(("users", "says"), [(0, "whether or not"), (4, "4 users")])
def test_how_it_was_measured_names_the_model(users: int, says: str) -> None:
    profile = Profile("users" if users else "rate", users=users, closed_s=5.0)
    view = load_view(load_document(made(profile=profile)))
    assert says in section(view, "How it was measured").facts[0].value


def objectives(document: dict[str, Any]) -> dict[str, list[str]]:
    rows = tables_of(load_view(document))["Objectives"].rows
    return {row.head: [cell.value for cell in row.cells] for row in rows}


@pytest.mark.parametrize(
    ("text", "which"),
    [("p95<1s", "71 warm calls"), ("client_p95<1s", "80 calls"), ("cold_p95<1s", "1 cold start")],
)
def test_a_time_of_an_objective_says_of_which_calls_it_is(text: str, which: str) -> None:
    verdict = {"slo": text, "value": 88.0, "met": True, "calls": int(which[:2])}
    document = {**example(), "slo": [{**verdict, "probability": None}]}
    assert objectives(document)[text][0] == f"88 ms in {which}"
    earlier = {**example(), "slo": [{**verdict, "calls": None}]}
    assert objectives(earlier)[text][0] == "88 ms"


def test_answers_that_are_not_as_expected_are_a_share_and_a_count_of_calls() -> None:
    ok, status = "json.ok == true", "status<500"
    some = unexpected([ok] * 25 + [status] * 5 + [""] * 70)
    assert objectives(some) == {
        "all answers as expected": ["30 of 100 calls (30 %) were not", "missed"],
        ok: ["25 of 100 calls were not", "missed"],
        status: ["5 of 75 calls were not", "missed"],
    }
    assert objectives(unexpected([ok] * 9))[status] == ["not measured", "–"]
    assert objectives(unexpected([""] * 9))[ok] == ["0 of 9 calls were not", "met"]
    share = unexpected([ok, ""], parse_slo("checks<1%"))
    assert objectives(share) == {"checks<1%": ["50 %", "missed"]}
    earlier = {**some, "load": {k: v for k, v in some["load"].items() if k != "expect"}}
    assert list(objectives(earlier)) == ["all answers as expected"]


def test_answers_that_are_not_as_expected_have_latencies_of_their_own() -> None:
    document = unexpected(["status<500"] * 9)
    assert document["latency_ms"] == {}
    assert document["unexpected_ms"]["p50"] == pytest.approx(200.0, rel=0.01)
    view, text = load_view(document), printed(document)
    assert "Latency, answer not as expected" in text
    assert "Times of calls that were answered" in text
    assert section(view, "Times").note == ""
    assert "p95 latency" not in view.answer.rest
    assert "Cold starts: 9\n" in text
    mixed = unexpected(["status<500"] + [""] * 9)
    assert mixed["latency_ms"]["p50"] and mixed["unexpected_ms"]["p50"]


def test_a_load_without_times_says_so_in_place_of_a_table() -> None:
    text = printed(load_document(made(throttled=100)))
    assert "No call succeeded, so there are no times." in text
    assert "Sent late by" not in text
    assert "No call" not in printed(example())


def test_a_load_says_which_run_it_is_before_its_report() -> None:
    run, report = printed(load_document(made(report="r.html"))).splitlines()[-2:]
    assert run == f"Run: 01J, load of {RUN.target}"
    assert report == "Report: r.html"


def test_answers_of_5xx_that_count_as_errors_stand_beside_what_succeeded() -> None:
    tally = LoadTally()
    for number in range(20):
        told = {"call": number, "due_s": number / 5, "took_s": 0.2, "duration_ms": 100.0}
        tally.add(a_sample(**told))
    figures = replace(tally.figures(4.0, 20.0, Shortfall(), None), proxied={"500": 15})
    assert "15 calls answered 5xx" in load_view(load_document(made(figures=figures))).answer.rest
    verdicts = judge([parse_slo("errors<1%")], figures, 0.001)
    document = load_document(made(figures=figures, verdicts=verdicts))
    assert "15 calls answered 5xx" in load_view(document).answer.rest
    assert "75 % (15 calls answered 5xx)" in printed(document)
    assert "5xx" not in printed(load_document(made(slo="errors<1%")))


def test_no_objective_is_met_where_every_answer_is_5xx() -> None:
    tally = LoadTally()
    for number in range(20):
        told = {"call": number, "due_s": number / 5, "took_s": 0.2, "duration_ms": 100.0}
        tally.add(a_sample(**told, reason="statusCode 502"))
    figures = tally.figures(4.0, 20.0, Shortfall(), None)
    verdicts = judge([parse_slo("p95<3s"), parse_slo("throttles<1%")], figures, 0.001)
    document = load_document(made(figures=figures, verdicts=verdicts))
    assert [each["met"] for each in document["slo"]] == [False, False]
    answer = load_view(document).answer
    assert (answer.headline, answer.tone) == ("FAILED p95<3s, throttles<1%", "bad")
    assert banners(document)["throttles<1%"].count("no call ended well") == 1
    assert "not met" in printed(document)


def test_times_of_cold_starts_say_of_how_many_they_are() -> None:
    told = {
        **load_document(made()),
        "cold_starts": 3,
        "cold_ms": {"p50": 300.0, "p95": 400.0, "max": 400.0},
    }
    for failed, head in ((0, " (of 3)"), (1, "")):  # a cold start that failed has no time
        outcomes = {**told["outcomes"], "ok": told["calls"] - failed}
        heads = [row.head for row in times_table({**told, "outcomes": outcomes}).rows]
        assert f"Cold start, INIT and first call{head}" in heads
