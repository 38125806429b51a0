"""A store that an earlier version wrote is brought up to date, and keeps what is in it."""

import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

from support.stored import write_as
from tuner.store import connect, tables
from tuner.store.runs import Store
from tuner.store.tables import SCHEMA, VERSION_TABLE, metadata

Make = Callable[..., Any]

HISTORY = sorted(
    each.name[:4] for each in (Path(tables.__file__).parent / "migrations/versions").glob("0*.py")
)

# Opens a store, and says when it begins and when it is done.
OPENER = """
import sys
from tuner.store.runs import Store
print("opening", flush=True)
with Store.open(sys.argv[1]) as store:
    print(len(store.samples(sys.argv[2])), flush=True)
"""


def version(url: str) -> str | None:
    engine = connect.connect(connect.address(url))
    try:
        return tables.version(engine)
    finally:
        engine.dispose()


def test_the_history_is_one_line_that_ends_in_this_version() -> None:
    engine = connect.connect(connect.address("sqlite://"))
    with engine.connect() as connection:
        scripts = ScriptDirectory.from_config(tables.alembic_config(connection))
    assert [each.revision for each in scripts.walk_revisions()][::-1] == HISTORY
    assert scripts.get_heads() == [SCHEMA]


@pytest.mark.parametrize("earlier", HISTORY)
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


def test_the_migrations_make_the_tables_that_the_code_uses(store_url: str) -> None:
    Store.open(store_url).close()
    engine = connect.connect(connect.address(store_url))
    with engine.connect() as connection:
        made = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(made, metadata) == []
    engine.dispose()


def columns_of(url: str) -> dict[str, dict[str, bool]]:
    engine = connect.connect(connect.address(url))
    with engine.connect() as connection:
        found = inspect(connection)
        tables = {
            name: {column["name"]: column["nullable"] for column in found.get_columns(name)}
            for name in found.get_table_names()
        }
    engine.dispose()
    return tables


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
            tables.take_turn(connection)
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
    before = columns_of(store_url)
    upgrade = command.upgrade

    def interrupted(config: Any, revision: str) -> None:
        upgrade(config, revision)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(command, "upgrade", interrupted)
        with pytest.raises(KeyboardInterrupt):
            Store.open(store_url)
    assert (version(store_url), columns_of(store_url)) == ("0001", before)
    with Store.open(store_url) as store:
        assert store.samples(make_run().run) == [make_sample()]
