"""What pages cost: of a million samples to write, and of a hundred thousand to open and to use."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from support.factories import a_function, a_run, a_sample
from tuner.records import Sample
from tuner.store.runs import Store

pytestmark = pytest.mark.bench

SIZES = (128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3008)
RUN = "01JDS4ZK3V9Y0M6T1R8Q5W2XAB"


def stored(folder: Path, samples: int) -> str:
    """A store with a sweep of so many warm calls."""
    url, random = f"sqlite:///{folder}/runs.db", Random(1)
    with Store.open(url) as store:
        store.start(a_run(RUN, facts=a_function("mixed"), options={"target": "mixed"}))
        for at in range(0, samples, 10_000):
            store.add(RUN, list(_calls(at, min(samples, at + 10_000), random)))
    return url


def _calls(first: int, last: int, random: Random) -> Iterator[Sample]:
    for number in range(first, last):
        size = SIZES[number % len(SIZES)]
        yield a_sample(
            size, call=number, ran_ms=(40_000 / size + 9) * random.lognormvariate(0, 0.1)
        )


def written(url: str, folder: Path) -> tuple[Path, float, float]:
    """The page of the run, the seconds of CPU that its command took, and its memory (MB)."""
    words = [sys.executable, "-m", "tuner", "report", RUN, "--store", url, "--output", str(folder)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    [page] = folder.glob("*.html")
    return page, used.ru_utime, used.ru_maxrss / 1024


def test_what_a_page_of_a_million_samples_costs(tmp_path: Path) -> None:
    url = stored(tmp_path, 1_000_000)
    print("\n1,000,000 samples           CPU s     MB   page MB (reach: 6 s, 700 MB, 2.5 MB)")
    for name in ("first ever", "later"):
        page, took_s, used_mb = written(url, tmp_path / name)
        print(f"{name:24} {took_s:8.2f} {used_mb:6.0f} {page.stat().st_size / 1e6:9.2f}")
    assert page.stat().st_size < 2.5e6
    assert used_mb < 700


def test_what_opening_and_using_a_page_costs(tmp_path: Path) -> None:
    from support.chromium import Chromium

    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("no chromium is installed (Debian: apt-get install chromium)")
    page, _, _ = written(stored(tmp_path, 100_000), tmp_path / "reports")
    browser = Chromium(program, tmp_path / "profile")
    print("\n100,000 samples      first paint  interactive   slider (reach: 1 s, 2 s, 50 ms)")
    try:
        for name in ("first", "again"):
            tab = browser.open(width=1280)
            tab.visit(page)
            paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
            drawn = tab.value("performance.now()")  # all charts are, found every 50 ms
            slider = tab.value(
                "(() => { const slider = document.getElementById('traffic');"
                "const began = performance.now(); slider.value = Number(slider.value) + 0.5;"
                "slider.dispatchEvent(new Event('input'));"
                "document.body.getBoundingClientRect(); return performance.now() - began; })()"
            )
            print(f"{name:20} {tab.value(paint):8.0f} ms {drawn:9.0f} ms {slider:6.1f} ms")
    finally:
        browser.close()
    assert slider < 50.0
