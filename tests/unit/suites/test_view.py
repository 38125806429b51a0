"""A bench and a comparison as people read them, in the terminal and on a page."""

import io
from dataclasses import replace

from rich.console import Console

from support.benches import case
from support.views import tables_of
from tuner.report.page import render
from tuner.report.terminal import print_view
from tuner.suites.judgement import Verdict
from tuner.suites.result import (
    BenchResult,
    CaseResult,
    CaseState,
    CompareResult,
    Design,
    Origin,
    SizeResult,
)
from tuner.suites.view import bench_view, compare_view


def bench(*cases: CaseResult) -> BenchResult:
    """A finished run of the suite ``nightly``."""
    return BenchResult("01JDT", "nightly", None, Origin("main"), 1, 1e9, 1e9 + 65, cases)


def drifted(ratio: float, verdict: Verdict) -> BenchResult:
    """A bench beside which the control changed by this ratio, whatever more calls would say."""
    found = case()
    judged = tuple(
        replace(j, control_ratio=ratio, verdict=verdict, enough=None)
        for j in found.sizes[0].judgements
    )
    return bench(replace(found, sizes=(SizeResult(512, judged),)))


def test_what_regressed_is_the_answer() -> None:
    answer = bench_view(bench(case(after=130.0), case("mail"))).answer
    assert (answer.headline, answer.tone) == ("Regressed", "bad")
    assert answer.rest.startswith("checkout at 512 MB: p50 is slower: +30 %")


def test_gates_that_hold_are_counted_and_cases_without_a_verdict_named() -> None:
    gone = case("gone", state=CaseState.FAILED, reason="function gone")
    view = bench_view(bench(case(), gone))
    assert view.answer.sentence == "No regression in 4 gates: 4 unchanged; gone: failed"
    assert view.sections[1].warnings == ("failed: function gone",)


def test_each_gate_is_a_row_with_its_change_and_values() -> None:
    (table,) = tables_of(bench_view(bench(case(after=130.0)))).values()
    assert table.caption == "checkout at 512 MB, 200 + 200 calls"
    first, *_, objective = table.rows
    assert [cell.value for cell in first.cells] == [
        "regressed",
        "+30 % (+29 to +31)",
        "99.6 ms → 129 ms",
    ]
    assert first.cells[0].tone == "failed"
    assert objective.cells[0].value == "met"


def test_a_drift_is_said_with_what_decides_where_it_leaves_a_gate_open() -> None:
    (decided,) = bench_view(drifted(1.02, Verdict.SAME)).sections[0].warnings
    assert decided.endswith("drifted by +2.0 % between the runs; verdicts hold all the same")
    (left,) = bench_view(drifted(1.45, Verdict.CANNOT_TELL)).sections[0].warnings
    assert left.endswith("drifted by +45 % between the runs; `--against` decides in one run")


def test_open_gates_lead_and_are_not_called_an_all_clear() -> None:
    judged = case().sizes[0].judgements
    open_ = replace(judged[0], verdict=Verdict.CANNOT_TELL, enough=3869)
    some = bench(replace(case(), sizes=(SizeResult(512, (open_, *judged[1:])),)))
    view = bench_view(some)
    assert view.answer.sentence == "Inconclusive in 1 of 4 gates: 3 unchanged"
    assert view.answer.tone == "warn"
    (told,) = view.sections[0].warnings
    assert told.endswith(
        "3,869 calls per side would settle p50: raise `most` in the suite, or widen the gate"
    )
    all_ = bench(replace(case(), sizes=(SizeResult(512, (open_,)),)))
    assert bench_view(all_).answer.sentence == "Inconclusive in 1 gate"


def test_what_calls_do_not_settle_is_said_with_what_does() -> None:
    p50, cost, *rest = case().sizes[0].judgements
    open_ = {"verdict": Verdict.CANNOT_TELL, "low": 0.85, "high": 1.2}
    judged = (replace(p50, **open_, enough=None), replace(cost, **open_, enough=90), *rest)
    found = replace(case(), design=Design.BASELINE, sizes=(SizeResult(512, judged),))
    assert [text.split(": ")[1] for text in bench_view(bench(found)).sections[0].warnings] == [
        "about 90 calls per side would settle cost_per_million",
        "more calls alone would not settle p50, since runs of the same code may differ by more; "
        "`tuner bench --against` compares in one",
    ]
    untold = replace(p50, verdict=Verdict.CANNOT_TELL, low=None, high=None, enough=100)
    sizes = (SizeResult(512, (untold,)),)
    (few,) = bench_view(bench(replace(case(), sizes=sizes))).sections[0].warnings
    assert "it takes at least 100 calls per side to tell p50: raise" in few


def test_rows_of_a_fresh_run_say_how_many_calls_they_rest_on() -> None:
    first = case(after=130.0).sizes[0].judgements
    p50, *rest = first
    again = replace(p50, calls=(29, 29), after=p50.after and p50.after + 1.0)
    size = SizeResult(512, (again, *rest), first=first)
    (told,) = bench_view(bench(replace(case(after=130.0), sizes=(size,)))).sections[0].warnings
    assert told == "at 512 MB: p50 is of 29 + 29 calls of a fresh run, which judged it again"
    same = replace(case(after=130.0), sizes=(replace(size, judgements=first),))
    assert not bench_view(bench(same)).sections[0].warnings


def test_several_drifts_are_named_by_what_they_are_of() -> None:
    p50, cost, *rest = case().sizes[0].judgements
    moved = (replace(p50, control_ratio=0.85), replace(cost, control_ratio=0.53), *rest)
    view = bench_view(bench(replace(case(), sizes=(SizeResult(512, moved),))))
    (told,) = view.sections[0].warnings
    assert "drifted by -15 % (p50), -47 % (cost_per_million) between" in told


def test_a_comparison_fits_eighty_characters_and_becomes_a_page() -> None:
    found = case(after=130.0)
    assert found.before is not None and found.after is not None
    view = compare_view(CompareResult(found.before, found.after, True, found.sizes))
    out = io.StringIO()
    print_view(view, Console(file=out, width=80, force_terminal=True, color_system=None))
    assert max(map(len, out.getvalue().splitlines())) <= 80
    assert "git:abc1234 (against git:0000001)" in out.getvalue()
    assert "cost_per_million +5%" in render(view)
