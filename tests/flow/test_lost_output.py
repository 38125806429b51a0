"""Standard output that is full is said in one line, with exit code 1; one that is closed ends the
command silently, as it ends other tools."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from support.commands import Run
from tuner.cli.apply import tell
from tuner.cli.progress import Progress


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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
def test_a_full_standard_error_ends_with_a_code_of_ours(tmp_path: Path) -> None:
    words = f"'{sys.executable}' -m tuner runs show nothing 2>/dev/full"
    done = subprocess.run(["sh", "-c", words], cwd=tmp_path, check=False)
    assert done.returncode == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
def test_a_full_disk_is_no_bad_usage_of_an_option(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tuner", "plan", "demo:io", "--json"]
    done = subprocess.run(
        [*words, "/dev/full"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "--json /dev/full: cannot be written: No space left on device" in done.stderr
    elsewhere = subprocess.run(
        [*words, "no/such/folder.json"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert elsewhere.returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux only")
@pytest.mark.slow
def test_a_file_on_a_full_disk_is_told_with_code_1(tuner: Run) -> None:
    Path("rec.csv").write_text("memory_mb,duration_ms\n" + "128,5\n512,2\n" * 12)
    sweep = ("sweep", "replay:rec.csv", "--memory", "recorded", "--quiet")
    assert tuner(*sweep)[0] == 0
    for ending in ("html", "md", "json", "csv", "prom"):
        Path(f"full.{ending}").symlink_to("/dev/full")
    for words in (
        ("report", "last", "--output", "full.html"),
        ("report", "last", "--output", "full.md"),
        ("report", "last", "--json", "full.json"),
        ("runs", "export", "last", "full.json"),
        ("runs", "export", "last", "full.csv"),
        ("runs", "export", "last", "full.prom"),
        (*sweep, "--store", "sqlite:////dev/full"),
    ):
        code, _, err = tuner(*words)
        assert code == 1 and "full" in err and 1 <= len(err.splitlines()) <= 2
        assert "No space left on device" in err or "the disk is full" in err
    Path("file").write_text("")
    code, _, err = tuner("report", "last", "--output", "file/pages")
    assert code == 2 and "cannot be written: Not a directory" in err


def test_what_is_done_to_a_function_goes_on_without_a_reader(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(*_words: object, **_more: object) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr("typer.echo", gone)
    tell("$LATEST: 256 MB -> 640 MB")
    progress = Progress(quiet=False, live=False)
    monkeypatch.setattr(progress._console, "print", gone)
    progress.say("restoring the function")
