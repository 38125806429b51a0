"""`tuner plan` against what the sweep then spent: invocations, money, time.

pytest -m bench -s tests/bench/test_plan.py
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1800)]

TUNER = [sys.executable, "-m", "tuner"]
#: Demos twice each: the first plan knows nothing, the second has the first sweep to go by.
TARGETS = [
    *(["demo:mixed", "--memory", "128:1536"],) * 2,
    *(["demo:cpu", "--memory", "128:1024"],) * 2,
    *(["demo:io", "--method", "grid", "--samples", "5"],) * 2,
    *(["demo:slow-init", "--method", "grid", "--memory", "128,512", "--samples", "4"],) * 2,
    *(["demo:flaky", "--memory", "256:1024", "--invocations", "40"],) * 2,
]


def run(command: str, words: list[str], cwd: Path) -> dict[str, Any]:
    done = subprocess.run(
        [*TUNER, command, *words, "--json", "-"],
        check=False,
        cwd=cwd,
        capture_output=True,
        text=True,
    )
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_what_a_sweep_spends_lies_within_the_range_of_its_plan(tmp_path: Path) -> None:
    right = 0
    print("\ntarget           calls  of      money, $     of                       s     of")
    for seed, words in enumerate(TARGETS, 1):
        plan = run("plan", words, tmp_path)
        spend = run("sweep", [*words, "--seed", str(seed), "-q"], tmp_path)["spend"]
        within = {
            name: plan[name]["low"] <= spend[name] <= plan[name]["high"]
            for name in ("invocations", "cost_usd", "seconds")
        }
        right += within["invocations"] and within["cost_usd"]
        calls, usd, s = plan["invocations"], plan["cost_usd"], plan["seconds"]
        print(
            f"{words[0]:<16} {spend['invocations']:5}  {calls['low']:.0f}-{calls['high']:<5.0f}"
            f" {spend['cost_usd']:.2e}  {usd['low']:.1e}-{usd['high']:.1e}"
            f"  {spend['seconds']:8.1f}  {s['low']:.1f}-{s['high']:.0f}  {within}"
        )
    print(f"within the range of invocations and money: {right} of {len(TARGETS)} (>= 9 of 10)")
    assert right >= 9
