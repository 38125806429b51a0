"""Everything below .tuner is for its user alone, whichever part of tuner makes it."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from support.factories import a_run
from tuner.aws.applied import held
from tuner.aws.journal import write_new
from tuner.billing.table import price_table, table_to_toml
from tuner.clock import VirtualClock
from tuner.errors import StoreError, TunerError
from tuner.experiment.price_list import save_table
from tuner.report.page import write_page
from tuner.store.connect import make_folder
from tuner.store.runs import Store
from tuner.store.spool import Spool
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


def test_so_is_one_at_the_end_of_a_link(tmp_path: Path) -> None:
    Path("runs.db").symlink_to("other.db")
    with Store.open("runs.db"):
        assert (tmp_path / "other.db").stat().st_mode & 0o777 == 0o600


def test_git_leaves_a_folder_of_ours_alone_that_was_there_before(tmp_path: Path) -> None:
    (tmp_path / ".tuner").mkdir()
    with Store.open(None):
        assert (tmp_path / ".tuner" / ".gitignore").read_text() == "*\n"


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


def spool() -> None:
    Spool("sqlite:///x.db", a_run()).close()


@pytest.mark.parametrize("target", ["theirs", "gone"])
@pytest.mark.parametrize(
    ("link", "write"),
    [
        (".tuner", hold),
        (".tuner", lock_suite),
        (".tuner", spool),
        (".tuner", lambda: save_table(price_table())),
        (".tuner", lambda: Store.open(None).close()),
        (".tuner/runs.db", lambda: Store.open(None).close()),
        (".tuner/applied", hold),
        (".tuner/journal", lambda: os.close(write_new(Path(".tuner/journal/f.json"), b"{}"))),
        (".tuner/spool", spool),
        ("reports", lambda: write_page("page", Path("reports/x.html"))),
    ],
)
def test_no_folder_of_ours_leads_out_by_a_link(
    link: str, write: Callable[[], None], target: str, tmp_path: Path
) -> None:
    (tmp_path / "theirs").mkdir()
    here = tmp_path / "here"
    (here / link).parent.mkdir(parents=True)
    os.chdir(here)
    Path(link).symlink_to(tmp_path / target)
    leaves = r"it leads by a link to .*, outside of this folder"
    with pytest.raises((TunerError, OSError), match=leaves):
        write()
    assert not [*(tmp_path / "theirs").iterdir()] and not (tmp_path / "gone").exists()


def test_a_link_within_the_folder_is_followed() -> None:
    Path("kept").mkdir()
    Path(".tuner").symlink_to("kept")
    Store.open(None).close()
    hold()
    assert Path("kept/runs.db").exists() and Path("kept/applied").is_dir()


def test_a_planted_link_of_a_pages_or_a_tables_name_is_replaced(tmp_path: Path) -> None:
    Path("theirs").write_text(important := table_to_toml(price_table()))
    for name in ("reports/x.html", ".tuner/prices.toml"):
        Path(name).parent.mkdir()
        Path(name).symlink_to(tmp_path / "theirs")
    write_page("page", Path("reports/x.html"))
    assert Path("reports/x.html").read_text() == "page"
    save_table(price_table())
    assert not Path(".tuner/prices.toml").is_symlink()
    assert Path("theirs").read_text() == important


def test_a_link_that_the_user_names_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    Path("pages").symlink_to(tmp_path / "shared")
    Path("last.html").symlink_to(tmp_path / "shared" / "last.html")
    for name in ("pages/a.html", "last.html"):
        write_page("page", Path(name))
    assert Path("last.html").is_symlink()
    assert {path.name for path in (tmp_path / "shared").iterdir()} == {"a.html", "last.html"}


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
