"""What storing each sample and writing the report cost: time, CPU and memory."""

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.stored import RUN, SAMPLE
from support.sweeps import good
from tuner.report.pages import write_report
from tuner.store.runs import Store

MEMORY = """
import psutil
from tuner.report import pages
def resident_mb():
    return psutil.Process().memory_info().rss / 2**20
"""

pytestmark = pytest.mark.bench


def test_what_storing_a_sample_costs(tmp_path: Path) -> None:
    with Store.open(str(tmp_path / "runs.db")) as store:
        store.start(RUN)
        one = timed(lambda: store.add(RUN.run, [SAMPLE]), 2000)
        hundred = timed(lambda: store.add(RUN.run, [SAMPLE] * 100), 50)
        reading = timed(lambda: store.samples(RUN.run), 5)
        number = len(store.samples(RUN.run))
    print("\nstore (SQLite)            p50       p99   CPU a call")
    for name, figures in (("add 1", one), ("add 100", hundred), (f"read {number}", reading)):
        print(f"{name:20} {figures[0]:6.2f} ms {figures[1]:6.2f} ms {figures[2]:6.2f} ms")
    assert number == 7000


def test_what_a_report_costs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    print("\nreport                    seconds (reach: below 3)")
    for name in ("first ever", "later"):
        began = time.perf_counter()
        path = write_report(good(), tmp_path)
        print(f"{name:20} {time.perf_counter() - began:8.2f}")
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{path.stat().st_size / 1e6:.2f} MB; bundling process, once: {child:.0f} MB")
    for name, program in (("all but Altair", ""), ("with Altair", "import altair")):
        command = [sys.executable, "-c", f"{MEMORY}\n{program}\nprint(resident_mb())"]
        said = subprocess.run(command, capture_output=True, check=True, text=True).stdout
        print(f"memory, {name:16} {float(said):4.0f} MB")
    assert path.exists()


def timed(work: Callable[[], object], times: int) -> tuple[float, float, float]:
    """Median, 99th percentile and mean CPU of a call, ms."""
    took, cpu = [], time.process_time()
    for _ in range(times):
        began = time.perf_counter()
        work()
        took.append((time.perf_counter() - began) * 1000.0)
    took.sort()
    cpu_ms = (time.process_time() - cpu) * 1000.0 / times
    return took[len(took) // 2], took[int(len(took) * 0.99)], cpu_ms
