"""Bringing stores and files of earlier versions to the form of this one, and refusing strangers.

A new store gets the tables as they are; an older one each step since its version, in one
transaction. A step has to do what it did when it was written, whatever the tables become later;
so it adds a column only where it lacks. To change the schema: the tables, ``SCHEMA``, a step, and
the store of the version before in ``tests/support/earlier_stores.py``.

Before samples had Settings, documents said by numbers of calls (``frames`` of ``size-loads`` and
``startups``) which were under a load, or started how. Here, and nowhere else, that becomes the
Settings of samples and documents as they are now: for good when a store is migrated or a file
delivered, and on the fly when an exported run is read.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Column, Connection, Engine, inspect, select, text, update
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.schema import CreateColumn

from tuner.errors import StoreError
from tuner.records import Purpose, Sample
from tuner.store.connect import transaction
from tuner.store.documents import LOADS, STARTUPS
from tuner.store.plain import dumps
from tuner.store.tables import baselines, benches, documents, metadata, runs, samples

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


Documents = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class _Frame:
    """Calls from ``first`` up to ``last`` have this value in a field of their Setting; of a load,
    only those of its size. ``facts`` are what else is known of them."""

    field: str
    value: str
    first: int
    last: int
    load_of_mb: int | None
    facts: Mapping[str, Any]

    def changed(self, sample: Sample) -> Sample:
        """The sample as it is now."""
        of_load = sample.purpose is Purpose.LOAD and sample.memory_mb == self.load_of_mb
        if not self.first <= sample.call <= self.last or not (self.load_of_mb is None or of_load):
            return sample
        values: Any = {self.field: self.value}
        return replace(sample, setting=sample.setting._replace(**values))


def brought_up(
    stored: Sequence[Sample], of_run: Documents, arch: str
) -> tuple[tuple[Sample, ...], dict[str, Mapping[str, Any]]]:
    """Samples and documents of a run as they are now; ``arch`` is that of its function."""
    new = dict(of_run)
    for name in (LOADS, STARTUPS):
        frames, new_body = _read(name, of_run.get(name, {}), arch)
        if new_body is not None:
            new[name] = new_body
        for frame in frames:
            stored = [frame.changed(sample) for sample in stored]
    return tuple(stored), new


def bring_up(connection: Connection, key: int | None = None) -> None:
    """Change one run in the database, or every one that was stored so."""
    wanted = select(documents.c.run_id, documents.c.name, documents.c.body, runs.c.facts)
    wanted = wanted.join(runs, runs.c.id == documents.c.run_id)
    wanted = wanted.where(documents.c.name.in_([LOADS, STARTUPS]))
    if key is not None:
        wanted = wanted.where(documents.c.run_id == key)
    for run_id, name, body, facts in connection.execute(wanted).all():
        frames, new_body = _read(name, _object(body), str(_object(facts).get("arch", "x86_64")))
        for frame in frames:
            its = (samples.c.run_id == run_id) & samples.c.call.between(frame.first, frame.last)
            if frame.load_of_mb is not None:
                its &= samples.c.purpose == str(Purpose.LOAD)
                its &= samples.c.memory_mb == frame.load_of_mb
            values = {frame.field: frame.value}
            connection.execute(update(samples).where(its).values(values))
        if new_body is not None:
            its = (documents.c.run_id == run_id) & (documents.c.name == name)
            connection.execute(update(documents).where(its).values(body=dumps(new_body)))


def _read(
    name: str, body: Mapping[str, Any], arch: str
) -> tuple[list[_Frame], dict[str, Any] | None]:
    """What a document's frames say of samples, and the document without them, if it has any."""
    if not isinstance(body.get("frames"), list):
        return [], None
    try:
        frames = [_frame(name, frame, body) for frame in body["frames"]]
    except (KeyError, TypeError, ValueError):
        return [], None
    each = [{**one.facts, "arch": arch, one.field: one.value} for one in frames]
    return frames, {**_without(body, "frames"), "each": each}


def _frame(name: str, frame: Mapping[str, Any], body: Mapping[str, Any]) -> _Frame:
    first = int(frame["first_call"])
    last = first + int(frame["numbers"]) - 1
    if name == LOADS:
        facts = _without(frame, "first_call", "numbers")
        load = str(body["asked"]["profile"])
        return _Frame("load", load, first, last, int(frame["memory_mb"]), facts)
    facts = _without(frame, "first_call", "numbers", "variant")
    return _Frame("start", str(frame["variant"]), first, last, None, facts)


def _without(values: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


def _object(body: str) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
