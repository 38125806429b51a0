"""The history of a suite in a real browser."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.histories import Level, history, ulid
from tuner.report.pages import write_history

if TYPE_CHECKING:
    from support.chromium import Chromium

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty runs with a change, one of them with its report."""
    folder = tmp_path_factory.mktemp("reports")
    (folder / f"orders-{ulid('A', 40, 0)}.html").write_text("<title>the report</title>")
    return write_history(history(60, [Level(40, 1.2)]), folder)


def test_the_page_draws_its_charts_without_complaint_or_network(
    chromium: "Chromium", page: Path
) -> None:
    tab = chromium.open(width=1280)
    tab.visit(page)
    assert tab.value("document.querySelectorAll('.chart svg.marks').length") == 8
    assert tab.complaints() == []
    assert [url for url in tab.requests() if not url.startswith("data:")] == [page.as_uri()]
    words = tab.value("document.querySelector('[data-chart=c0-0]').textContent")
    assert "2026-02" in words and "+2" in words


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_needs_no_scrolling_to_the_side(
    chromium: "Chromium", page: Path, dark: bool
) -> None:
    tab = chromium.open(width=360, dark=dark)
    tab.visit(page)
    assert tab.value("document.scrollingElement.scrollWidth") == 360


def test_a_mark_leads_to_the_run_s_row_and_the_row_to_its_report(
    chromium: "Chromium", page: Path
) -> None:
    tab = chromium.open(width=1280)
    tab.visit(page)
    row = f"c0-{ulid('C', 40, 0)}"
    assert tab.value(f"document.getElementById('{row}').checkVisibility()") is False
    mark = "document.querySelectorAll('[data-chart=c0-0] .mark-symbol path')[40]"
    tab.value(f"{mark}.scrollIntoView({{block: 'center'}})")
    at = tab.value(
        f"(({{x, y, width, height}}) => [x + width / 2, y + height / 2])"
        f"({mark}.getBoundingClientRect())"
    )
    for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
        press = {"button": "left", "clickCount": 1} if kind != "mouseMoved" else {}
        tab.call("Input.dispatchMouseEvent", type=kind, x=at[0], y=at[1], **press)
    tab.wait(f"location.hash === '#{row}'")
    tab.wait(f"document.getElementById('{row}').checkVisibility()")
    tab.value(f"document.querySelector('#{row} a').click()")
    tab.wait("document.title === 'the report'")
