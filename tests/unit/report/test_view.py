"""The report's words and numbers."""

import math
from dataclasses import replace
from typing import Any

import altair
import pytest
from hypothesis import given

from support.examples import examples
from support.odd_sweeps import any_record
from support.sweeps import called, compared, empty, failed_row, good, whole_range
from support.views import tables_of
from tuner.decide.result import Choice, Interval, Sweep, VersusCurrent
from tuner.records import Advice, RunState
from tuner.report.answer import answer, safe_range
from tuner.report.method import method_section
from tuner.report.sweep_charts import trade_off_chart
from tuner.report.sweep_series import cost_series, latency_series, trade_off
from tuner.report.sweep_tables import arch_table, choice_table, cold_table, failures, size_table
from tuner.report.sweep_view import sweep_view
from tuner.store.documents import RunSpread
from tuner.units import format_cost, format_memory


def picked(**changes: Any) -> Sweep:
    """The good sweep with another recommendation."""
    sweep = good()
    return replace(sweep, recommendation=replace(sweep.recommendation, **changes))


def test_the_answer_says_what_changes_how_fast_it_is_and_where_it_is_safe() -> None:
    sweep = picked(
        p95_ms=24.1,
        safe_range_mb=(1110, 1180),
        versus_current=VersusCurrent(128, -0.31, -0.756),
    )
    assert answer(sweep).sentence == (
        "1,120 MB: 31 % cheaper and 4.1x faster than the current 128 MB; estimated p95 24 ms; "
        "1,110 to 1,180 MB are estimated to cost at most 5 % more than the cheapest size that "
        "meets the objectives, and to meet them"
    )


@pytest.mark.parametrize(
    ("cost", "speed", "words"),
    [
        (-0.31, -0.756, "31 % cheaper and 4.1x faster than the current 128 MB"),
        (0.2, -0.2, "20 % more expensive but 20 % faster than the current 128 MB"),
        (-0.2, 0.2, "20 % cheaper but 20 % slower than the current 128 MB"),
        (0.2, 0.2, "20 % more expensive and 20 % slower than the current 128 MB"),
        (1.5, -0.756, "2.5x the cost but 4.1x faster than the current 128 MB"),
        (1.5, None, "2.5x the cost of the current 128 MB"),
        (-0.1, 0.001, "10 % cheaper than the current 128 MB at the same speed"),
        (0.0, -0.5, "2.0x faster than the current 128 MB at the same cost"),
        (None, -0.5, "2.0x faster than the current 128 MB"),
        (0.0, 0.0, "indistinguishable from the current 128 MB"),
        (None, None, "instead of the current 128 MB"),
        (math.nan, math.inf, "instead of the current 128 MB"),
    ],
)
def test_a_change_is_worded_with_its_direction(
    cost: float | None, speed: float | None, words: str
) -> None:
    sweep = picked(versus_current=VersusCurrent(128, cost, speed))
    assert answer(sweep).rest.split(";")[0] == words


def test_a_current_size_without_figures_has_failed_or_was_not_measured() -> None:
    failed = picked(versus_current=VersusCurrent(128, None, None))
    reason = "out of memory (2 of 2 calls)"
    rows = [replace(r, status="failed", reason=reason) for r in failed.sizes if r.memory_mb == 128]
    assert rows
    said = answer(replace(failed, sizes=tuple(rows))).rest
    assert said.startswith(f"instead of the current 128 MB, which failed: {reason}; ")
    unmeasured = answer(picked(versus_current=VersusCurrent(129, None, None))).rest
    assert unmeasured.startswith("instead of the current 129 MB, which was not measured; ")


def test_a_pick_that_is_the_present_size_is_to_be_kept() -> None:
    sweep = picked(versus_current=VersusCurrent(1120, 0.0, 0.0))
    said = answer(sweep).sentence
    assert said.startswith("Keep 1,120 MB (current): estimated p95 32 ms")


