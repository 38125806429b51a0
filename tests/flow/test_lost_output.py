"""Standard output that is full is said in one line, with exit code 1; one that is closed ends the
command silently, as it ends other tools."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def prices(folder: Path, stdout: int) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "tuner", "prices"],
        cwd=folder, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
def test_a_full_standard_output_is_said_in_a_line(tmp_path: Path) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    code, said = prices(tmp_path, full)
    os.close(full)
    assert code == 1
    assert len(said.splitlines()) == 1
    assert "No space left on device" in said


def test_a_closed_standard_output_ends_the_command_without_a_word(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    code, said = prices(tmp_path, write)
    os.close(write)
    assert (code, said) == (1, "")


def test_a_command_without_any_standard_output_does_its_work(tmp_path: Path) -> None:
    words = f"'{sys.executable}' -m tuner prices >&-"
    done = subprocess.run(
        ["sh", "-c", words], cwd=tmp_path, stderr=subprocess.PIPE, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
