"""The report in a terminal, and in a file that a terminal's output went to."""

import io
import re
from dataclasses import replace

import pytest
from hypothesis import given
from rich.console import Console

from support.examples import examples
from support.odd_sweeps import any_record
from support.sweeps import called, empty, good, whole_range
from tuner.decide.result import Sweep
from tuner.model.quantiles import order_statistics
from tuner.report.sweep_tables import cold_table
from tuner.report.terminal import print_report


def printed(sweep: Sweep, **options: object) -> str:
    """What a console shows."""
    file = io.StringIO()
    print_report(sweep, Console(file=file, **{"width": 80, **options}))
    return file.getvalue()


def test_the_answer_is_the_first_line_and_whole() -> None:
    lines = printed(good()).splitlines()
    assert lines[0] == (
        "1,120 MB: 2 % more expensive but 8.1x faster than the current 128 MB; "
        "estimated p95 32 ms; 1,080 to 1,310 MB are estimated to cost at most 5 % more than the "
        "cheapest size that meets the objectives, and to meet them"
    )


def test_a_size_of_few_calls_is_said_to_be_unverified_first() -> None:
    sweep = good()
    assert sweep.recommendation is not None
    few = printed(replace(sweep, recommendation=replace(sweep.recommendation, verified_calls=3)))
    assert few.startswith("1,120 MB: not verified (3 of 10 calls); 2 % more expensive")
    assert "Rests on: 3 calls" in few
    assert "erified by" not in few


def test_the_report_is_named_on_the_last_line() -> None:
    path = f"reports/{'long-' * 20}name.html"
    assert printed(replace(good(), report=path)).splitlines()[-1] == f"Report: {path}"


def test_failed_sizes_warnings_and_the_state_are_said() -> None:
    text = printed(whole_range())
    assert "128 MB failed: out of memory in 3 of 3 calls" in text
    assert "Warning: 128 and 256 MB ran out of memory; start the range at 512 MB." in text
    assert text.startswith("Partial data: the budget of $0.05 ran out\n")


def test_a_file_gets_no_colour_and_a_terminal_does(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b" not in printed(good())
    assert "\x1b[1;32m" in printed(good(), force_terminal=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[1;32m" not in printed(good(), force_terminal=True)


@pytest.mark.parametrize("width", [40, 80, 140])
def test_no_line_of_a_table_is_wider_than_the_terminal(width: int) -> None:
    text = printed(good(), force_terminal=True, color_system=None, width=width)
    assert max(map(len, text.splitlines())) <= width


def test_choices_have_the_changes_that_their_title_speaks_of() -> None:
    sweep = called()
    pick = sweep.recommendation
    assert pick is not None
    assert "changes against" not in printed(sweep)  # none is known
    moved = [replace(each, cost_change=-0.3, duration_change=0.012) for each in pick.choices]
    known = replace(sweep, recommendation=replace(pick, choices=tuple(moved)))
    lines = printed(known, width=80).splitlines()
    [title] = [line for line in lines if "changes against the current 128 MB" in line]
    first = lines[lines.index(title) + 4]
    assert re.search(r"\$\d.*\([+-]\d.* %\) .* ms \([+-]\d.* %\)", first), first


def test_a_wide_terminal_gets_all_columns() -> None:
    assert "Memory used" in printed(good(), width=140)
    assert "Memory used" not in printed(good(), width=80)
    assert "…" not in printed(good(), width=80)


def test_nothing_measured_is_said_without_tables() -> None:
    text = printed(empty())
    assert text.startswith("Failed\nNo size is recommended: nothing was measured\n")
    assert "Warm invocations" not in text


def test_brackets_in_names_are_no_markup() -> None:
    row = replace(whole_range().sizes[0], reason="[bold]boom[/bold] [/]")
    assert "[bold]boom[/bold] [/]" in printed(replace(whole_range(), sizes=(row,)))


@given(any_record(Sweep))
@examples(40)
def test_any_sweep_can_be_printed(sweep: Sweep) -> None:
    assert printed(sweep)


def test_the_next_best_sizes_are_named_with_what_they_would_bring() -> None:
    sweep = good()
    assert sweep.recommendation is not None
    others = sweep.recommendation.runners_up
    text = printed(sweep, width=160)
    assert all(other.why_not in text for other in others)


def test_sizes_that_none_beats_in_cost_and_duration_are_marked() -> None:
    assert "Pareto: no other size is both cheaper and faster." in printed(good())


def test_the_tail_of_a_handful_of_cold_starts_is_said_to_be_their_slowest() -> None:
    sweep = good()
    for count, few in ((1, True), (3, True), (40, False)):
        stats = order_statistics([200.0 + n for n in range(count)])
        cold = replace(sweep.sizes[0].cold, n=count, init_ms=stats, total_ms=stats)
        row = replace(sweep.sizes[0], cold=cold)
        table = cold_table(replace(sweep, sizes=(row,)))
        assert table is not None
        shown = {
            c: cell.value for c, cell in zip(table.columns[1:], table.rows[0].cells, strict=True)
        }
        assert shown["Cold starts"] == str(count)
        for column in ("INIT p95", "Total p95"):
            assert shown[column] == (f"max {199 + count} ms" if few else "237 ms")
