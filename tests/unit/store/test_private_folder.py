"""Everything below .tuner is for its user alone, whichever part of tuner makes it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tuner.aws.applied import held
from tuner.aws.journal import write_new
from tuner.clock import VirtualClock
from tuner.store.connect import make_folder
from tuner.store.runs import Store
from tuner.suites.suite import Suite, alone


@pytest.fixture(autouse=True)
def _generous_umask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    before = os.umask(0)
    yield
    os.umask(before)


def hold() -> None:
    with held(Path(".tuner/applied"), "run"):
        pass


def lock_suite() -> None:
    with alone("suite", Suite("s", Path("tuner.toml"), ()), VirtualClock(), lambda _text: None):
        pass


def test_a_store_is_for_its_user_alone_wherever_it_is(tmp_path: Path) -> None:
    with Store.open("runs.db"):
        assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("runs.db*")} == {0o600}


@pytest.mark.parametrize(
    "make",
    [
        lambda: make_folder(Path(".tuner")),
        lambda: os.close(write_new(Path(".tuner/journal/f.json"), b"{}")),
        hold,
        lock_suite,
    ],
    ids=["store", "journal", "applied", "suite"],
)
def test_the_folder_is_closed_to_others(make: Callable[[], None], tmp_path: Path) -> None:
    make()
    assert (tmp_path / ".tuner").stat().st_mode & 0o777 == 0o700