def test_a_p95_that_the_table_has_otherwise_is_named_beside_the_estimate() -> None:
    said = answer(picked(memory_mb=1024, p95_ms=210.0)).sentence
    assert "estimated p95 210 ms (measured in 20 calls: 34 ms)" in said


def test_a_safe_range_is_drawn_where_it_is_said_and_not_over_dearer_sizes() -> None:
    assert latency_series(good()).safe_mb == (1080, 1310)
    unsure = picked(confidence=0.7)
    assert latency_series(unsure).safe_mb is None
    assert "Safe range" not in {fact.label for fact in answer(unsure).facts}
    dear = Interval(0.728 * 1.06, None, None)
    sizes = [
        replace(row, cost_usd_per_million=dear) if row.memory_mb == 1280 else row
        for row in good().sizes
    ]
    wide = replace(picked(safe_range_mb=(1000, 1310)), sizes=tuple(sizes))
    assert latency_series(wide).safe_mb == (1000, 1120)
    assert "1,000 to 1,120 MB are estimated to cost" in answer(wide).sentence


def test_the_mark_of_warm_calls_is_not_in_the_table_of_cold_starts() -> None:
    table = cold_table(good())
    assert table is not None
    assert not any("Pareto" in row.marks for row in table.rows)
    assert any("current" in row.marks for row in table.rows)


def test_without_a_present_size_the_cost_is_named() -> None:
    assert "p95 32 ms; $0.728 per million calls" in answer(picked(versus_current=None)).sentence


def test_a_missed_objective_is_in_the_answer_and_its_tone() -> None:
    said = answer(whole_range())
    assert said.tone == "warn"
    assert "does not meet p95<20ms and cost<5usd/million" in said.sentence
    assert "are estimated to" not in said.sentence
    assert not {"Confidence", "Safe range"} & {fact.label for fact in said.facts}


@pytest.mark.parametrize(
    ("strategy", "slo", "words"),
    [
        ("cost", (), "costs at most 5 % more than the cheapest size"),
        ("speed", (), "takes at most 5 % longer than the fastest size"),
        ("balanced", (), "is within 5 % of the best balance of cost and duration"),
        ("cost", ("p95<1s",), "the cheapest size that meets the objectives, and meets them"),
        ("balanced", ("p95<1s",), "duration of sizes that meet the objectives, and meets them"),
    ],
)
def test_confidence_says_what_it_is_a_chance_of(
    strategy: str, slo: tuple[str, ...], words: str
) -> None:
    sweep = picked(strategy=strategy, slo=slo, meets_slo=True if slo else None, confidence=0.93)
    facts = {fact.label: fact for fact in answer(sweep).facts}
    assert (facts["Confidence"].value, words in facts["Confidence"].note) == ("93 %", True)
    assert "5 % of the best size" not in facts["Safe range"].note


def test_where_speed_decides_the_safe_range_ends_before_a_slower_size() -> None:
    fast = picked(strategy="speed", memory_mb=1280, safe_range_mb=(1000, 1536), slo=())
    assert safe_range(fast) == (1280, 1536)  # 1,024 MB takes a fifth longer
    assert answer(fast).sentence.endswith("to take at most 5 % longer than the fastest size")
    assert safe_range(picked(memory_mb=1280, safe_range_mb=(1000, 1536), slo=())) == (1000, 1536)


def test_only_objectives_that_are_missed_are_said_to_be() -> None:
    missed = picked(slo=("p95<1s", "p95<1ms"), meets_slo=False, missed_slo=("p95<1ms",))
    said = answer(missed)
    assert "does not meet p95<1ms" in said.sentence
    assert "p95<1s" not in said.sentence
    [fact] = [fact for fact in said.facts if fact.label == "Objective"]
    assert (fact.value, fact.note) == ("not met", "p95<1ms")


