"""Runs from one store into another, whatever the two are; each arrives whole or not at all.

Rows are handed on as they are, some thousands at a time, so a run of any size fits into memory.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, Table, insert, select

from tuner.errors import StoreError
from tuner.store import queries
from tuner.store.failure import RESCUE, translated
from tuner.store.runs import Store
from tuner.store.tables import baselines, benches, documents, runs, samples

_AT_ONCE = 5000


@dataclass
class Copied:
    """Result of copying: ids of runs, their samples, and what was left with the reason."""

    runs: list[str] = field(default_factory=list)
    samples: int = 0
    there_already: list[str] = field(default_factory=list)
    left: list[StoreError] = field(default_factory=list)


def copy_runs(source: Store, target: Store, wanted: Sequence[str] | None = None) -> Copied:
    """Copy runs (whole ids; all of them by default) that the target has not, the oldest first.

    With all of them go the benches and baselines that tell of them. A run that cannot be read, or
    is still being written, is left. Raises :class:`StoreError` when the target refuses, or nothing
    can be read.
    """
    copied = Copied()
    for row in _rows(source, copied.left):
        if wanted is not None and row.run not in wanted:
            continue
        try:
            number = _copy(source, target, row)
        except _SourceError as error:
            copied.left.append(StoreError(f"run {row.run}", error.reason, _next_step(error)))
            continue
        if number is None:
            copied.there_already.append(row.run)
        else:
            copied.runs.append(row.run)
            copied.samples += number
    if wanted is None:
        for table in (benches, baselines):
            try:
                _copy_beside(source, target, table)
            except _SourceError as error:
                copied.left.append(StoreError(table.name, error.reason, _next_step(error)))
    return copied


def _rows(source: Store, left: list[StoreError]) -> list[Row[Any]]:
    """The runs of the source, the oldest first; one by one where its file is damaged."""
    try:
        with source.connection() as reading:
            return list(queries.run_rows(reading, None, None))[::-1]
    except StoreError as error:
        if error.fix != RESCUE:
            raise
    with source.connection() as reading:
        # With this condition SQLite reads the index, which is not where the rows are.
        keys = sorted(reading.scalars(select(runs.c.id).where(runs.c.run > "")))
    found = []
    for key in keys:
        try:
            with source.connection() as reading:
                found += list(reading.execute(select(runs).where(runs.c.id == key)))
        except StoreError as error:
            left.append(StoreError(f"run number {key}", error.reason, _next_step(error)))
    return found


def _next_step(error: StoreError) -> str:
    """What to do about a run that is left; it is being rescued already."""
    return "What could be read is copied." if error.fix == RESCUE else error.fix


def _copy_beside(source: Store, target: Store, table: Table) -> None:
    """Copy the rows of a table that tells of runs by their ids, those that the target has not."""
    columns = [column for column in table.columns if column.name != "id"]
    wanted = select(*columns).order_by(table.c.id)
    with source.connection() as reading, target.connection(writes=True) as writing:
        there = {tuple(row) for row in writing.execute(wanted)}
        with _of_source(source.where):
            new = [row for row in reading.execute(wanted) if tuple(row) not in there]
        if new:
            writing.execute(insert(table), [dict(row._mapping) for row in new])


class _SourceError(StoreError):
    """The source, rather than the target, refuses."""


def _copy(source: Store, target: Store, row: Row[Any]) -> int | None:
    """Copy one run; how many samples it has, or ``None`` if the target has it already."""
    owner = queries.owner_of(row)
    if owner is not None and not owner.gone():
        fix = "Copy it once it has finished."
        raise _SourceError("", f"process {owner.pid} on {owner.host} is still writing it", fix)
    with source.connection() as reading, target.connection(writes=True) as writing:
        if writing.scalar(select(runs.c.id).where(runs.c.run == row.run)) is not None:
            return None
        values = {name: value for name, value in row._mapping.items() if name != "id"}
        added = writing.execute(insert(runs).values(values | {"owner": None}).returning(runs.c.id))
        key, number = int(added.scalar_one()), 0
        for table in (samples, documents):
            for chunk in _chunks(reading, table, row.id, source.where):
                writing.execute(insert(table), [each | {"run_id": key} for each in chunk])
                number += len(chunk) if table is samples else 0
    return number


def _chunks(
    connection: Connection, table: Any, key: int, where: str
) -> Iterator[list[dict[str, Any]]]:
    """The rows of a run by column, without the key of their own, some thousands at a time."""
    columns = [column for column in table.columns if column.name != "id"]
    wanted = select(*columns).where(table.c.run_id == key).order_by(*table.primary_key.columns)
    with _of_source(where):
        found = connection.execute(wanted.execution_options(yield_per=_AT_ONCE))
        for part in found.mappings().partitions():
            yield [dict(row) for row in part]


@contextmanager
def _of_source(where: str) -> Iterator[None]:
    """Say of the errors inside that the source refuses."""
    try:
        with translated(where):
            yield
    except StoreError as error:
        raise _SourceError(error.thing, error.reason, error.fix) from error
