"""The report of a load in a real browser."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.chromium import rgb
from tuner.api.load import run_load
from tuner.api.results import LoadResult
from tuner.experiment.experiment import Silent
from tuner.options.load_options import LoadOptions
from tuner.report.load_document import load_document
from tuner.report.style import DARK, HEAT, LIGHT

if TYPE_CHECKING:
    from support.chromium import Chromium

pytestmark = pytest.mark.browser


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """The report of a load of a recording, some of it throttled."""
    rows = [f"512,{100 + n},ok" for n in range(9)] + ["512,,throttled"]
    (tmp_path / "rec.csv").write_text("\n".join(["memory_mb,duration_ms,status", *rows]))
    options = LoadOptions(
        f"replay:{tmp_path}/rec.csv",
        seed=1,
        slo="client_p99<1s",
        profile_load="spike",
        rate="60",
        duration="20s",
    )
    result = run_load(options, str(tmp_path / "runs.db"), Silent())
    return LoadResult(document=load_document(result)).report(tmp_path)


def test_the_page_draws_its_charts_without_complaint_or_network(
    chromium: "Chromium", page: Path
) -> None:
    tab = chromium.open(width=1280)
    tab.visit(page)
    assert tab.value("document.querySelectorAll('.chart svg.marks').length") == 4
    assert tab.complaints() == []
    assert [url for url in tab.requests() if not url.startswith("data:")] == [page.as_uri()]
    words = tab.value("document.querySelector('[data-chart=rates]').textContent")
    assert "throttled" in words
    assert tab.value("document.querySelectorAll('details tbody tr').length") >= 20


@pytest.mark.parametrize("width", [360, 1280])
def test_charts_over_time_stand_below_each_other_with_one_axis_of_time(
    chromium: "Chromium", page: Path, width: int
) -> None:
    tab = chromium.open(width=width)
    tab.visit(page)
    svgs = "[...document.querySelectorAll('.column .chart svg.marks')]"
    plots = f"{svgs}.map((svg) => svg.querySelector('.background').getBoundingClientRect())"
    boxes = tab.value(f"{plots}.map((box) => [box.left, box.right])")
    assert len(boxes) == 4
    for side in zip(*boxes, strict=True):
        assert max(side) - min(side) <= 1.0


@pytest.mark.parametrize(("dark", "colors"), [(False, LIGHT), (True, DARK)])
def test_the_heat_map_has_every_call_in_the_colours_of_the_theme(
    chromium: "Chromium", page: Path, dark: bool, colors: dict[str, str]
) -> None:
    tab = chromium.open(width=1280, dark=dark)
    tab.visit(page)
    cells = "[...document.querySelectorAll('[data-chart=heat-map] .mark-rect path')]"
    texts = tab.value(f"{cells}.map(each => each.ariaLabel)")
    calls = [re.search(r": [\d,]+ s, \d+ ms to \d+ ms: ([\d,]+) calls?$", text) for text in texts]
    heads = "[...document.querySelectorAll('tbody th')].map(each => each.textContent.trim())"
    at = tab.value(heads).index("succeeded")
    succeeded = tab.value(
        f"document.querySelectorAll('tbody th')[{at}].nextElementSibling.innerText"
    )
    assert sum(int(each[1].replace(",", "")) for each in calls if each) == int(
        succeeded.replace(",", "")
    )
    hues = set(tab.value(f"{cells}.map(each => getComputedStyle(each).fill)"))
    assert hues <= {rgb(colors[name]) for name in HEAT}
    assert len(hues) > 1


def test_the_banner_of_an_objective_is_beside_the_answer(chromium: "Chromium", page: Path) -> None:
    tab = chromium.open(width=390)
    tab.visit(page)
    banner = tab.value("document.querySelector('.answer .banners li').textContent")
    assert banner.startswith("Met client_p99<1s")


def test_a_phone_needs_no_scrolling_to_the_side(chromium: "Chromium", page: Path) -> None:
    tab = chromium.open(width=360)
    tab.visit(page)
    assert tab.value("document.scrollingElement.scrollWidth") == 360


def test_a_phone_breaks_no_objective_in_the_headline(chromium: "Chromium", page: Path) -> None:
    words = "client_p95<120\u00a0ms"
    shown = page.read_text().replace("client_p99&lt;1s</p>", f"{words.replace('<', '&lt;')}</p>")
    page.write_text(shown)
    tab = chromium.open(width=390)
    tab.visit(page)
    lines = tab.value(
        "(() => { const text = document.querySelector('.headline').firstChild;"
        f"const at = text.data.indexOf('{words}'); const range = document.createRange();"
        f"range.setStart(text, at); range.setEnd(text, at + {len(words)});"
        "return range.getClientRects().length; })()"
    )
    assert lines == 1
