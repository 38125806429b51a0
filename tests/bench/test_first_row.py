"""How long somebody waits for the first row of a first sweep.

``pytest -m bench tests/bench/test_first_row.py -s``. Builds the wheel, installs it with pip into a
new environment (from the index that pip is set to, or its cache), and runs ``tuner sweep
demo:mixed`` in a terminal twice: nothing of it is in memory or compiled the first time. The same
with ``uvx`` and ``pipx run``, where these are installed, from an empty cache: the time is that of
the installation, too.
"""

import re
import shutil
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


PIP = ("-m", "pip", "--disable-pip-version-check", "-q")


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A wheel that was just built."""
    wheels = tmp_path / "wheels"
    subprocess.run([sys.executable, *PIP, "wheel", "--no-deps", "-w", wheels, ROOT], check=True)
    (wheel,) = wheels.glob("tuner-*.whl")
    return wheel


@pytest.fixture
def tuner(wheel: Path, tmp_path: Path) -> Path:
    """The command of a wheel that was just installed."""
    environment = tmp_path / "venv"
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    python, constraints = environment / "bin" / "python", ROOT / ".ci" / "constraints.txt"
    subprocess.run([python, *PIP, "install", "-c", constraints, wheel], check=True)
    print(f"\n  installed, its packages included: {time.monotonic() - began:.1f} s")
    return environment / "bin" / "tuner"


def _first_rows(words: list[str], tmp_path: Path, what: str) -> list[float]:
    """Seconds until the first row, twice."""
    waited = []
    for when in (what, "again"):
        began = time.monotonic()
        sweep = [*words, "sweep", "demo:mixed", "--max-time", "10s", "--yes"]
        screen, process, _ = on_terminal(sweep, 240, cwd=str(tmp_path))
        assert process.returncode in (0, 3), screen.text
        waited.append(next(at for at, text in screen.arrived_s if ROW.search(text)) - began)
        print(f"  first row {when}: {waited[-1]:.1f} s (reach: below 20 s)")
    return waited


@pytest.mark.timeout(900)
def test_the_first_row_of_a_first_sweep_comes_soon(
    tuner: Path, tmp_path: Path, machine: str
) -> None:
    print(f"  {machine}")
    assert _first_rows([str(tuner)], tmp_path, "after the installation")[0] < 20.0


@pytest.mark.timeout(900)
@pytest.mark.parametrize("runner", ["uvx", "pipx"])
def test_so_it_does_where_the_wheel_is_run_without_installing_it(
    runner: str, wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, machine: str
) -> None:
    if shutil.which(runner) is None:
        pytest.skip(f"{runner} is not installed")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("UV_NO_PROGRESS", "1")  # its bars move the cursor as ours do
    monkeypatch.setenv("PIPX_HOME", str(tmp_path / "pipx"))
    words = {
        "uvx": ["uvx", "--from", str(wheel), "tuner"],
        "pipx": ["pipx", "run", "--spec", str(wheel), "tuner"],
    }
    print(f"\n  {machine}")
    assert _first_rows(words[runner], tmp_path, f"by {runner}, installing it")[0] < 20.0
