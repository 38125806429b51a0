"""A store that cannot be used says what is wrong and what to do, and nothing is harmed."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tuner.errors import StoreError, UsageError
from tuner.records import RunRecord, RunState, Sample
from tuner.store import connect
from tuner.store.migrations import VERSION_TABLE
from tuner.store.runs import Store

Make = Callable[..., RunRecord]


def test_the_default_store_is_made_on_demand_and_kept_out_of_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TUNER_STORE", raising=False)
    with pytest.raises(StoreError, match="nothing is stored here yet"):
        Store.open(create=False)
    assert not (tmp_path / ".tuner").exists()
    with Store.open() as store:
        assert store.runs() == []
    assert (tmp_path / ".tuner" / "runs.db").exists()
    assert (tmp_path / ".tuner" / ".gitignore").read_text() == "*\n"


def test_the_environment_names_another_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TUNER_STORE", f"sqlite:///{tmp_path}/elsewhere.db")
    Store.open().close()
    assert (tmp_path / "elsewhere.db").exists()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("mysql://host/db", "neither SQLite nor PostgreSQL"),
        ("://", "not a database URL"),
        ("postgresql://host:port/db", "not a database URL"),
        ("postgresql+nodriver://host/db", "nodriver"),
    ],
)
def test_a_name_that_is_no_store_is_bad_usage(name: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        Store.open(name)


def test_a_password_is_never_shown() -> None:
    url = connect.address("postgresql://me:secret@db.example/tuner")
    assert connect.shown(url) == "store postgresql+psycopg://me:***@db.example/tuner"


def test_a_missing_driver_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StoreError, match=r"pip install 'tuner\[postgres\]'"):
        Store.open("postgresql://127.0.0.1:1/db")


def test_a_postgresql_server_that_is_not_there_is_an_error() -> None:
    pytest.importorskip("psycopg", reason="psycopg, the `postgres` extra, is not installed")
    with pytest.raises(StoreError, match="the server refuses connections"):
        Store.open("postgresql://127.0.0.1:1/db")


def test_a_store_of_a_newer_version_is_refused_and_left_alone(store_path: Path) -> None:
    Store.open(str(store_path)).close()
    with sqlite3.connect(store_path) as raw:
        raw.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(StoreError, match="a newer tuner wrote it"):
        Store.open(str(store_path))
    with sqlite3.connect(store_path) as raw:
        assert raw.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchall() == [("9999",)]


def test_the_file_of_another_program_is_refused_and_left_alone(store_path: Path) -> None:
    with sqlite3.connect(store_path) as raw:
        raw.execute("CREATE TABLE bookmarks (url TEXT)")
    with pytest.raises(StoreError, match=r"another program \(tables bookmarks\)"):
        Store.open(str(store_path))
    with sqlite3.connect(store_path) as raw:
        names = raw.execute("SELECT name FROM sqlite_master").fetchall()
    assert names == [("bookmarks",)]


def test_a_file_that_is_no_database_is_refused(store_path: Path) -> None:
    store_path.write_text("Dear diary, " * 100)
    with pytest.raises(StoreError, match="not a SQLite database"):
        Store.open(str(store_path))


def test_a_damaged_file_is_refused(
    file_store: Store, store_path: Path, make_run: Make, make_sample: Callable[..., Sample]
) -> None:
    file_store.start(make_run())
    file_store.add(make_run().run, [make_sample(call=call) for call in range(2000)])
    file_store.close()
    with store_path.open("r+b") as file:
        file.seek(4096 * 5)
        file.write(os.urandom(4096 * 20))
    with pytest.raises(StoreError, match="damaged"), Store.open(str(store_path)) as damaged:
        damaged.samples(damaged.run("last").run)


def test_a_row_that_makes_no_sense_is_an_error_that_names_the_run(
    file_store: Store, store_path: Path, make_run: Make
) -> None:
    file_store.start(make_run())
    with sqlite3.connect(store_path) as raw:
        raw.execute("UPDATE tuner_runs SET facts = '[]'")
    with pytest.raises(StoreError, match=f"run {make_run().run}: it cannot be read"):
        file_store.runs()


@pytest.mark.parametrize(
    "change",
    [
        "outcome = 'weird'",
        "memory_mb = 0",
        "memory_mb = 9223372036854775807",
        "memory_mb = 'x'",
        "duration_ms = 'abc'",
        "duration_ms = 9e999",
    ],
)
def test_a_sample_that_makes_no_sense_is_an_error_of_the_store(
    change: str,
    file_store: Store,
    store_path: Path,
    make_run: Make,
    make_sample: Callable[..., Sample],
) -> None:
    file_store.start(make_run())
    file_store.add(make_run().run, [make_sample()])
    with sqlite3.connect(store_path) as raw:
        raw.execute(f"UPDATE tuner_samples SET {change}")
    with pytest.raises(StoreError, match="makes no sense"):
        file_store.samples(make_run().run)


def test_an_owner_that_makes_no_sense_is_an_error_of_the_store(
    file_store: Store, store_path: Path, make_run: Make
) -> None:
    file_store.start(make_run())
    with sqlite3.connect(store_path) as raw:
        raw.execute("UPDATE tuner_runs SET owner = 'zz{'")
    with pytest.raises(StoreError, match="makes no sense"), Store.open(str(store_path)) as other:
        other.delete(make_run().run)
    with pytest.raises(StoreError, match="makes no sense"):
        file_store.crashed(make_run().run)


def test_a_locked_store_is_an_error_after_a_wait(
    file_store: Store, store_path: Path, make_run: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "LOCK_WAIT_S", 0.1)
    raw = sqlite3.connect(store_path, isolation_level=None)
    raw.execute("BEGIN IMMEDIATE")
    try:
        with Store.open(str(store_path)) as second:
            with pytest.raises(StoreError, match="another program has locked it"):
                second.start(make_run())
            assert second.runs() == []  # reading goes on
    finally:
        raw.close()


def test_on_a_full_disk_a_run_goes_on_and_nothing_is_lost(
    file_store: Store, make_run: Make, make_sample: Callable[..., Sample]
) -> None:
    run, offered = make_run(), [make_sample(call=call) for call in range(3000)]
    file_store.start(run)
    with file_store._engine.connect() as connection:  # the same pooled connection is used below
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
    for first in range(0, 3000, 100):
        file_store.add(run.run, offered[first : first + 100])
    kept = file_store.samples(run.run)
    assert kept == offered[: len(kept)]
    assert len(kept) < 3000
    with file_store._engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    file_store.finish(run.run, RunState.DONE, 1.0)
    assert file_store.samples(run.run) == offered


# Files may not grow at all, as on a full disk, neither the store's nor the one beside it.
NO_ROOM = """
import resource, signal, sys
sys.path.insert(0, sys.argv[1])
from tuner.errors import StoreError
from support.stored import RUN, SAMPLE
from tuner.store.runs import Store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with Store.open("runs.db") as store:
    store.start(RUN)
    store.add(RUN.run, [SAMPLE])
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    try:
        while True:
            store.add(RUN.run, [SAMPLE] * 100)
    except StoreError as error:
        print(error)
