"""Runs are copied from one store into another, whatever the two are."""

import os
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tuner.api.stored import copied as copied_by_command
from tuner.errors import StoreError
from tuner.options.manage import RunsCopy
from tuner.records import RunState
from tuner.store import copying
from tuner.store.benches import Baseline, BaselineKey, Benches, StoredBench
from tuner.store.copying import copy_runs
from tuner.store.runs import Store

Make = Callable[..., Any]


@pytest.fixture(params=["sqlite", "postgresql"])
def other_url(request: pytest.FixtureRequest, tmp_path: Path, postgres: Any) -> Any:
    """A second empty place, once of each kind."""
    if request.param == "sqlite":
        yield str(tmp_path / "other.db")
        return
    url = postgres.database()
    yield url
    postgres.drop(url)


@pytest.fixture(autouse=True)
def _small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_AT_ONCE", 100)


def fill(store: Store, make_run: Make, make_sample: Make, number: int = 3) -> None:
    """Finished runs with samples, documents and text that no database takes as it is."""
    for n in range(number):
        run = make_run(run=f"01JA{n}", started_at=1e9 + n, target="naïve \0 name")
        store.start(run)
        store.add(run.run, [make_sample(call=call, reason="\ud800") for call in range(n * 250)])
        store.save_document(run.run, "sweep", {"sizes": [128], "text": "\0"})
        store.finish(run.run, RunState.DONE, 2e9, note=f"run {n}")


def test_all_runs_arrive_as_they_are_and_a_second_copy_adds_nothing(
    store: Store, other_url: str, make_run: Make, make_sample: Make
) -> None:
    fill(store, make_run, make_sample)
    with Store.open(other_url) as other:
        copied = copy_runs(store, other)
        assert (copied.runs, copied.samples) == (["01JA0", "01JA1", "01JA2"], 750)
        assert [run.run for run in other.runs()] == [run.run for run in store.runs()]
        for run in ("01JA0", "01JA1", "01JA2"):
            assert other.stored(run) == store.stored(run)
        again = copy_runs(store, other)
        assert (again.runs, again.there_already) == ([], copied.runs)


def test_only_the_runs_that_are_named_are_copied(
    store: Store, tmp_path: Path, make_run: Make, make_sample: Make
) -> None:
    fill(store, make_run, make_sample)
    with Store.open(str(tmp_path / "other.db")) as other:
        assert copy_runs(store, other, ["01JA1"]).runs == ["01JA1"]
        assert [run.run for run in other.runs()] == ["01JA1"]


def test_a_run_that_is_being_written_is_left_and_named(
    store: Store, tmp_path: Path, make_run: Make
) -> None:
    store.start(make_run())
    with Store.open(str(tmp_path / "other.db")) as other:
        copied = copy_runs(store, other)
        assert (copied.runs, other.runs()) == ([], [])
    [left] = copied.left
    assert left.thing == f"run {make_run().run}"
    assert f"process {os.getpid()} on" in left.reason
    assert "still writing it" in left.reason


def test_from_a_damaged_file_the_runs_that_can_be_read_are_saved(
    file_store: Store, store_path: Path, tmp_path: Path, make_run: Make, make_sample: Make
) -> None:
    fill(file_store, make_run, make_sample)
    file_store.close()
    damage(store_path, "tuner_samples")
    with Store.open(str(store_path)) as damaged, Store.open(str(tmp_path / "new.db")) as new:
        copied = copy_runs(damaged, new)
        assert copied.runs == ["01JA0", "01JA1"]
        assert [(each.thing, each.reason) for each in copied.left] == [
            ("run 01JA2", "the file is damaged")
        ]
        assert len(new.samples("01JA1")) == 250
    copied, _ = copied_by_command(RunsCopy(store=str(store_path), to=str(tmp_path / "third.db")))
    assert "runs copy" not in str(copied.left[0])  # that is what is being done


def damage(path: Path, table: str) -> None:
    """Overwrite the last page of a table."""
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        [[last]] = raw.execute("SELECT max(pageno) FROM dbstat WHERE name = ?", (table,))
        [[size]] = raw.execute("PRAGMA page_size")
    with path.open("r+b") as file:
        file.seek((last - 1) * size)
        file.write(os.urandom(size))


def test_where_the_list_of_runs_is_damaged_they_are_read_one_by_one(
    file_store: Store, store_path: Path, tmp_path: Path, make_run: Make, make_sample: Make
) -> None:
    for n in range(40):
        run = make_run(run=f"01JA{n:02}", started_at=1e9 + n)
        file_store.start(run)
        file_store.add(run.run, [make_sample(call=1)])
        file_store.finish(run.run, RunState.DONE, 2e9)
    file_store.close()
    damage(store_path, "tuner_runs")
    where = RunsCopy(store=str(store_path), to=str(tmp_path / "new.db"))
    copied, _ = copied_by_command(where)
    assert len(copied.runs) + len(copied.left) == 40
    assert copied.runs and copied.runs[0] == "01JA00" and copied.samples == len(copied.runs)
    assert {str(each.fix) for each in copied.left} == {"What could be read is copied."}
    with pytest.raises(StoreError, match="restore it from a backup"):
        copied_by_command(where.but(run=("01JA00", "01JA39")))


def test_a_target_that_refuses_ends_it_and_keeps_what_has_arrived_whole(
    store: Store, tmp_path: Path, make_run: Make, make_sample: Make
) -> None:
    fill(store, make_run, make_sample)
    with Store.open(str(tmp_path / "small.db")) as small:
        with small._engine.connect() as connection:  # the same pooled connection is used below
            connection.exec_driver_sql("PRAGMA max_page_count = 20")
        with pytest.raises(StoreError, match=r"small\.db: the disk is full"):
            copy_runs(store, small)
        arrived = [run.run for run in small.runs()]
        assert "01JA2" not in arrived
        assert all(small.stored(run) == store.stored(run) for run in arrived)


def test_a_run_that_crashed_belongs_to_nobody_in_the_other_store(
    file_store: Store, store_path: Path, tmp_path: Path, make_run: Make
) -> None:
    file_store.start(make_run())
    with sqlite3.connect(store_path) as raw:
        raw.execute("UPDATE tuner_runs SET owner = json_set(owner, '$.pid', 1, '$.boot', 'gone')")
    with Store.open(str(tmp_path / "other.db")) as other:
        assert copy_runs(file_store, other).runs == [make_run().run]
        assert other.crashed(make_run().run)
        assert other.run("last") == replace(make_run(), state=RunState.RUNNING)


def test_benches_and_baselines_go_with_all_runs_and_are_there_once(
    store: Store, other_url: str
) -> None:
    place = BaselineKey("nightly", "checkout", "prod", "main")
    bench = StoredBench("01B", "nightly", "prod", "main", "abc", 1.0, 2.0, "same", {"a": [1.5]})
    accepted = Baseline(place, "01JA0", None, "abc", 5.0, "ada", None)
    Benches(store).save(bench)
    Benches(store).accept([accepted])
    with Store.open(other_url) as other:
        for _ in range(2):
            copy_runs(store, other)
            assert Benches(other).all() == [bench]
            assert Benches(other).baselines("nightly") == [accepted]
