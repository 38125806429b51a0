"""The page holds everything, needs nothing else, and lets nobody's text become markup."""

import json
import re
import sys
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import altair
import pytest
from hypothesis import Phase, given

from support.examples import examples
from support.odd_sweeps import any_record
from support.sweeps import empty, good, whole_range
from support.views import charts_of, page_of
from tuner.decide.result import Sweep
from tuner.errors import TunerError, UsageError
from tuner.records import Advice
from tuner.report import page
from tuner.report.page import file_name, unbroken
from tuner.report.pages import write_image, write_report
from tuner.report.style import DARK, LIGHT, color, painted
from tuner.report.sweep_view import sweep_view

EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'{{ 73*137 }}"


class Page(HTMLParser):
    """The tags, texts, scripts and addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.scripts: list[str] = []
        self.addresses: list[str] = []
        self.words: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._inside = tag
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src")]
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        (self.scripts if self._inside == "script" else self.words).append(data)

    @property
    def text(self) -> str:
        """What a reader sees, on one line."""
        return re.sub(r"\s+", " ", " ".join(self.words))


@cache
def good_page() -> str:
    """The page of the good sweep, rendered once."""
    return page_of(good())


def test_the_answer_comes_before_everything_else() -> None:
    text = Page(good_page()).text
    order = [
        "1,120 MB",
        "2 % more expensive but 8.1x faster",
        "Duration and cost over memory",
        "All sizes",
        "Cost against speed",
        "Cold starts",
        "How it was measured",
    ]
    places = [text.index(words, text.index("Recommended memory size")) for words in order]
    assert places == sorted(places)


def test_the_page_asks_the_network_for_nothing() -> None:
    page = Page(good_page())
    assert [each for each in page.addresses if not each.startswith("data:")] == [
        good().power_tuning_url
    ]
    assert "default-src &#39;none&#39;" in good_page()
    specs = [json.loads(script) for script in page.scripts[:-2]]
    assert [spec["height"] for spec in specs] == [340, 340, 300, 360]
    assert all("data" not in spec or "url" not in spec["data"] for spec in specs)


@pytest.mark.parametrize("sweep", [good(), whole_range()])
def test_the_charts_are_valid_vega_lite(sweep: Sweep) -> None:
    for spec in charts_of(sweep_view(sweep)).values():
        chart = altair.LayerChart if "layer" in spec else altair.Chart
        chart.from_dict(spec, validate=True)


def test_failed_sizes_and_warnings_are_on_the_page() -> None:
    text = Page(page_of(whole_range())).text
    assert "128 MB failed: out of memory in 3 of 3 calls" in text
    assert "1,024 MB has 7 samples only; raise --max-cost to measure it well." in text
    assert "Partial data: the budget of $0.05 ran out" in text


def test_a_sweep_without_anything_is_still_a_page() -> None:
    page = Page(page_of(empty()))
    assert "No size is recommended" in page.text
    assert "figure" not in page.tags
    assert "table" not in page.tags


def test_text_from_outside_never_becomes_markup() -> None:
    sweep = good()
    facts = replace(sweep.run.facts, name=EVIL, runtime=EVIL, platform={EVIL: EVIL})
    run = replace(sweep.run, target=EVIL, note=EVIL, facts=facts, options={"memory": EVIL})
    pick = replace(sweep.recommendation, reasons=(EVIL,), slo=(EVIL,))
    rows = tuple(replace(row, status="failed", reason=EVIL) for row in sweep.sizes)
    evil = replace(sweep, run=run, recommendation=pick, sizes=rows, warnings=(Advice(EVIL, EVIL),))
    harmless = replace(evil, warnings=(Advice("x", "x"),))
    page, expected = Page(page_of(evil)), Page(page_of(harmless))
    assert page.tags == expected.tags
    assert "img" not in page.tags
    assert EVIL in unbroken("".join(page.words)) or "alert(1)" in page.text
    assert "10001" not in page.text


@given(any_record(Sweep))
# A page takes long to render, so a failure is not shrunk.
@examples(12, phases=[Phase.generate])
def test_any_sweep_becomes_a_page_with_our_scripts_only(sweep: Sweep) -> None:
    page = Page(page_of(sweep))
    assert page.tags.count("script") == len(page.scripts)
    for script in page.scripts[:-2]:
        json.loads(script, parse_constant=lambda name: pytest.fail(f"{name} in a chart"))


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("orders", "orders-01JX.html"),
        ("../../etc/passwd", "etc-passwd-01JX.html"),
        (
            "arn:aws:lambda:eu-west-1:1:function:a",
            "arn-aws-lambda-eu-west-1-1-function-a-01JX.html",
        ),
        ("<script>", "script-01JX.html"),
        ("été", "t-01JX.html"),
        ("..", "sweep-01JX.html"),
        ("x" * 300, f"{'x' * 80}-01JX.html"),
    ],
)
def test_a_file_name_is_safe_everywhere(name: str, file: str) -> None:
    assert file_name(name, "01JX") == file


def test_a_report_is_written_whole_and_replaces_an_older_one(tmp_path: Path) -> None:
    first = write_report(good(), tmp_path / "reports")
    assert write_report(good(), tmp_path / "reports") == first
    assert [path.name for path in first.parent.iterdir()] == [
        "demo-mixed-01JDS4ZK3V9Y0M6T1R8Q5W2XAB.html"
    ]
    assert first.read_text(encoding="utf-8").endswith("</html>")


def test_a_folder_that_cannot_be_made_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(TunerError, match="--output"):
        write_report(good(), tmp_path / "reports")


def test_numbers_stay_with_their_units() -> None:
    assert unbroken("p95 24 ms at 1,024 MB, 31 %") == "p95 24\u00a0ms at 1,024\u00a0MB, 31\u00a0%"
    assert unbroken("5 sizes") == "5 sizes"


def test_the_library_is_made_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = page.javascript(tmp_path)
    assert "vegaEmbed" in text
    assert "</script" not in text.lower()
    monkeypatch.setattr(page, "_made", lambda: pytest.fail("made again"))
    assert page.javascript(tmp_path) == text
    (kept,) = tmp_path.iterdir()
    kept.write_text(text[:1000])
    monkeypatch.setattr(page, "_made", lambda: "fresh </script> text")
    assert page.javascript(tmp_path) == "fresh <\\/script> text\n// end of bundle\n"


def test_a_cache_that_cannot_be_written_costs_time_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "_made", lambda: "made")
    (tmp_path / "file").write_text("")
    assert page.javascript(tmp_path / "file").startswith("made")


def test_a_failing_vl_convert_is_an_error_with_a_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "_MAKE", "raise SystemExit('no V8 here')")
    with pytest.raises(TunerError, match="vl-convert failed: no V8 here"):
        page.javascript(tmp_path)


def test_the_library_of_the_wheel_is_used_where_it_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    templates = tmp_path / "templates"
    templates.mkdir()
    monkeypatch.setattr(page, "files", lambda _package: tmp_path)
    monkeypatch.setattr(page, "_vega_lite", lambda: "6.4")
    monkeypatch.setattr(page, "_made", lambda: "made")
    (templates / "vega-5.21.js").write_text("too old")
    assert page.javascript(tmp_path / "cache").startswith("made")
    (templates / "vega-6.1.js").write_text("packed </script>")
    assert page.javascript(tmp_path / "other").startswith("packed <\\/script>")


def test_without_vl_convert_charts_and_pictures_say_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(_name: str) -> str:
        raise PackageNotFoundError

    monkeypatch.setattr(page, "version", absent)
    with pytest.raises(TunerError, match="vl-convert is not installed") as charts:
        page.javascript(tmp_path)
    monkeypatch.setitem(sys.modules, "vl_convert", None)
    with pytest.raises(TunerError, match="vl-convert is not installed") as picture:
        write_image(good(), "cost", tmp_path / "x.svg")
    assert charts.value.fix == picture.value.fix == "Install it: pip install 'tuner[images]'"


def test_every_colour_exists_light_and_dark() -> None:
    assert LIGHT.keys() == DARK.keys()
    assert painted({"a": [color("ink"), 1]}) == {"a": [LIGHT["ink"], 1]}
    with pytest.raises(KeyError):
        color("octarine")


@pytest.mark.parametrize(("name", "start"), [("x.svg", b"<svg"), ("x.png", b"\x89PNG")])
def test_a_chart_can_be_a_picture(tmp_path: Path, name: str, start: bytes) -> None:
    path = write_image(good(), "cost", tmp_path / "deep" / name)
    content = path.read_bytes()
    assert content.startswith(start)
    assert b"var(--" not in content


def test_a_picture_of_nothing_is_bad_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="latency, cost, trade-off, cold"):
        write_image(good(), "pie", tmp_path / "x.svg")
    with pytest.raises(UsageError, match="neither"):
        write_image(good(), "cost", tmp_path / "x.gif")
