"""Words that no command takes are told in two lines, as every other error is."""

import os
from pathlib import Path

import pytest

from support.commands import Run


@pytest.mark.parametrize(
    ("words", "said", "fix"),
    [
        ("sweep demo:cpu --memory", "--memory: needs a value", "`tuner sweep -h`"),
        ("sweep demo:cpu --yes=1", "--yes: takes no value", "`tuner sweep -h`"),
        ("sweep demo:cpu --samples x", "--samples: is not a whole number", "`tuner sweep -h`"),
        ("sweep demo:cpu --samples nan", "--samples: is not a whole number", "`tuner sweep -h`"),
        ("sweep demo:cpu --worth x", "--worth: is not a number", "`tuner sweep -h`"),
        ("sweep demo:cpu --worth inf", "--worth inf: is not a number", "Write it like 0.5."),
        ("sweep demo:cpu --samples 9999999999", "--samples 9999999999: is too large", "at most"),
        ("sweep demo:cpu --memroy 5", "--memroy: is no option of `tuner sweep`", "--memory"),
        ("sweep a b", "sweep: got unexpected extra argument", "`tuner sweep -h`"),
        ("compare a", "compare: lacks B", "`tuner compare -h`"),
        (
            "runs show a --bogus",
            "--bogus: is no option of `tuner runs show`",
            "`tuner runs show -h`",
        ),
        ("runs bogus", "runs: no such command 'bogus'", "`tuner runs -h`"),
        ("bogus", "no such command 'bogus'", "`tuner -h`"),
    ],
)
def test_a_word_that_is_not_taken_is_told_in_two_lines(
    tuner: Run, words: str, said: str, fix: str
) -> None:
    code, out, err = tuner(*words.split())
    first, second = err.splitlines()
    assert (code, out) == (2, "")
    assert first.startswith(f"tuner: {said}") and fix in second


def test_a_working_directory_that_was_deleted_is_told(tuner: Run, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    os.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    for words in (("prices",), ("sweep", "demo:cpu"), ("runs",)):
        assert tuner(*words) == (
            2,
            "",
            "tuner: the working directory: was deleted\n"
            "Change to a folder that exists, such as by `cd`.\n",
        )
    assert tuner("prices", "--help")[0] == 0
