"""Tests are found where their subject is, and their names can be read."""

import re
from pathlib import Path

HERE = Path(__file__).parent
ROOMS = HERE.parents[1] / "tuner"


def test_unit_tests_mirror_the_rooms() -> None:
    rooms = {room.parent.name for room in ROOMS.glob("*/__init__.py")}
    assert {folder.name for folder in HERE.iterdir() if any(folder.rglob("test_*.py"))} == rooms


def test_names_of_tests_are_sentences_that_fit_a_line() -> None:
    files = HERE.parent.rglob("test_*.py")
    names = [name for file in files for name in re.findall(r"def test_(\w+)", file.read_text())]
    assert [name for name in names if len(name) > 70] == []
