"""A store that an earlier version wrote is brought up to date, and keeps what is in it."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from alembic import command

from tuner.records import RunRecord, Sample
from tuner.store import connect, schema
from tuner.store.runs import Store
from tuner.store.tables import VERSION_TABLE


def test_a_store_of_the_first_version_keeps_its_samples_and_takes_new_ones(
    store_path: Path, make_run: Callable[..., RunRecord], make_sample: Callable[..., Sample]
) -> None:
    run, old = make_run(), make_sample(call=1)
    with Store.open(str(store_path)) as store:
        store.start(run)
        store.add(run.run, [old])
    engine = connect.connect(connect.address(f"sqlite:///{store_path}"))
    with connect.transaction(engine, writes=True) as connection:
        command.downgrade(schema._config(connection), "0001")
    with sqlite3.connect(store_path) as raw:
        assert raw.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchall() == [("0001",)]
    new = replace(old, call=2, backoff_ms=120.5)
    with Store.open(str(store_path)) as store:
        store.add(run.run, [new])
        assert list(store.samples(run.run)) == [old, new]
