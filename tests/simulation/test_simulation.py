"""Nobody's function is left changed: thousands of runs against a service that lies and fails."""

import os
from collections import Counter
from pathlib import Path
from time import perf_counter

import pytest

from simulation import runs

SEEDS = int(os.environ.get("TUNER_SIMULATED_RUNS", "100000"))


def failing(seeds: range, folder: Path, code_url: str) -> list[runs.Run]:
    played = (runs.play(seed, folder, code_url) for seed in seeds)
    return [run for run in played if run.wrong]


def test_a_function_ends_as_it_was_or_can_be_restored(tmp_path: Path, code_url: str) -> None:
    bad = failing(range(300), tmp_path, code_url)
    assert not bad, runs.report(bad[0])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_so_it_does_in_two_thousand_runs(tmp_path: Path, code_url: str) -> None:
    bad = failing(range(300, 2_300), tmp_path, code_url)
    assert not bad, runs.report(bad[0])


@pytest.mark.bench
@pytest.mark.timeout(0)
def test_a_hundred_thousand_runs(tmp_path: Path, code_url: str) -> None:
    began = perf_counter()
    kinds: Counter[str] = Counter()
    bad = []
    for seed in range(10_000, 10_000 + SEEDS):
        run = runs.play(seed, tmp_path, code_url)
        kinds.update(one.way for one in run.plan.tuners)
        kinds["two at once"] += len(run.plan.tuners) - 1
        bad += [run] if run.wrong else []
    took = perf_counter() - began
    print(f"\n{SEEDS:,} runs, {SEEDS / took:.0f} a second, {len(bad)} outside the allowed ends")
    print("  " + ", ".join(f"{way} {count:,}" for way, count in sorted(kinds.items())))
    assert not bad, "\n\n".join(runs.report(run, 30) for run in bad[:3])
