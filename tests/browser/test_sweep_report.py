"""The report of a sweep in a real browser."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.chromium import rgb
from support.sweeps import empty, good, under_load, whole_range
from tuner.decide.result import Sweep
from tuner.records import Advice
from tuner.report.pages import write_report
from tuner.report.style import DARK, LIGHT

if TYPE_CHECKING:
    from support.chromium import Chromium

pytestmark = pytest.mark.browser

PageOf = Callable[[Callable[[], Sweep]], Path]

EVIL = "</script><script>alert(1)</script><img src=http://127.0.0.1:9/x onerror=alert(2)>"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> PageOf:
    """The written report of a sweep, each made once."""
    folder = tmp_path_factory.mktemp("reports")
    return cache(lambda sweep: write_report(sweep(), folder / sweep.__name__))


@pytest.mark.parametrize(("sweep", "charts"), [(good, 4), (whole_range, 4), (empty, 0)])
def test_the_page_draws_its_charts_without_complaint_or_network(
    chromium: "Chromium", page: PageOf, sweep: Callable[[], Sweep], charts: int
) -> None:
    tab = chromium.open(width=1280)
    tab.visit(page(sweep))
    assert tab.value("document.querySelectorAll('.chart svg.marks').length") == charts
    assert tab.complaints() == []
    assert [url for url in tab.requests() if not url.startswith("data:")] == [page(sweep).as_uri()]


def test_sizes_under_load_have_a_table_that_fits_and_says_what_each_bore(
    chromium: "Chromium", page: PageOf
) -> None:
    tab = chromium.open(width=1280)
    tab.visit(page(under_load))
    region = "document.querySelector('[aria-label=\"Sizes under load\"]')"
    words = tab.value(f"{region}.textContent").replace("\u00a0", " ")
    assert "missed client_p99<60ms" in words
    assert "the limit of $0.01 is reached" in words
    assert tab.value(f"{region}.scrollWidth <= {region}.clientWidth + 1")


def test_points_curves_and_marks_are_in_the_charts(chromium: "Chromium", page: PageOf) -> None:
    tab = chromium.open(width=1280)
    tab.visit(page(good))
    words = tab.value("document.querySelector('[data-chart=latency]').textContent")
    for each in ("Warm duration (ms), log scale", "Memory (MB)", "recommended 1,120 MB"):
        assert each in words
    assert "current 128 MB" in words
    assert "p95<40ms" in words
    points = "[data-chart=latency] .mark-symbol.role-mark path"
    assert tab.value(f"document.querySelectorAll('{points}').length") == 18


@pytest.mark.parametrize("sweep", [good, whole_range])
def test_a_phone_needs_no_scrolling_to_the_side(
    chromium: "Chromium", page: PageOf, sweep: Callable[[], Sweep]
) -> None:
    tab = chromium.open(width=360)
    tab.visit(page(sweep))
    assert tab.value("document.scrollingElement.scrollWidth") == 360


@pytest.mark.parametrize(("dark", "colors"), [(False, LIGHT), (True, DARK)])
def test_page_and_charts_follow_the_readers_theme(
    chromium: "Chromium", page: PageOf, dark: bool, colors: dict[str, str]
) -> None:
    tab = chromium.open(width=1280, dark=dark)
    tab.visit(page(good))
    assert _style(tab, "body", "backgroundColor") == rgb(colors["paper"])
    assert _style(tab, ".role-axis-title text", "fill") == rgb(colors["ink"])
    assert _style(tab, ".chart .mark-line path", "stroke") == rgb(colors["accent"])


def test_paper_is_white_whatever_the_theme(chromium: "Chromium", page: PageOf) -> None:
    tab = chromium.open(width=1280, dark=True, media="print")
    tab.visit(page(good))
    assert _style(tab, "body", "backgroundColor") == rgb(LIGHT["paper"])
    assert _style(tab, ".role-axis-title text", "fill") == rgb(LIGHT["ink"])


@pytest.mark.parametrize("sweep", [good, whole_range])
def test_paper_cuts_nothing_off(
    chromium: "Chromium", page: PageOf, sweep: Callable[[], Sweep]
) -> None:
    tab = chromium.open(width=700, media="print")  # A4 with Chromium's margins
    tab.visit(page(sweep))
    sheet = "document.scrollingElement"
    assert tab.value(f"{sheet}.scrollWidth - {sheet}.clientWidth") == 0


def test_foreign_text_runs_nothing_and_is_shown_as_it_is(
    chromium: "Chromium", tmp_path: Path
) -> None:
    sweep = good()
    facts = replace(sweep.run.facts, name=EVIL, platform={EVIL: EVIL})
    pick = replace(sweep.recommendation, slo=("p95<40ms", EVIL), reasons=(EVIL,))
    rows = (replace(sweep.sizes[0], status="failed", reason=EVIL), *sweep.sizes[1:])
    run = replace(sweep.run, facts=facts, target=EVIL, note=EVIL)
    evil = replace(sweep, run=run, recommendation=pick, sizes=rows, warnings=(Advice("x", EVIL),))
    page = write_report(evil, tmp_path)
    tab = chromium.open(width=1280)
    tab.visit(page)
    assert tab.complaints() == []
    assert tab.value("document.querySelector('h1').textContent") == EVIL
    assert tab.value("document.images.length") == 0
    assert [url for url in tab.requests() if not url.startswith("data:")] == [page.as_uri()]


def test_who_does_not_see_the_charts_gets_words_and_tables(
    chromium: "Chromium", page: PageOf
) -> None:
    tab = chromium.open(width=1280)
    tab.visit(page(good))
    labels = tab.value("[...document.querySelectorAll('.chart')].map(each => each.ariaLabel)")
    assert len(labels) == 4
    assert all(len(label) > 40 for label in labels)
    levels = tab.value("[...document.querySelectorAll('h1, h2, h3')].map(each => each.tagName)")
    assert levels[0] == "H1"
    assert set(levels[1:]) == {"H2"}
    unnamed = "document.querySelectorAll('table:not(:has(caption)), thead th:not([scope])').length"
    assert tab.value(unnamed) == 0
    assert tab.value("document.documentElement.lang") == "en"


def _style(tab: object, selector: str, name: str) -> str:
    return tab.value(f"getComputedStyle(document.querySelector('{selector}')).{name}")