def test_an_objective_that_may_be_met_is_unlikely_and_not_missed() -> None:
    missed = {"slo": ("p95<85ms",), "meets_slo": False, "missed_slo": ("p95<85ms",)}
    said = answer(picked(**missed, meets_probability=0.2))
    assert "is unlikely to meet p95<85ms" in said.sentence
    [fact] = [fact for fact in said.facts if fact.label == "Objective"]
    assert fact.value == "unlikely to be met, with 20 % probability"
    surely = answer(picked(**missed, meets_probability=0.004))
    assert "does not meet p95<85ms" in surely.sentence


def test_an_objective_that_calls_alone_met_is_met_with_a_probability() -> None:
    likely = answer(picked(slo=("p95<1s",), meets_slo=True, meets_probability=0.93))
    [fact] = [fact for fact in likely.facts if fact.label == "Objective"]
    assert fact.value == "met with 93 % probability"
    borne = answer(picked(slo=("p95<1s",), meets_slo=True))  # under load, where it was counted
    assert [fact.value for fact in borne.facts if fact.label == "Objective"] == ["met"]


def test_no_recommendation_says_why() -> None:
    assert answer(empty()).sentence == "No size is recommended: nothing was measured"
    failed = replace(empty(), sizes=(failed_row(128, "boom"),))
    assert "every size failed" in answer(failed).sentence
    undecided = replace(good(), recommendation=None)
    assert answer(undecided).sentence.endswith("the measurements do not allow one")
    warned = replace(undecided, warnings=(Advice("x", "Too few."),))
    assert f"see the warnings (`tuner report {warned.run.run}`)" in answer(warned).sentence
    limit = "the limit of 1 s is reached"
    cut = replace(warned, run=replace(warned.run, state=RunState.PARTIAL, note=limit))
    assert answer(cut).sentence.endswith(f"too little was measured, since {limit}")
    nothing = replace(cut, sizes=())
    assert answer(nothing).sentence.endswith(f"nothing was measured, since {limit}")
    ended = replace(warned, run=replace(warned.run, state=RunState.INTERRUPTED))
    assert answer(ended).sentence.endswith("too little was measured, since it was interrupted")


def test_certainty_is_never_claimed() -> None:
    facts = {fact.label: fact for fact in answer(picked(confidence=1.0)).facts}
    assert facts["Confidence"].value == "above 99 %"
    facts = {fact.label: fact for fact in answer(picked(confidence=None)).facts}
    assert facts["Confidence"].value == "–"


@pytest.mark.parametrize(
    ("usd", "text"),
    [
        (None, "–"),
        (math.nan, "–"),
        (0.0, "$0"),
        (0.7064, "$0.706"),
        (4.25, "$4.25"),
        (9.999, "$10.00"),
        (1234.5, "$1,234.50"),
        (0.0000123, "$0.0000123"),
        (-0.5, "-$0.500"),
    ],
)
def test_money_has_three_digits(usd: float | None, text: str) -> None:
    assert format_cost(usd) == text


def test_every_size_is_a_row_and_a_failed_one_has_its_reason_and_no_zeros() -> None:
    rows = {row.head: row for row in size_table(whole_range()).rows}
    assert list(rows)[:3] == ["128 MB", "256 MB", "512 MB"]
    failed = rows["128 MB"]
    assert (failed.status, failed.reason) == ("failed", "out of memory in 3 of 3 calls")
    assert [cell.value for cell in failed.cells] == ["0", *["–"] * 6, "3 out of memory"]
    assert rows["256 MB"].reason == "reason unknown"
    assert rows["256 MB"].marks == ("current",)
    assert rows["1,024 MB"].status == "partial"
    assert rows["1,769 MB"].marks == ("recommended", "Pareto")


def test_a_pick_between_measured_sizes_is_a_row_from_the_curve() -> None:
    table = size_table(good())
    row = next(row for row in table.rows if "recommended" in row.marks)
    assert row.head == "1,120 MB"
    assert row.marks == ("recommended", "fitted")
    values = dict(zip(table.columns[1:], row.cells, strict=True))
    assert values["Warm calls"].value == "–"
    assert (values["p95"].value, values["p95"].estimated) == ("~32 ms", True)
    assert (values["Cost per million"].value, values["p99"].estimated) == ("~$0.728", True)
    measured = next(row for row in table.rows if row.head == "128 MB")
    assert not any(cell.estimated or "~" in cell.value for cell in measured.cells)
    assert [row.head for row in table.rows].index("1,120 MB") == 7


