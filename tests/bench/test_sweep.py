"""A whole `tuner sweep demo:mixed`, and how soon the command line answers.

pytest -m bench -s tests/bench/test_sweep.py
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import psutil
import pytest

pytestmark = pytest.mark.bench

TUNER = [sys.executable, "-m", "tuner"]
HEAVY = ("boto3", "scipy", "locust", "altair", "numpy", "sqlalchemy", "aiohttp")


def own_memory_mb(root: psutil.Process) -> float:
    """PSS of the tuner's processes: itself, the load worker, the local Lambda, not the handlers.

    PSS counts a page that processes share once, divided among them (Linux, proc(5)).
    """
    total = 0.0
    for process in [root, *root.children(recursive=True)]:
        try:
            words = " ".join(process.cmdline())
            if "awslambdaric" in words or "tuner" not in words:
                continue
            total += process.memory_full_info().pss / 2**20
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total


def test_sweep_of_the_mixed_demo(tmp_path: Path) -> None:
    rows = []
    for seed in (1, 2, 3):
        began = time.monotonic()
        child = subprocess.Popen(
            [*TUNER, "sweep", "demo:mixed", "--seed", str(seed), "--json", "out.json", "-q"],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
        )
        root, peak = psutil.Process(child.pid), 0.0
        while child.poll() is None:
            peak = max(peak, own_memory_mb(root))
            time.sleep(0.1)
        took = time.monotonic() - began
        result = json.loads((tmp_path / "out.json").read_text())
        rows.append((took, peak, result))
    print("\nseed  seconds (< 60)  peak own memory, MB (< 400)  calls  pick, MB")
    for seed, (took, peak, result) in enumerate(rows, 1):
        pick = result["recommendation"]["memory_mb"]
        print(f"{seed:4}  {took:14.1f}  {peak:27.0f}  {result['spend']['invocations']:5}  {pick:8}")
    assert all(result["recommendation"] for _, _, result in rows)
    assert max(took for took, _, _ in rows) < 60
    assert max(peak for _, peak, _ in rows) < 400


def test_help_is_quick_and_imports_nothing_heavy() -> None:
    subprocess.run([*TUNER, "--help"], check=True, stdout=subprocess.DEVNULL)
    wall, cpu = [], []
    for _ in range(9):
        before, began = os.times(), time.monotonic()
        subprocess.run([*TUNER, "--help"], check=True, stdout=subprocess.DEVNULL)
        after = os.times()
        wall.append(time.monotonic() - began)
        cpu.append(after.children_user - before.children_user)
    probe = "import sys, tuner.cli.app; print([m for m in sys.argv[1:] if m in sys.modules])"
    loaded = subprocess.run(
        [sys.executable, "-c", probe, *HEAVY], check=True, capture_output=True, text=True
    ).stdout.strip()
    print(f"\ntuner --help: median {median(wall):.2f} s wall (< 0.35), {median(cpu):.2f} s of CPU;")
    print(f"of {', '.join(HEAVY)} it imports {loaded}")
    assert loaded == "[]"