"""


def test_where_nothing_can_be_written_the_run_ends_with_both_reasons(
    tmp_path: Path, make_run: Make, make_sample: Callable[..., Sample]
) -> None:
    command = [sys.executable, "-c", NO_ROOM, str(Path(__file__).parents[2])]
    said = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
    )
    reason, fix = said.stdout.splitlines()
    assert reason.startswith("store runs.db: the file may not grow: it is as long as `ulimit -f`")
    assert f"file .tuner/spool/{make_run().run}-1.jsonl: " in reason
    assert fix
    with Store.open(str(tmp_path / "runs.db")) as store:
        assert store.samples(make_run().run)[:1] == [make_sample()]


# Root may write everywhere, so it becomes nobody first, once all that is needed is imported.
READ_ONLY = """
import os, sys
from tuner.errors import StoreError
from tuner.store.runs import Store
Store.open("sqlite://").close()
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    Store.open(sys.argv[1]).close()
except StoreError as error:
    print(error)
"""


@pytest.mark.parametrize("name", ["runs.db", "new/runs.db", "other.db"])
def test_a_folder_without_write_permission_is_an_error(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "locked"
    Store.open(str(folder / "runs.db")).close()
    for each in (tmp_path, *tmp_path.parents[:3]):
        each.chmod(each.stat().st_mode | 0o055)
    folder.chmod(0o555)
    try:
        command = [sys.executable, "-c", READ_ONLY, str(folder / name)]
        said = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    finally:
        folder.chmod(0o755)
    assert said.stderr == ""
    assert said.stdout.startswith(f"store {folder / name}: ")
    assert "Grant write permission, or choose another store" in said.stdout
