"""Whole runs of suites, and the runs that were accepted as baselines, beside the runs themselves.

Documents are kept as they were written; what they mean is not known here. Accepting adds a row and
never changes one, so that who accepted what, when and why stays.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, insert, select

from tuner.errors import NotFound, StoreError
from tuner.store.plain import columns, record
from tuner.store.runs import Store
from tuner.store.tables import baselines, benches


@dataclass(frozen=True)
class StoredBench:
    """One run of a suite. Times are seconds since the epoch; "" where there is none."""

    bench: str
    suite: str
    environment: str
    branch: str
    commit: str
    started_at: float
    finished_at: float
    verdict: str | None
    document: Mapping[str, Any]


@dataclass(frozen=True)
class BaselineKey:
    """Key of a baseline: a case of a suite, in an environment, on a branch."""

    suite: str
    case: str
    environment: str
    branch: str


@dataclass(frozen=True)
class Baseline:
    """A run that was accepted: by whom, when (seconds since the epoch) and why."""

    place: BaselineKey
    run: str
    control_run: str | None
    commit: str
    accepted_at: float
    accepted_by: str
    why: str | None = None


class Benches:
    """The benches and baselines of an open store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def save(self, bench: StoredBench) -> None:
        """Keep a run of a suite. Raises StoreError if its id is taken."""
        with self._store.connection(writes=True) as connection:
            taken = select(benches.c.id).where(benches.c.bench == bench.bench)
            if connection.scalar(taken) is not None:
                raise StoreError(f"bench {bench.bench}", "already in this store")
            connection.execute(insert(benches).values(_row(bench)))

    def all(
        self, suite: str | None = None, environment: str | None = None, limit: int | None = None
    ) -> list[StoredBench]:
        """Runs of suites, the newest first."""
        wanted = select(benches).order_by(benches.c.started_at.desc(), benches.c.id.desc())
        for column, only in ((benches.c.suite, suite), (benches.c.environment, environment)):
            wanted = wanted if only is None else wanted.where(column == only)
        with self._store.connection() as connection:
            return [_bench(row) for row in connection.execute(wanted.limit(limit))]

    def find(self, ref: str, suite: str | None = None) -> StoredBench:
        """Find one by id, by a unique prefix of one (any case), or as ``last`` (of this suite)."""
        known = self.all(suite)
        if ref == "last":
            found = known[:1]
        else:
            found = [b for b in known if ref and b.bench.startswith(ref.upper())]
        if len(found) > 1:
            reason = f"means {len(found)} of them"
            raise StoreError(f"bench {ref}", reason, "Use more characters of it.")
        if not found:
            raise NotFound(f"bench {ref}", "there is none in this store", "Run `tuner bench`.")
        return found[0]

    def accept(self, accepted: list[Baseline]) -> None:
        """Make these the baselines, all or none."""
        rows = [_row(one.place) | _row(one) for one in accepted]
        if rows:
            with self._store.connection(writes=True) as connection:
                connection.execute(insert(baselines), rows)

    def baseline(self, place: BaselineKey) -> Baseline | None:
        """Return the last acceptance for exactly this place."""
        wanted = _of(place).order_by(baselines.c.id.desc()).limit(1)
        with self._store.connection() as connection:
            row = connection.execute(wanted).first()
        return None if row is None else _baseline(row)

    def baselines(self, suite: str | None = None) -> list[Baseline]:
        """Every acceptance, the newest first."""
        wanted = select(baselines).order_by(baselines.c.id.desc())
        if suite is not None:
            wanted = wanted.where(baselines.c.suite == suite)
        with self._store.connection() as connection:
            return [_baseline(row) for row in connection.execute(wanted)]


#: Fields whose columns have other names, since these are words of SQL.
_COLUMNS = {"commit": "commit_id", "case": "case_name"}


def _row(one: object) -> dict[str, Any]:
    """The fields as columns; a key's own are beside the rest."""
    values = {name: value for name, value in columns(one).items() if name != "place"}
    return {_COLUMNS.get(name, name): value for name, value in values.items()}


def _fields(row: Row[Any]) -> dict[str, Any]:
    names = {column: name for name, column in _COLUMNS.items()}
    return {names.get(column, column): value for column, value in row._mapping.items()}


def _of(place: BaselineKey) -> Select[Any]:
    same = [baselines.c[column] == value for column, value in _row(place).items()]
    return select(baselines).where(*same)


def _bench(row: Row[Any]) -> StoredBench:
    with _readable(f"bench {row.bench}"):
        return record(StoredBench, {**_fields(row), "document": json.loads(row.document)})


def _baseline(row: Row[Any]) -> Baseline:
    with _readable(f"baseline of {row.suite}, {row.case_name}"):
        return record(Baseline, {**_fields(row), "place": _fields(row)})


@contextmanager
def _readable(what: str) -> Iterator[None]:
    """Raise :class:`StoreError` if the row of this makes no sense."""
    try:
        yield
    except (ValueError, TypeError) as error:
        fix = "Take another store, or restore this one."
        raise StoreError(what, f"it cannot be read: {error}", fix) from error
