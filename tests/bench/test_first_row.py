"""How long somebody waits who has installed the wheel: until the first row of a first sweep.

``pytest -m bench tests/bench/test_first_row.py -s``. Builds the wheel, installs it with pip into a
new environment (from the index that pip is set to, or its cache), and runs ``tuner sweep
demo:mixed`` in a terminal twice: nothing of it is in memory or compiled the first time.
"""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.screen import on_terminal

pytestmark = pytest.mark.bench

ROOT = Path(__file__).parents[2]
#: A size with calls and a median.
ROW = re.compile(r"\d+ MB +\d+ +[\d,]+ ms")


@pytest.fixture
def tuner(tmp_path: Path) -> Path:
    """The command of a wheel that was just built and installed."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    wheels = tmp_path / "wheels"
    subprocess.run([*pip, "wheel", "--no-deps", "-w", wheels, ROOT], check=True)
    (wheel,) = wheels.glob("tuner-*.whl")
    environment = tmp_path / "venv"
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    pip[0] = str(environment / "bin" / "python")
    constraints = ROOT / ".ci" / "constraints.txt"
    subprocess.run([*pip, "install", "-c", constraints, wheel], check=True)
    print(f"\n  installed, its packages included: {time.monotonic() - began:.1f} s")
    return environment / "bin" / "tuner"


@pytest.mark.timeout(900)
def test_the_first_row_of_a_first_sweep_comes_soon(
    tuner: Path, tmp_path: Path, machine: str
) -> None:
    waited = []
    for again in (False, True):
        began = time.monotonic()
        words = [str(tuner), "sweep", "demo:mixed", "--max-time", "10s", "--yes"]
        screen, process, _ = on_terminal(words, 80, cwd=str(tmp_path))
        assert process.returncode in (0, 3), screen.text
        waited.append(next(at for at, text in screen.arrived_s if ROW.search(text)) - began)
        when = "again" if again else "after the installation"
        print(f"  first row {when}: {waited[-1]:.1f} s ({machine}; reach: below 20 s)")
    assert waited[0] < 20.0
