"""Whole runs of suites, and the runs that were accepted as baselines, beside the runs themselves.

Documents are kept as they were written; what they mean is not known here. Accepting adds a row and
never changes one, so that who accepted what, when and why stays.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Row, Select, insert, select

from tuner.errors import NotFound, StoreError
from tuner.store.plain import dumps, text
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
        if suite is not None:
            wanted = wanted.where(benches.c.suite == suite)
        if environment is not None:
            wanted = wanted.where(benches.c.environment == environment)
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
            raise StoreError(
                f"bench {ref}", f"means {len(found)} of them", "Use more characters of it."
            )
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


def _row(one: StoredBench | BaselineKey | Baseline) -> dict[str, Any]:
    """Return the fields as columns; a key's own are beside the rest."""
    values = {each.name: getattr(one, each.name) for each in fields(one) if each.name != "place"}
    if "document" in values:
        values["document"] = dumps(values["document"])
    texts = {name: text(value) for name, value in values.items() if isinstance(value, str)}
    return {_COLUMNS.get(name, name): value for name, value in (values | texts).items()}


def _read(kind: type[Any], row: Row[Any]) -> dict[str, Any]:
    names = [each.name for each in fields(kind) if each.name not in ("document", "place")]
    return {name: getattr(row, _COLUMNS.get(name, name)) for name in names}


def _of(place: BaselineKey) -> Select[Any]:
    same = [baselines.c[column] == value for column, value in _row(place).items()]
    return select(baselines).where(*same)


def _bench(row: Row[Any]) -> StoredBench:
    return StoredBench(**_read(StoredBench, row), document=json.loads(row.document))


def _baseline(row: Row[Any]) -> Baseline:
    return Baseline(BaselineKey(**_read(BaselineKey, row)), **_read(Baseline, row))
