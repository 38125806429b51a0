"""A file that is not there is bad usage, whatever names it: exit code 2 and two lines."""

from pathlib import Path

import pytest

from support.commands import Run


@pytest.mark.parametrize(
    "words",
    [
        ("sweep", "local:gone"),
        ("sweep", "local:gone.yaml#Orders"),
        ("sweep", "replay:gone.csv"),
        ("sweep", "replay:rec.csv", "--event", "gone"),
        ("sweep", "replay:rec.csv", "--payload", "@gone.json"),
        ("sweep", "replay:rec.csv", "--payloads", "gone.json"),
        ("sweep", "replay:rec.csv", "--traffic", "gone.csv"),
        ("sweep", "--power-tuning-input", "gone.json"),
        ("load", "demo:cpu", "--profile-load", "gone"),
        ("load", "demo:cpu", "--profile-load", "gone.toml"),
        ("load", "demo:cpu", "--locustfile", "gone.py"),
        ("recommend", "gone.json"),
        ("report", "./gone"),
        ("compare", "gone.json", "last"),
        ("apply", "gone.gz"),
        ("runs", "show", "gone.json"),
        ("runs", "import", "gone.json"),
        ("prices", "--from", "gone.json"),
        ("bench", "--suite", "gone.toml"),
    ],
    ids=" ".join,
)
def test_a_file_that_is_not_there_ends_with_2(tuner: Run, words: tuple[str, ...]) -> None:
    Path("rec.csv").write_text("memory_mb,duration_ms\n128,5\n512,2\n")
    code, out, err = tuner(*words)
    assert (code, out) == (2, "")
    assert "gone" in err and 1 <= len(err.splitlines()) <= 2
