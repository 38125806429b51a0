"""The history of a suite: its series, words, links and page."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import altair
import pytest

from support.histories import GATES, Level, history, judgement, ulid
from support.views import charts_of, section, tables_of
from tuner.report.elements import measured
from tuner.report.history_series import all_series
from tuner.report.history_view import history_view
from tuner.report.page import render
from tuner.report.pages import reports_in, write_history

RISE = Level(25, 1.2)
FALL = Level(12, 0.7)
RUNS = history(40, [RISE, FALL])


class Links(HTMLParser):
    """Every id, and every address that is linked to."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.hrefs: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if found.get("id"):
            self.ids.append(str(found["id"]))
        if tag == "a" and found.get("href"):
            self.hrefs.append(str(found["href"]))


def test_each_measure_of_each_case_is_a_series_over_all_runs() -> None:
    series = all_series(RUNS)
    assert len(series) == 2 * len(GATES)
    assert {len(each.points) for each in series} == {40}
    first = series[0]
    assert (first.case, first.memory_mb, first.measure) == ("checkout", 512, "p50")
    assert first.points[25].verdict == "regressed"
    assert first.points[0].configuration == "us-east-1, x86_64, python3.13"


def test_changes_are_found_where_they_were_made() -> None:
    series = all_series(RUNS)
    for each in series:
        wanted = [12, 25] if each.case == "checkout" and each.measure != "throttles" else []
        assert [change.position for change in each.changes] == wanted
    ratios = [change.after / change.before for change in series[0].changes]
    assert ratios == pytest.approx([0.7, 1.2], rel=0.03)
    assert len(series[0].levels) == 3 and series[0].edges == (0, 12, 25, 40)


def test_a_measure_with_two_gates_is_one_point_with_the_more_serious_verdict() -> None:
    document = history(1)[0]
    gates = document["cases"][0]["sizes"][0]["gates"]
    gates.append({**gates[1], "gate": "p95<100ms", "verdict": "regressed"})
    found = {s.measure: s for s in all_series([document]) if s.case == "checkout"}
    assert [point.verdict for point in found["p95"].points] == ["regressed"]


def test_the_latest_change_is_the_answer() -> None:
    view = history_view(RUNS, {})
    assert view.answer.tone == "bad"
    assert re.fullmatch(r"(p50|p95|cost_per_million) rose by (19|2\d) %", view.answer.headline)
    assert "since 2026-01-26 (0000019)" in view.answer.rest
    changes = tables_of(view)["Lasting changes"].rows
    when = [row.cells[-1].links[0].label[:10] for row in changes]
    assert when == ["2026-01-26"] * 3 + ["2026-01-13"] * 3
    assert {row.cells[3].value for row in changes[:3]} == {"0000018 → 0000019"}
    assert view.subtitle == "branch main, 40 runs, 2026-01-01 to 2026-02-09"


def test_a_history_without_a_change_says_so() -> None:
    view = history_view(history(40), {})
    assert (view.answer.headline, view.answer.rest) == ("No lasting change", "in 40 runs")
    assert "Lasting changes" not in tables_of(view)


def test_a_last_run_that_regressed_is_never_good_news() -> None:
    documents = history(5)
    documents[-1]["verdict"] = "regressed"
    answer = history_view(documents, {}).answer
    assert (answer.headline, answer.tone) == ("The last run regressed", "bad")
    assert answer.rest == "no lasting change in 5 runs yet"


def test_a_run_that_was_not_judged_has_a_row_with_its_reason() -> None:
    documents = history(3)
    case = documents[1]["cases"][0]
    case.update(
        state="failed", verdict=None, sizes=[], before=None, after=None, reason="It is gone"
    )
    rows = tables_of(history_view(documents, {}))["Runs of checkout"].rows
    assert [row.marks for row in rows] == [("unchanged",), ("failed",), ("unchanged",)]
    commit, *values, reports = rows[1].cells
    assert commit.remark == "It is gone"
    assert {cell.value for cell in values} == {"–"} and reports.links == ()


def test_a_case_of_later_runs_starts_where_it_starts() -> None:
    documents = history(2, cases=("a",)) + history(4, cases=("a", "b"))[2:]
    view = history_view(documents, {})
    assert [section(view, name).tables[0].folded for name in "ab"] == ["4 runs of a", "2 runs of b"]


def test_architectures_of_a_case_are_series_of_their_own() -> None:
    documents = history(3, cases=("a",))
    for document in documents:
        (size,) = document["cases"][0]["sizes"]
        document["cases"][0]["sizes"] = [{**size, "arch": arch} for arch in ("arm64", "x86_64")]
    view = history_view(documents, {})
    (case,) = (each for each in view.sections if each.title == "a")
    assert len(case.figures) == 2 * len(GATES)
    assert case.figures[0].caption == "p50 at 512 MB on arm64"
    assert "p95, 512 MB on x86_64" in case.tables[0].columns


def test_every_run_leads_to_both_reports_where_they_are_there(tmp_path: Path) -> None:
    first, base = ulid("A", 0, 0), ulid("B", 0, 0)
    for run in (first, base):
        (tmp_path / f"orders-{run}.html").touch()
    (tmp_path / "orders-notes.html").touch()
    assert reports_in(tmp_path) == {run: f"orders-{run}.html" for run in (first, base)}
    page = write_history(RUNS, tmp_path).read_text()
    links = Links(page)
    assert [f"orders-{run}.html" in links.hrefs for run in (first, base)] == [True, True]
    assert f"tuner report {ulid('A', 1, 0)}" in page


def test_every_mark_and_change_leads_to_a_row_of_the_page() -> None:
    view = history_view(RUNS, {})
    page = render(view)
    links = Links(page)
    assert len(set(links.ids)) == len(links.ids)
    inside = [href.removeprefix("#") for href in links.hrefs if href.startswith("#")]
    charts = charts_of(view)
    marks = [
        mark["href"].removeprefix("#") for c in charts.values() for mark in c["datasets"]["runs"]
    ]
    assert len(inside) == 6 and len(marks) == 40 * 8
    assert set(inside) | set(marks) <= set(links.ids)


def test_the_charts_are_vega_lite() -> None:
    charts = charts_of(history_view(RUNS, {}))
    for chart in charts.values():
        altair.Chart.from_dict(chart, validate=True)


def test_the_page_shows_names_as_they_are_and_not_as_markup(tmp_path: Path) -> None:
    documents = history(3, cases=("<script>alert(1)</script>",))
    for each in documents:
        each["suite"] = "../<b>nightly</b>"
    path = write_history(documents, tmp_path)
    assert path.parent == tmp_path and path.name == "history-b-nightly-b.html"
    assert "<script>alert" not in path.read_text()


@pytest.mark.parametrize(
    ("measure", "value", "text"),
    [
        ("p95", 12.0, "12.0 ms"),
        ("cost_per_million", 1.5, "$1.50 per million"),
        ("throttles", 0.02, "2 %"),
        ("p50", None, "–"),
    ],
)
def test_a_value_has_its_unit(measure: str, value: float | None, text: str) -> None:
    assert measured(measure, value) == text


def test_the_example_is_worded_by_the_real_code() -> None:
    judged: Any = judgement("p95 +10%", 3.0)
    assert judged.sentence.startswith("p95 is unchanged within 10 %")
