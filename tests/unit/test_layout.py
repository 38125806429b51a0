"""The folders of the unit tests are the rooms, so that a test is found where its subject is."""

from pathlib import Path

HERE = Path(__file__).parent
ROOMS = HERE.parents[1] / "tuner"


def test_unit_tests_mirror_the_rooms() -> None:
    rooms = {room.parent.name for room in ROOMS.glob("*/__init__.py")}
    assert {folder.name for folder in HERE.iterdir() if any(folder.rglob("test_*.py"))} == rooms
