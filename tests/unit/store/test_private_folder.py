"""Everything below .tuner is for its user alone, whichever part of tuner makes it."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tuner.aws.applied import held
from tuner.aws.journal import write_new
from tuner.clock import VirtualClock
from tuner.errors import StoreError, TunerError
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


@pytest.mark.parametrize("link", [os.symlink, os.link], ids=["symbolic", "hard"])
@pytest.mark.parametrize(
    ("file", "write"),
    [
        (".tuner/applied/run.lock", hold),
        (".tuner/bench-*.lock", lock_suite),
        (".tuner/journal/f.new", lambda: os.close(write_new(Path(".tuner/journal/f.json"), b"{}"))),
    ],
    ids=["applied", "suite", "journal"],
)
def test_nothing_is_written_through_a_planted_link(
    file: str, write: Callable[[], None], link: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    write()  # to know its name
    (tmp_path / "theirs").write_text("important")
    path = next(tmp_path.glob(file), tmp_path / file)
    path.unlink(missing_ok=True)
    link(tmp_path / "theirs", path)
    with suppress(TunerError):
        write()
    assert (tmp_path / "theirs").read_text() == "important"


@pytest.mark.parametrize("beside", ["runs.db-wal", "runs.db-shm", "runs.db-journal"])
def test_a_link_beside_a_store_is_not_written_through(beside: str, tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("important")
    (tmp_path / beside).symlink_to(tmp_path / "theirs")
    with pytest.raises(StoreError, match=f"{beside} beside it is a link"), Store.open("runs.db"):
        pass
    assert (tmp_path / "theirs").read_text() == "important"


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
