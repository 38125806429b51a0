"""A real change on the local Lambda: 15 % more work is found, and no work more is no alarm.

pytest -m bench -s tests/bench/test_real_change.py

Twenty repetitions each, every one a whole `tuner bench --against` of its own. How many calls it
takes depends on how busy the machine is: a noisy one needs more until the verdict is clear.
"""

import os
import time
from pathlib import Path

import pytest

from tuner.options.suites import BenchCall
from tuner.suites.bench import run_bench
from tuner.suites.result import BenchResult
from tuner.suites.suite_file import parse_suite
from tuner.suites.trial import Onlooker

pytestmark = [pytest.mark.bench, pytest.mark.timeout(7200)]

REPETITIONS = int(os.environ.get("REPETITIONS", "20"))
ROUNDS = 60_000  # about 20 ms of hashing
HANDLER = """import hashlib


def handler(event, context):
    return hashlib.pbkdf2_hmac("sha256", b"key", b"salt", {rounds}).hex()
"""
SUITE = """[[case]]
name = "hash"
target = "local:new"
sizes = [1769]
gates = ["p50 +10%"]
most = 1500
"""


def compared(folder: Path, more: float, seed: int) -> BenchResult:
    """The working copy with so much more work against the old code, called in turn."""
    for name, rounds in (("old", ROUNDS), ("new", round(ROUNDS * more))):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "app.py").write_text(HANDLER.format(rounds=rounds))
    suite = parse_suite(SUITE, folder / "tuner.toml")
    options = BenchCall(against="local:old", seed=seed, store=str(folder / "runs.db"))
    return run_bench(suite, options, Onlooker())


@pytest.mark.parametrize(("more", "wanted"), [(1.15, "found"), (1.0, "alarms")])
def test_a_change_is_found_and_nothing_else(
    more: float, wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("awslambdaric", reason="handlers need awslambdaric, absent here")
    monkeypatch.chdir(tmp_path)
    raised, calls, first = 0, [], 0
    for repetition in range(REPETITIONS):
        began = time.monotonic()
        result = compared(tmp_path, more, repetition)
        (case,) = result.cases
        (size,) = case.sizes
        raised += result.exit_code == 99
        first += size.first is not None
        calls.append(case.spend.invocations)
        print(
            f"{more:.2f} x the work, {repetition + 1:2}: exit {result.exit_code:2}, "
            f"{case.spend.invocations:5} calls, {time.monotonic() - began:5.1f} s, load "
            f"{os.getloadavg()[0]:.1f}: {size.judgements[0].sentence}",
            flush=True,
        )
    print(
        f"{wanted}: {raised} of {REPETITIONS} (suspected before confirmation: {first}); "
        f"{sum(calls) / len(calls):,.0f} calls on average"
    )
    if more > 1.0:
        assert raised >= 0.95 * REPETITIONS
    else:
        assert raised == 0
