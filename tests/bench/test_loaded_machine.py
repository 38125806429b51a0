"""Verdicts on functions of this machine, against a baseline, while other programs load it.

TUNER_BENCH_RUNS=30 TUNER_BENCH_BURNERS=0,1,3 pytest -m bench -s tests/bench/test_loaded_machine.py

Three functions (one waits, one computes, one does both) get a baseline on the machine as it is.
Then the same suite runs so often beside each number of burners: unchanged functions may be "cannot
tell" there, and "unchanged", and nothing else. Then they compute 15 and 37 % more, while the one
that waits is as it was, and are held against the baseline and, by ``--against``, against the old
code. A run of the three takes half a minute; five runs are told in ten minutes.
"""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tuner.options.suites import BenchCall
from tuner.store.benches import Benches
from tuner.store.runs import Store
from tuner.suites.baseline import Acceptance, accept
from tuner.suites.bench import run_bench
from tuner.suites.judgement import Verdict
from tuner.suites.result import BenchResult
from tuner.suites.suite_file import parse_suite
from tuner.suites.trial import Onlooker

pytestmark = [pytest.mark.bench, pytest.mark.timeout(0)]

RUNS = int(os.environ.get("TUNER_BENCH_RUNS", "5"))
BURNERS = tuple(map(int, os.environ.get("TUNER_BENCH_BURNERS", "0,1,3").split(",")))
CHANGES = (1.15, 1.37)
#: Milliseconds of waiting and rounds of hashing (3,000 are about a millisecond) of each function.
WORK = {"waits": (80, 0), "computes": (0, 60_000), "mixed": (40, 60_000)}
HANDLER = """import hashlib
import time


def handler(event, context):
    time.sleep({wait} / 1000)
    return hashlib.pbkdf2_hmac("sha256", b"key", b"salt", {rounds} or 1).hex()
"""
SUITE = "".join(
    f"""[[case]]
name = "{name}"
target = "local:{name}"
sizes = [1769]
gates = ["p50 +10%"]
most = {{most}}
"""
    for name in WORK
)
#: Calls a side at most: beside a baseline, and beside old code, which ends as soon as it is told.
MOST, MOST_BESIDE = 100, 1500
BURN = "while True: pass"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    pytest.importorskip("awslambdaric", reason="handlers need awslambdaric, absent here")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(folder: Path, more: float = 1.0, under: str = "") -> None:
    """The three functions, computing so many times as much."""
    for name, (wait, rounds) in WORK.items():
        (folder / under / name).mkdir(parents=True, exist_ok=True)
        source = HANDLER.format(wait=wait, rounds=round(rounds * more))
        (folder / under / name / "app.py").write_text(source)


def measured(folder: Path, seed: int, **more: object) -> BenchResult:
    options = BenchCall(seed=seed, store=str(folder / "runs.db"), **more)
    text = SUITE.format(most=MOST if options.against is None else MOST_BESIDE)
    return run_bench(parse_suite(text, folder / "tuner.toml"), options, Onlooker())


def accepted(folder: Path) -> None:
    """Measure a baseline of all three, and accept it."""
    result = measured(folder, 0, full=True)
    with Store.open(str(folder / "runs.db")) as store:
        accept(store, Benches(store).find(result.bench), Acceptance("the benchmark", 0.0))


@contextmanager
def burning(count: int) -> Iterator[None]:
    """So many programs that compute all the time."""
    burners = [subprocess.Popen([sys.executable, "-c", BURN]) for _ in range(count)]
    try:
        yield
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()


def told(result: BenchResult, what: str, seen: dict[str, Counter[Verdict]]) -> None:
    """Count the verdicts of a run, and print them."""
    for case in result.cases:
        (size,) = case.sizes
        seen.setdefault(case.name, Counter())[size.judgements[0].verdict] += 1
        print(
            f"  {what}, load {os.getloadavg()[0]:.1f}, {case.name:<8} "
            f"{case.spend.invocations:>4} calls: {size.judgements[0].sentence}",
            flush=True,
        )


def printed(what: str, seen: dict[str, Counter[Verdict]]) -> None:
    for name, counts in seen.items():
        print(f"{what}: {name:<8} " + ", ".join(f"{n} {v}" for v, n in counts.most_common()))


@pytest.mark.parametrize("burners", BURNERS)
def test_unchanged_functions_raise_no_alarm_on_a_loaded_machine(folder: Path, burners: int) -> None:
    written(folder)
    accepted(folder)
    seen: dict[str, Counter[Verdict]] = {}
    with burning(burners):
        for seed in range(1, RUNS + 1):
            told(measured(folder, seed), f"{burners} burners", seen)
    printed(f"{burners} burners, {RUNS} runs", seen)
    false = {Verdict.REGRESSED, Verdict.IMPROVED}
    assert not any(false & set(counts) for counts in seen.values())


@pytest.mark.parametrize("more", CHANGES)
def test_more_work_is_never_an_improvement_against_a_baseline(folder: Path, more: float) -> None:
    written(folder)
    accepted(folder)
    written(folder, more)
    seen: dict[str, Counter[Verdict]] = {}
    for seed in range(1, RUNS + 1):
        told(measured(folder, seed), f"{more - 1:+.0%} work", seen)
    printed(f"{more - 1:+.0%} work against a baseline, {RUNS} runs", seen)
    assert not any(counts[Verdict.IMPROVED] for counts in seen.values())
    assert not seen["waits"][Verdict.REGRESSED]


@pytest.mark.parametrize("more", CHANGES)
def test_more_work_is_found_by_old_code_beside_it(folder: Path, more: float) -> None:
    written(folder, more)
    written(folder, under="old")
    seen: dict[str, Counter[Verdict]] = {}
    for seed in range(1, RUNS + 1):
        for name in WORK:
            result = measured(folder, seed, only=(name,), against=f"local:old/{name}")
            told(result, f"{more - 1:+.0%} work", seen)
    printed(f"{more - 1:+.0%} work by --against, {RUNS} runs", seen)
    assert not set(seen["waits"]) - {Verdict.SAME, Verdict.CANNOT_TELL}
    assert seen["computes"][Verdict.REGRESSED] == RUNS