def test_rows_have_a_cell_for_every_column() -> None:
    for sweep in (good(), whole_range()):
        for table in tables_of(sweep_view(sweep)).values():
            assert {len(row.cells) for row in table.rows} == {len(table.columns) - 1}


def test_failures_are_counted_by_kind() -> None:
    row = replace(failed_row(128, None), throttles=1, retries=2, errors=1, out_of_memory=0)
    assert failures(row) == "1 throttle, 1 error, 2 retries"


def test_how_it_was_measured_names_platform_prices_and_seed() -> None:
    facts = {fact.label: f"{fact.value} {fact.note}" for fact in method_section(good()).facts}
    assert "Local Lambda on this machine" in facts["Platform"]
    assert facts["Platform"].removeprefix("Local Lambda on this machine ").split("; ") == [
        "CPU limited by cgroup-v2 in periods of 20 ms",
        "the CPU share was off by at most 1.2 % (measured at 256, 1,024 MB)",
        "2 cores, enough for sizes up to 3,538 MB",
        "memory limited by cgroup-v2",
        "x86_64, Python 3.13.1",
        "this Python stood in for python3.12",
        "kernel: 6.1.0",
    ]
    assert "us-east-1, x86_64, 2026-09-19" in facts["Prices"]
    assert "AWS Price List" in facts["Prices"]
    assert "$0.0000166667 per GB-second; $0.20 per million requests" in facts["Prices"]
    assert "seed 1" in facts["Options"]
    assert "memory 128:1536" in facts["Options"]
    assert "180 warm and 45 cold" in facts["Invocations"]
    assert "typical error 1.3 %" in facts["Curve"]
    assert "2026-01-01 00:00 UTC" in facts["Run"]


def test_payloads_and_environments_are_not_shown() -> None:
    sweep = good()
    options = {**sweep.run.options, "payload": '{"token": "s3cret"}', "env": ["KEY=s3cret"]}
    sweep = replace(sweep, run=replace(sweep.run, options=options))
    assert "s3cret" not in repr(method_section(sweep))


def test_charts_are_described_in_words() -> None:
    latency, cost = sweep_view(good()).figures[:2]
    assert "from 128 MB, p50: 241 ms to 1,536 MB, p50: 22 ms" in latency.text
    assert "from 128 MB: $0.710 per million" in cost.text
    assert sweep_view(empty()).figures == ()


def test_an_objective_is_drawn_where_it_does_not_squeeze_the_curve() -> None:
    assert [limit.text for limit in latency_series(good()).limits] == ["p95<40ms"]
    far = picked(slo=("p95<30s", "cost<5usd/million", "not an objective"))
    assert latency_series(far).limits == ()
    dear = picked(slo=("p95<40ms", "cost<0.9usd/million"))
    assert [limit.text for limit in cost_series(dear).limits] == ["cost<0.9usd/million"]


def test_duration_and_cost_share_one_logarithmic_axis_of_memory() -> None:
    for sweep in (good(), whole_range()):
        latency, cost = latency_series(sweep), cost_series(sweep)
        assert latency.memory.log
        assert latency.memory == cost.memory
    near = replace(good(), sizes=good().sizes[4:5], band=None, recommendation=None)
    near = replace(near, run=replace(near.run, facts=replace(near.run.facts, memory_mb=None)))
    assert not latency_series(near).memory.log


def test_labels_of_marks_have_a_line_each_and_name_no_size_twice() -> None:
    marks = [mark for mark in latency_series(called()).marks if mark.kind != "failed"]
    assert [mark.text for mark in marks] == [
        "recommended 1,024 MB", "current 128 MB", "cheapest 384 MB", "fastest 1,536 MB",
    ]  # fmt: skip
    assert len({mark.top for mark in marks}) == len({mark.memory_mb for mark in marks}) == 4
    assert [mark.side for mark in marks] == ["right", "left", "center", "right"]


