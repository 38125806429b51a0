"""Bringing a database to the tables of this version, and refusing what is not ours.

A new store gets the tables as they are; an older one each step since its version, in one
transaction. A step has to do what it did when it was written, whatever the tables become later;
so it adds a column only where it lacks. To change the schema: the tables, ``SCHEMA``, a step, and
the store of the version before in ``tests/support/earlier_stores.py``.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress

from sqlalchemy import Column, Connection, Engine, inspect, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.schema import CreateColumn

from tuner.errors import StoreError
from tuner.store.connect import transaction
from tuner.store.earlier import bring_up
from tuner.store.tables import baselines, benches, metadata, samples

#: The version of the tables.
SCHEMA = "0004"

#: Its own name, as the database may be shared with a program that keeps a version as well.
VERSION_TABLE = "tuner_schema"

#: How long to wait for another process that migrates a store with many samples, seconds.
_WAIT_S = 60.0

# Any number will do, as long as every tuner takes the same one.
_POSTGRES_LOCK = 7_478_657_220


def ensure(engine: Engine, where: str) -> None:
    """Create or upgrade the tables. Raises :class:`StoreError` for a newer or foreign store.

    A store that is up to date costs one small query. Two processes that open a new store at once
    take turns.
    """
    if version(engine) == SCHEMA:
        return
    with transaction(engine, writes=True, wait_s=_WAIT_S) as connection:
        take_turn(connection)
        _upgrade(connection, where)


def take_turn(connection: Connection) -> None:
    """Wait until no other process migrates; who may write an SQLite file has its turn already."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_POSTGRES_LOCK})"))


def version(engine: Engine) -> str | None:
    """Read the schema version of a database; ``None`` if it has none."""
    with engine.connect() as connection, suppress(OperationalError, ProgrammingError):
        return _version(connection)
    return None


def _version(connection: Connection) -> str | None:
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
    return None if found is None else str(found)


def _upgrade(connection: Connection, where: str) -> None:
    found = _version(connection) if inspect(connection).has_table(VERSION_TABLE) else None
    if found is None:
        _refuse_foreign(connection, where)
        metadata.create_all(connection)
        columns = "(version_num VARCHAR(32) NOT NULL PRIMARY KEY)"
        connection.execute(text(f"CREATE TABLE IF NOT EXISTS {VERSION_TABLE} {columns}"))
    elif found not in ("0001", *STEPS):
        reason = f"a newer tuner wrote it (schema {found}; this one knows up to {SCHEMA})"
        raise StoreError(where, reason, "Upgrade with: pip install --upgrade tuner")
    else:
        for to, step in sorted(STEPS.items()):
            if to > found:
                step(connection)
    connection.execute(text(f"DELETE FROM {VERSION_TABLE}"))
    connection.execute(text(f"INSERT INTO {VERSION_TABLE} VALUES (:now)"), {"now": SCHEMA})


def _refuse_foreign(connection: Connection, where: str) -> None:
    """A PostgreSQL database may be shared, a file is one program's; our names must be free."""
    present = set(inspect(connection).get_table_names()) - {VERSION_TABLE}
    clash = present & set(metadata.tables)
    if not clash and (not present or connection.dialect.name == "postgresql"):
        return
    named = ", ".join(sorted(clash or present)[:3])
    reason = f"it belongs to another program (tables {named})"
    raise StoreError(where, reason, "Choose another file or database with --store.")


def _waits(connection: Connection) -> None:
    """Add how long a call waited before it was sent again."""
    _add(connection, samples.c.backoff_ms)


def _suites(connection: Connection) -> None:
    """Add runs of suites, and the runs that were accepted as baselines."""
    metadata.create_all(connection, tables=[benches, baselines])


def _settings(connection: Connection) -> None:
    """Add the words of failures, and the rest of a sample's Setting, filled with what documents
    said of call numbers."""
    own = samples.c
    _add(connection, own.start, own.code, own.load, own.payload_class, own.message, own.log_tail)
    bring_up(connection)


#: How a store of the version before gets to each version.
STEPS: Mapping[str, Callable[[Connection], None]] = {
    "0002": _waits,
    "0003": _suites,
    "0004": _settings,
}


def _add(connection: Connection, *columns: Column[object]) -> None:
    for column in columns:
        table = column.table.name
        if column.name not in {each["name"] for each in inspect(connection).get_columns(table)}:
            made = CreateColumn(column).compile(dialect=connection.dialect)
            connection.execute(text(f"ALTER TABLE {table} ADD COLUMN {made}"))
