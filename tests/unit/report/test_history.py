"""The history of a suite: its series, words, links and page."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import altair
import pytest

from support.histories import GATES, Level, history, judgement, ulid
from tuner.report.history_series import all_series
from tuner.report.history_view import history_view, shown
from tuner.report.pages import history_charts, render_history, reports_in, write_history

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
    ratios = [change.ratio for change in series[0].changes]
    assert ratios == pytest.approx([0.7, 1.2], rel=0.03)
    assert len(series[0].levels) == 3 and series[0].edges == (0, 12, 25, 40)


def test_a_measure_that_two_gates_judge_is_one_point_with_the_more_serious_verdict() -> None:
    document = history(1)[0]
    gates = document["cases"][0]["sizes"][0]["gates"]
    gates.append({**gates[1], "gate": "p95<100ms", "verdict": "regressed"})
    found = {s.measure: s for s in all_series([document]) if s.case == "checkout"}
    assert [point.verdict for point in found["p95"].points] == ["regressed"]


def test_the_latest_change_is_the_answer() -> None:
    view = history_view(RUNS, {})
    assert view.answer.tone == "bad"
    assert re.fullmatch(r"(p50|p95|cost_per_million) rose (19|2\d) %", view.answer.headline)
    assert "since 2026-01-26 (0000019)" in view.answer.rest
    assert [row.when[:10] for row in view.changes] == ["2026-01-26"] * 3 + ["2026-01-13"] * 3
    assert {row.commits for row in view.changes[:3]} == {"0000018 → 0000019"}
    assert view.subtitle == "branch main, 40 runs, 2026-01-01 to 2026-02-09"


def test_a_history_without_a_change_says_so() -> None:
    view = history_view(history(40), {})
    assert (view.answer.headline, view.answer.rest) == ("No change of level", "in 40 runs")
    assert view.changes == ()


def test_a_last_run_that_regressed_is_never_good_news() -> None:
    documents = history(5)
    documents[-1]["verdict"] = "regressed"
    answer = history_view(documents, {}).answer
    assert (answer.headline, answer.tone) == ("The last run regressed", "bad")
    assert answer.rest == "no change of level in 5 runs so far"


def test_a_run_that_was_not_judged_has_a_row_with_its_reason() -> None:
    documents = history(3)
    case = documents[1]["cases"][0]
    case.update(
        state="failed", verdict=None, sizes=[], before=None, after=None, reason="It is gone"
    )
    rows = history_view(documents, {}).cases[0].rows
    assert [row.verdict for row in rows] == ["same", "failed", "same"]
    assert rows[1].remarks == ("It is gone",)
    assert set(rows[1].values) == {"–"} and rows[1].links == ()


def test_a_case_of_later_runs_starts_where_it_starts() -> None:
    documents = history(2, cases=("a",)) + history(4, cases=("a", "b"))[2:]
    view = history_view(documents, {})
    assert [(case.name, len(case.rows)) for case in view.cases] == [("a", 4), ("b", 2)]


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
    page = render_history(RUNS, {})
    links = Links(page)
    assert len(set(links.ids)) == len(links.ids)
    inside = [href.removeprefix("#") for href in links.hrefs if href.startswith("#")]
    charts = history_charts(history_view(RUNS, {}))
    marks = [
        mark["href"].removeprefix("#") for c in charts.values() for mark in c["datasets"]["runs"]
    ]
    assert len(inside) == 6 and len(marks) == 40 * 8
    assert set(inside) | set(marks) <= set(links.ids)


def test_the_charts_are_vega_lite() -> None:
    charts = history_charts(history_view(RUNS, {}))
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
        ("p95", 12.0, "12 ms"),
        ("cost_per_million", 1.5, "$1.50 per million"),
        ("throttles", 0.02, "2 %"),
        ("p50", None, "–"),
    ],
)
def test_a_value_has_its_unit(measure: str, value: float | None, text: str) -> None:
    assert shown(measure, value) == text


def test_the_example_is_worded_by_the_real_code() -> None:
    judged: Any = judgement("p95 +10%", 3.0)
    assert judged.sentence.startswith("p95 is the same within 10 %")
