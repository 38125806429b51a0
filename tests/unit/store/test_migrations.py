"""A store that an earlier version wrote is brought up to date, and keeps what is in it."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect

from support.earlier_stores import VERSIONS
from support.stored import write_as
from tuner.store import connect, migrations
from tuner.store.migrations import SCHEMA, STEPS
from tuner.store.runs import Store
from tuner.store.tables import metadata

Make = Callable[..., Any]

# Opens a store, and says when it begins and when it is done.
OPENER = """
import sys
from tuner.store.runs import Store
from tuner.store.tables import metadata
print("opening", flush=True)
with Store.open(sys.argv[1]) as store:
    print(len(store.samples(sys.argv[2])), flush=True)
"""


def version(url: str) -> str | None:
    engine = connect.connect(connect.address(url))
    try:
        return migrations.version(engine)
    finally:
        engine.dispose()


def test_there_is_a_step_to_each_version_and_an_earlier_store_of_each() -> None:
    assert (VERSIONS[0], *sorted(STEPS)) == VERSIONS
    assert VERSIONS[-1] == SCHEMA


@pytest.mark.parametrize("earlier", VERSIONS)
def test_a_store_of_any_earlier_version_keeps_its_samples(
    store_url: str, make_run: Make, make_sample: Make, earlier: str
) -> None:
    run, old = make_run(), [make_sample(call=call) for call in range(3)]
    write_as(store_url, earlier, run, old)
    assert version(store_url) == earlier
    new = replace(old[0], call=7, backoff_ms=120.5)
    with Store.open(store_url) as store:
        store.add(run.run, [new])
        assert store.samples(run.run) == [*old, new]
        assert store.run("last") == run
    assert version(store_url) == SCHEMA


def shape_of(url: str) -> dict[str, Any]:
    """Every table with its columns, keys, constraints and indexes."""
    engine = connect.connect(connect.address(url))
    with engine.connect() as connection:
        found = inspect(connection)
        shapes = {
            name: (
                sorted(
                    (each["name"], str(each["type"]), each["nullable"], str(each["default"]))
                    for each in found.get_columns(name)
                ),
                found.get_pk_constraint(name)["constrained_columns"],
                found.get_foreign_keys(name),
                found.get_unique_constraints(name),
                found.get_indexes(name),
            )
            for name in found.get_table_names()
        }
    engine.dispose()
    return shapes


@pytest.mark.parametrize("earlier", VERSIONS)
def test_an_earlier_store_ends_in_the_tables_of_a_new_one(
    store_url: str, tmp_path: Path, make_run: Make, earlier: str
) -> None:
    write_as(store_url, earlier, make_run(), [])
    Store.open(store_url).close()
    upgraded = shape_of(store_url)
    if store_url.startswith("postgresql"):
        engine = connect.connect(connect.address(store_url))
        with engine.begin() as connection:
            metadata.drop_all(connection)
            connection.exec_driver_sql(f"DROP TABLE {migrations.VERSION_TABLE}")
        engine.dispose()
        new = store_url
    else:
        new = str(tmp_path / "new.db")
    Store.open(new).close()
    assert upgraded == shape_of(new)


def test_while_one_process_migrates_a_second_one_waits(
    store_url: str, make_run: Make, make_sample: Make
) -> None:
    run = make_run()
    write_as(store_url, "0001", run, [make_sample()])
    engine = connect.connect(connect.address(store_url))
    children = []
    try:
        # This process has taken the lock that whoever migrates takes.
        with connect.transaction(engine, writes=True) as connection:
            migrations.take_turn(connection)
            for _ in range(2):
                words = [sys.executable, "-c", OPENER, store_url, run.run]
                children.append(subprocess.Popen(words, stdout=subprocess.PIPE, text=True))
            for child in children:
                assert child.stdout is not None
                assert child.stdout.readline() == "opening\n"
            time.sleep(0.5)
            assert [child.poll() for child in children] == [None, None]
    finally:
        said = [child.communicate(timeout=60)[0] for child in children]
        engine.dispose()
    assert said == ["1\n", "1\n"]
    assert version(store_url) == SCHEMA


def test_a_migration_that_fails_leaves_the_store_as_it_was(
    store_url: str, make_run: Make, make_sample: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_as(store_url, "0001", make_run(), [make_sample()])
    before = shape_of(store_url)
    settings = STEPS["0004"]

    def interrupted(connection: Any) -> None:
        settings(connection)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "STEPS", {**STEPS, "0004": interrupted})
        with pytest.raises(KeyboardInterrupt):
            Store.open(store_url)
    assert (version(store_url), shape_of(store_url)) == ("0001", before)
    with Store.open(store_url) as store:
        assert store.samples(make_run().run) == [make_sample()]
