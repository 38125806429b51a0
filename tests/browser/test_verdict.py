"""The verdict in a real browser: its buttons and sliders, and that its numbers are Python's."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.sweeps import called
from tuner.decide.what_if import chosen, month_usd
from tuner.report.pages import write_report
from tuner.units import format_cost

if TYPE_CHECKING:
    from support.chromium import Chromium, Tab

pytestmark = pytest.mark.browser

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028\u202e"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a sweep whose page can reckon."""
    sweep = called()
    declared = replace(sweep, run=replace(sweep.run, target="local:app/template.yaml"))
    return write_report(declared, tmp_path_factory.mktemp("reports"))


@pytest.fixture
def tab(chromium: "Chromium", page: Path) -> "Tab":
    tab = chromium.open(width=1280)
    tab.visit(page)
    return tab


def said(tab: "Tab", selector: str) -> Any:
    """The text of a part of the verdict, with plain spaces."""
    text = tab.value(f"document.querySelector('#verdict {selector}').textContent")
    return str(text).replace("\u00a0", " ").strip()


def move(tab: "Tab", slider: str, value: float) -> None:
    """Move a slider as a reader does."""
    place = f"document.getElementById('{slider}')"
    tab.value(f"{place}.value = '{value}'; {place}.dispatchEvent(new Event('input')); 0")


def labels(tab: "Tab") -> str:
    text = tab.value("document.querySelector('[data-chart=latency] svg').textContent")
    return str(text).replace("\u00a0", " ")


def test_the_band_says_what_to_set_what_it_changes_and_how_sure_that_is(tab: "Tab") -> None:
    assert said(tab, ".headline").split() == ["128", "MB", "→", "1,024", "MB"]
    assert said(tab, "[data-stat=cost] [data-of=value]").startswith("$")
    assert said(tab, "[data-stat=p95] [data-of=value]") == "~32 ms"
    assert "not measured" not in said(tab, "[data-stat=cold]")
    assert said(tab, ".trust").startswith("Confidence: high – 93 % chance")
    assert "verified by 20 calls" in said(tab, ".trust")
    assert said(tab, "[data-is=command]").endswith("--file app/template.yaml")
    assert tab.complaints() == []


def test_a_button_switches_the_band_the_charts_and_the_next_step(tab: "Tab") -> None:
    assert "recommended 1,024 MB" in labels(tab)
    size = chosen(called().what_if, 0.0)["fastest"]
    tab.value("document.querySelector('[data-choice=fastest]').click()")
    assert said(tab, "[data-is=size]") == f"{size:,} MB"
    assert f"--memory {size} " in said(tab, "[data-is=command]")
    assert said(tab, "[data-is=rest]") == ""
    assert f"fastest {size:,} MB" in labels(tab)
    pressed = tab.value("document.querySelector('#verdict [aria-pressed=true]').dataset.choice")
    assert pressed == "fastest"


def test_a_button_moves_the_ring_on_the_pareto_front(tab: "Tab") -> None:
    ring = "views.get('trade-off').data('ring').map((spot) => [spot.duration_ms, spot.cost])"
    sweep = called()
    rows = {row.memory_mb: row for row in sweep.sizes}

    def at(size: int) -> list[list[float]]:
        stats, cost = rows[size].warm.duration_ms, rows[size].cost_usd_per_million
        assert stats is not None and cost is not None
        return [[pytest.approx(stats.mean), pytest.approx(cost.mean)]]

    assert tab.value(ring) == at(1024)
    tab.value("document.querySelector('[data-choice=fastest]').click()")
    assert tab.value(ring) == at(chosen(sweep.what_if, 0.0)["fastest"])
    assert tab.complaints() == []


def test_sliders_price_and_choose_again_as_python_does(tab: "Tab") -> None:
    terms = called().what_if
    for power, place in ((3.5, 0.0), (7.25, 0.5), (10.9, 1.0)):
        move(tab, "traffic", power)
        move(tab, "share", place)
        bills, choices = month_usd(terms, 10**power, place**3), chosen(terms, place**3)
        for name in ("cheapest", "balanced", "fastest"):
            size, button = choices[name], f"[data-choice={name}]"
            assert said(tab, f"{button} [data-of=size]") == f"{size:,} MB"
            assert said(tab, f"{button} [data-of=usd]") == format_cost(bills[size])
    took = tab.value(
        "(() => { const t = performance.now(); const s = document.getElementById('share');"
        "s.value = '0.3'; s.dispatchEvent(new Event('input')); return performance.now() - t; })()"
    )
    assert took >= 0.0
    tab.value("document.getElementById('reset').click()")
    assert said(tab, "[data-is=size]") == "1,024 MB"
    assert tab.complaints() == []


def test_names_from_outside_are_text_in_the_verdict(chromium: "Chromium", tmp_path: Path) -> None:
    sweep = called()
    run = replace(sweep.run, run=EVIL, target=EVIL, facts=replace(sweep.run.facts, name=EVIL))
    tab = chromium.open(width=390)
    tab.visit(write_report(replace(sweep, run=run, arch=EVIL), tmp_path))
    tab.value("document.querySelector('[data-choice=fastest]').click()")
    assert "alert(1)" in said(tab, "[data-is=command]")
    assert tab.complaints() == []
    assert tab.value("document.images.length") == 0
    assert tab.value("document.scrollingElement.scrollWidth") == 390


def test_menus_of_charts_have_names_and_stand_in_no_picture(tab: "Tab") -> None:
    menus = "[...document.querySelectorAll('.vega-embed summary')]"
    assert tab.value(f"{menus}.length") == 4
    assert tab.value(f"{menus}.every(each => each.ariaLabel.startsWith('Save the chart'))")
    assert tab.value("document.querySelectorAll('[role=img] summary, [role=img] a').length") == 0
    hidden = "document.querySelectorAll('.chart svg.marks:not([aria-hidden=true])').length"
    assert tab.value(hidden) == 0


def test_paper_shows_what_is_folded_and_no_controls(chromium: "Chromium", page: Path) -> None:
    tab = chromium.open(width=700, media="print")
    tab.visit(page)
    height = "document.querySelector('section details table').getBoundingClientRect().height"
    assert tab.value(height) > 50
    assert tab.value("document.querySelector('.sliders').getBoundingClientRect().height") == 0
