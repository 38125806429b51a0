"""Ways to start as a reader and a script see them."""

import io
import json

import pytest
from hypothesis import given
from rich.console import Console

from support.examples import examples
from support.odd_sweeps import any_record
from support.sweeps import good, ways_to_start
from support.views import page_of
from tuner.decide.result import Sweep
from tuner.report.sweep_document import document
from tuner.report.sweep_tables import cold_table, startup_facts, startup_table
from tuner.report.terminal import print_report


def test_every_way_has_a_row_and_what_failed_its_reason() -> None:
    table = startup_table(ways_to_start())
    assert table is not None
    assert [row.head for row in table.rows] == ["on-demand", "snapstart", "provisioned=5"]
    failed = table.rows[1]
    assert (failed.status, failed.reason) == ("failed", "AWS made no snapshot of version 7")
    assert all(cell.value in ("–", "0") for cell in failed.cells)
    kept = dict(zip(table.columns[1:], table.rows[2].cells, strict=True))
    assert kept["INIT or restore"].value == "before the call"
    assert kept["First calls"].detail == "1 spilled over"
    assert kept["Provisioned, per hour"].value == "$0.0375"


def test_a_break_even_is_worded_with_what_it_needs() -> None:
    (fact,) = startup_facts(ways_to_start())
    assert fact.label == "provisioned=5 pays"
    assert fact.value == "from 31 % cold starts at one call a second"


def test_the_document_has_a_variant_each_and_null_for_what_is_not_known() -> None:
    told = document(ways_to_start())
    json.dumps(told, allow_nan=False)
    demand, failed, kept = told["variants"]
    assert kept["break_even"] == {
        "requests_per_second": None,
        "cold_share_at_one_per_second": 0.31,
    }
    assert demand["break_even"] is None
    assert failed["kept_usd_per_hour"] is None
    assert failed["first_ms"]["p50"] is None
    assert demand["start_usd_per_million"] == pytest.approx(3.2)


def test_without_a_comparison_nothing_is_shown_of_it() -> None:
    assert document(good())["variants"] == []
    assert startup_table(good()) is None
    assert "Ways to start" not in page_of(good())


def test_the_page_and_the_terminal_have_it() -> None:
    page = page_of(ways_to_start())
    assert "Ways to start" in page
    assert "AWS made no snapshot of version 7" in page
    for width in (80, 200):
        out = io.StringIO()
        print_report(ways_to_start(), Console(file=out, width=width))
        text = out.getvalue()
        assert "First answer at 512 MB, p50: provisioned=5 14 ms, on-demand 414 ms" in text
        assert "snapstart failed: AWS made no snapshot of version 7" in text
        assert ("Ready after" in text) is (width == 200)
        called = sum(row.n for row in ways_to_start().variants)
        assert f"({called} first calls measured in 3 ways to start, and warm calls" in text


def test_a_first_call_is_never_called_what_a_caller_waits_for_it() -> None:
    ways, cold = startup_table(ways_to_start()), cold_table(good())
    assert ways is not None and cold is not None
    assert not set(ways.columns) & set(cold.columns)


@examples(40)
@given(sweep=any_record(Sweep))
def test_odd_values_are_worded_and_never_break_the_document(sweep: Sweep) -> None:
    startup_table(sweep)
    startup_facts(sweep)
    json.dumps(document(sweep), allow_nan=False)
