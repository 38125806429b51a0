"""Several processes that write runs to one store at once: nothing is lost, and how fast it goes."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tuner.store.runs import Store

pytestmark = pytest.mark.bench

PROCESSES, RUNS, SAMPLES = 4, 25, 200

# Writes runs sample by sample; in the end says how long the slowest write took, ms.
WRITER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from dataclasses import replace
from support.stored import RUN, SAMPLE
from tuner.records import RunState
from tuner.store.runs import Store
url, who, runs, samples = sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
slowest = 0.0
with Store.open(url) as store:
    for number in range(runs):
        name = f"01J{who}R{number}"
        store.start(replace(RUN, run=name))
        for call in range(samples):
            began = time.perf_counter()
            store.add(name, [replace(SAMPLE, call=call)])
            slowest = max(slowest, time.perf_counter() - began)
        store.finish(name, RunState.DONE, 1.0)
print(slowest * 1000)
"""


@pytest.mark.timeout(1200)
def test_four_processes_write_at_once_and_nothing_is_lost(
    tmp_path: Path, postgres_store: str
) -> None:
    total = PROCESSES * RUNS * SAMPLES
    print(f"\n{PROCESSES} processes, {RUNS} runs each, {SAMPLES} samples each, one at a time")
    print("store        lost  errors  seconds  writes/s  slowest write")
    for name, url in (("SQLite", str(tmp_path / "runs.db")), ("PostgreSQL", postgres_store)):
        began = time.perf_counter()
        said = _write(url)
        seconds = time.perf_counter() - began
        errors = [errors for _, errors in said if errors]
        with Store.open(url) as store:
            kept = store.counts()
            calls = [sample.call for sample in store.samples("01J0R0")]
        lost, slowest = total - sum(kept.values()), max(float(out or "nan") for out, _ in said)
        print(
            f"{name:12} {lost:4} {len(errors):7} {seconds:8.1f} {total / seconds:9.0f} "
            f"{slowest:11.1f} ms"
        )
        assert (lost, errors) == (0, [])
        assert set(kept.values()) == {SAMPLES}
        assert calls == list(range(SAMPLES))


def _write(url: str) -> list[tuple[str, str]]:
    tests = str(Path(__file__).parents[1])
    base = [sys.executable, "-c", WRITER, tests, url]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    children = [
        subprocess.Popen([*base, str(who), str(RUNS), str(SAMPLES)], **pipes)
        for who in range(PROCESSES)
    ]
    return [child.communicate(timeout=600) for child in children]