def test_the_pareto_front_is_drawn_as_steps_with_the_pick_ringed_on_it() -> None:
    sweep = called()
    front = [spot for spot in trade_off(sweep) if spot.front]
    assert {spot.label or spot.text.partition(":")[0] for spot in front} == {
        format_memory(size) for size in sweep.pareto_mb
    }
    for one in front:
        assert one.duration_low < one.duration_ms < one.duration_high
        assert one.cost_low < one.cost < one.cost_high
    spec = trade_off_chart(trade_off(sweep))
    steps = [layer for layer in spec["layer"] if layer["mark"].get("interpolate") == "step-after"]
    assert len(steps) == 1
    [ring] = spec["datasets"]["ring"]
    assert ring["label"] == "1,024 MB" and ring["front"]
    for each in (sweep, good(), whole_range(), compared()):
        altair.Chart.from_dict(trade_off_chart(trade_off(each)))


def test_the_curve_is_drawn_between_the_sizes_that_have_values_of_their_own() -> None:
    drawn = {line.memory_mb for line in cost_series(good()).lines}
    assert len(drawn) > 100
    assert drawn & {size.memory_mb for size in good().sizes} <= {min(drawn), max(drawn)}


def test_an_address_that_is_not_https_is_not_linked() -> None:
    assert sweep_view(good()).link is not None
    odd = replace(good(), power_tuning_url="javascript:alert(1)")
    assert sweep_view(odd).link is None


def test_compared_architectures_are_named_wherever_a_size_is() -> None:
    view = sweep_view(compared())
    assert view.answer.headline == "768 MB on arm64"
    assert "than the current 128 MB on x86_64" in view.answer.rest
    tables = tables_of(view)
    architectures = tables["Architectures, each at its best size"]
    sizes = tables["Warm invocations by memory size"]
    assert [row.head for row in architectures.rows] == ["arm64", "x86_64"]
    assert architectures.rows[0].cells[-1].value == "98 %"
    assert not any("current" in row.marks for row in architectures.rows)  # 128 MB is no best one
    assert {row.head.split(" on ")[1] for row in sizes.rows} == {"arm64", "x86_64"}
    assert [row.head for row in sizes.rows if "current" in row.marks] == ["128 MB on x86_64"]
    assert [row.head for row in sizes.rows if "recommended" in row.marks] == ["768 MB on arm64"]


def test_a_best_size_of_an_architecture_is_current_only_if_it_is_that_size() -> None:
    sweep = compared()
    facts = replace(sweep.run.facts, memory_mb=1120)
    run = replace(sweep.run, facts=facts)
    beside = tuple(replace(each, run=run) for each in sweep.beside)
    table = tables_of(sweep_view(replace(sweep, run=run, beside=beside)))[
        "Architectures, each at its best size"
    ]
    assert [row.head for row in table.rows if "current" in row.marks] == ["x86_64"]


def test_choices_beside_another_architecture_say_of_which_they_are() -> None:
    sweep = compared()
    pick = sweep.recommendation
    assert pick is not None
    named = [("cheapest", 768), ("balanced", 1120), ("fastest", 1120)]
    found = [Choice(name, size, "arm64", 0.7, 30.0, 10, None, None) for name, size in named]
    sweep = replace(sweep, recommendation=replace(pick, choices=tuple(found)))
    table = choice_table(sweep)
    assert table is not None and table.caption == "Choices on arm64, as measured"
    marks = [mark.text for mark in latency_series(sweep).marks if mark.kind == "rival"]
    assert marks == ["balanced, fastest 1,120 MB on arm64"]


def test_each_architecture_has_its_own_curve_in_both_charts() -> None:
    latency, cost = latency_series(compared()), cost_series(compared())
    assert {line.series for line in latency.lines} == {
        "arm64 p50", "arm64 p95", "x86_64 p50", "x86_64 p95",
    }  # fmt: skip
    assert {line.series for line in cost.lines} == {"arm64 cost", "x86_64 cost"}


