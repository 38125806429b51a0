"""Every kind of page, looked over by axe-core in a real browser, in light and in dark."""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.account import environment, serving, three_functions
from support.commands import exit_code
from support.histories import Level, history
from support.sweeps import called, compared, empty, load_of_ten_seconds, under_load
from tuner.api.results import LoadResult
from tuner.report.pages import write_history, write_report

if TYPE_CHECKING:
    from support.chromium import Chromium

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def axe() -> str:
    """The script of axe-core, which a package of Python brings."""
    found = find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        pytest.skip("needs pip install --no-deps axe-playwright-python")
    return (Path(found.origin).parent / "axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """A page of each kind."""
    folder, before = tmp_path_factory.mktemp("pages"), Path.cwd()
    os.chdir(folder)
    try:
        yield {name: folder / page for name, page in made().items()}
    finally:
        os.chdir(before)


def made() -> dict[str, Path]:
    sweeps = {"sweep": called, "architectures": compared, "under load": under_load}
    sweeps["nothing measured"] = empty
    found = {name: write_report(sweep(), name) for name, sweep in sweeps.items()}
    found["history"] = write_history(history(60, [Level(40, 1.2)]), "history")
    rows = [f"{mb},{60_000 / mb + n},,ok" for mb in (128, 512) for n in range(20)]
    rows += [f"{mb},{60_000 / mb},300,ok" for mb in (128, 512)] + ["512,,,throttled"]
    Path("rec.csv").write_text("\n".join(["memory_mb,duration_ms,init_ms,status", *rows]))
    run("sweep", "replay:rec.csv", "--memory", "recorded")
    run("sweep", "replay:rec.csv", "--memory", "recorded")
    load = ("load", "replay:rec.csv", "--memory", "512", "--duration", "20s")
    run(*load, "--rate", "40", "--slo", "client_p99<1s", "--output", "load.html")
    LoadResult(document=searched()).report("limit.html")
    run("cold", "replay:rec.csv", "--memory", "recorded", "--output", "cold.html")
    run("report")
    ids = sorted(page.stem[-26:] for page in Path("reports").glob("rec.csv-*.html"))
    run("compare", *ids[:2], "--output", "compare.html")
    times = ("--memory", "512", "--expect", "200ms", "--init", "1s", "--flash", "20")
    limits = ("--account-concurrency", "100", "--duration", "20m")
    run("forecast", "orders", "--traffic", "100rps", *times, *limits, "--output", "forecast.html")
    with serving(three_functions(1e6)) as url, pytest.MonkeyPatch.context() as patch:
        for name, value in environment(url).items():
            patch.setenv(name, value)
        run("fleet", "--region", "eu-west-1", "--output", "fleet.html")
    written = {"load": "load", "find-limit": "limit", "cold starts": "cold", "fleet": "fleet"}
    written |= {"comparison": "compare", "forecast": "forecast", "index": "reports/index"}
    return found | {name: Path(f"{stem}.html") for name, stem in written.items()}


def searched() -> dict[str, Any]:
    """A load whose highest rate was searched for."""
    steps = [
        {
            "rps": rate,
            "met": met,
            "missed": [] if met else ["client_p99<300ms"],
            "note": None,
            "probability": None,
            "achieved_rps": rate,
            "goodput_rps": rate / 2.0,
            "throttled": 0.0 if met else 0.2,
            "p50_ms": 40.0,
            "p99_ms": 100.0 * rate,
            "concurrency": {"mean": rate, "max": 9, "little": None},
        }
        for rate, met in ((1.0, True), (2.0, True), (4.0, False))
    ]
    limit = {"best_rps": 2.0, "fails_at_rps": 4.0, "generator": False, "steps": steps}
    return {**load_of_ten_seconds(), "limit": limit}


def run(*words: str) -> None:
    assert exit_code(*words, *(("--seed", "1") if words[0] in SEEDED else ())) in (0, 3, 99), words


SEEDED = ("sweep", "load", "cold", "forecast")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize(
    "kind",
    [
        *("sweep", "architectures", "under load", "nothing measured", "cold starts", "load"),
        *("find-limit", "comparison", "index", "history", "forecast", "fleet"),
    ],
)
def test_axe_core_finds_nothing_serious(
    chromium: "Chromium", axe: str, pages: dict[str, Path], kind: str, dark: bool
) -> None:
    tab = chromium.open(width=1280, dark=dark)
    tab.visit(pages[kind])
    tab.value("document.querySelectorAll('details').forEach(each => { each.open = true })")
    tab.value(f"{axe}; 0")
    tab.wait("document.getAnimations().length === 0")  # menus that open are half transparent
    tab.value("axe.run().then(told => { window.told = told }, error => { window.told = error }); 0")
    tab.wait("window.told !== undefined")
    assert tab.value("window.told.passes.length") > 10
    found: list[dict[str, Any]] = tab.value(
        "window.told.violations.map(({id, impact, nodes}) =>"
        " ({id, impact, at: nodes.slice(0, 3).map(each => each.html.slice(0, 200))}))"
    )
    assert [each for each in found if each["impact"] in ("serious", "critical")] == []