def test_one_architecture_alone_is_named_nowhere() -> None:
    assert arch_table(good()) is None
    assert not any(" on " in row.head for row in size_table(good()).rows)
    assert {line.series for line in cost_series(good()).lines} == {"cost"}


@given(any_record(Sweep))
@examples(60)
def test_no_number_that_is_not_known_is_shown_as_one(sweep: Sweep) -> None:
    for table in tables_of(sweep_view(sweep)).values():
        for row in table.rows:
            words = " ".join(f"{cell.value} {cell.detail}" for cell in row.cells[:-1]).split()
            assert not {"nan", "inf", "None", "$nan", "$inf"} & set(words)
    for chart in (latency_series(sweep), cost_series(sweep)):
        for point in (*chart.points, *chart.lines):
            assert 0 < point.low <= point.value <= point.high < math.inf


def test_a_recording_says_which_sizes_it_has() -> None:
    sweep = empty()
    facts = replace(sweep.run.facts, recorded_mb=(128, 1024), platform={})
    sweep = replace(sweep, run=replace(sweep.run, facts=facts))
    platform = next(fact for fact in method_section(sweep).facts if fact.label == "Platform")
    assert (platform.value, platform.note) == ("Recorded invocations", "recorded at 128, 1,024 MB")


def test_the_platform_does_not_tell_how_the_configuration_was_found() -> None:
    sweep = good()
    marks = {"memory_default": True, "template_notes": ["MemorySize is !Ref M, known only on AWS"]}
    marked = replace(sweep.run.facts, platform={**sweep.run.facts.platform, **marks})
    same = replace(sweep, run=replace(sweep.run, facts=marked))
    assert method_section(same) == method_section(sweep)


def test_the_method_says_what_runs_differ_by_and_how_that_is_known() -> None:
    def said(spread: RunSpread | None) -> str:
        facts = method_section(replace(good(), between_runs=spread)).facts
        return " ".join(f"{f.value}: {f.note}" for f in facts if f.label == "Between runs")

    assert said(None) == ""
    assert said(RunSpread("x86_64", 0.08, 0.08)).startswith("8 %: One standard deviation: 8 % is")
    assert said(RunSpread("x86_64", 0.021, 0.03, 4, 7)) == (
        "2.1 %: One standard deviation: as 4 earlier sweeps of the same code, events and options "
        "at 7 sizes have it; 3 % is usual"
    )


def test_a_run_that_ended_as_planned_has_no_remark() -> None:
    sweep = replace(good(), run=replace(good().run, note="settled: 98 % sure"))
    assert sweep_view(sweep).state == ""
    assert "settled: 98 % sure" in method_section(sweep).facts[-2].note
    assert sweep_view(whole_range()).state == "Partial data: the budget of $0.05 ran out"


@given(any_record(Interval))
def test_an_interval_is_shown_whole_or_not_at_all(interval: Interval) -> None:
    sweep = picked(cost_usd_per_million=interval)
    note = next(fact.note for fact in answer(sweep).facts if fact.label == "Cost per million")
    low, high = interval.low, interval.high
    known = low is not None and high is not None and math.isfinite(low) and math.isfinite(high)
    assert bool(note) == bool(known and low < high)


def test_a_run_of_cold_starts_shows_no_table_of_warm_calls_but_what_failed() -> None:
    cold = replace(good(), run=replace(good().run, command="cold"), recommendation=None)
    view = sweep_view(cold)
    assert view.question == "Cold starts"
    assert "Warm invocations by memory size" not in tables_of(view)
    failed = replace(cold, sizes=(replace(cold.sizes[0], status="failed"), *cold.sizes[1:]))
    warm = tables_of(sweep_view(failed))["Warm invocations by memory size"]
    assert [row.status for row in warm.rows] == ["failed"]
    assert sweep_view(good()).question == "Recommended memory size"
