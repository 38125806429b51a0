"""Writes of a run into a store, one kind each: done now, or written down and done later.

Done later, an entry may have been done already (a connection can break after the server has
committed and before it says so), so ``again`` leaves alone what is there.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from tuner.records import Advice, RunState, Sample
from tuner.store import queries
from tuner.store.plain import REPORTED, dumps, record, text
from tuner.store.queries import PRIME, Choice
from tuner.store.tables import samples

#: Numbers of a call and of its attempt, and when it was due: no two samples of a run share them.
Numbers = set[tuple[int, int, float]]


def numbers_there(connection: Connection, key: int, entries: Iterable["Entry"]) -> Numbers:
    """The numbers of a run's samples that are there, from the first call of these entries on."""
    calls = (s.call for each in entries if isinstance(each, Samples) for s in each.samples)
    which = (samples.c.run_id == key) & (samples.c.call >= min(calls, default=0))
    wanted = select(samples.c.call, samples.c.attempt, samples.c.due_s).where(which)
    return {(call, attempt, due_s) for call, attempt, due_s in connection.execute(wanted)}


@dataclass(frozen=True)
class Entry:
    """Something to be written of a run, whose key the store knows."""

    def do(self, connection: Connection, key: int) -> int:
        """Write it; how many rows that concerned."""
        raise NotImplementedError

    def again(self, connection: Connection, key: int, there: Numbers) -> int:
        """Write it unless it is there; ``there`` are the samples that are, and grows."""
        return self.do(connection, key)


@dataclass(frozen=True)
class Samples(Entry):
    """Samples that have arrived."""

    samples: tuple[Sample, ...]

    def do(self, connection: Connection, key: int) -> int:
        queries.insert_samples(connection, key, self.samples)
        return len(self.samples)

    def again(self, connection: Connection, key: int, there: Numbers) -> int:
        new = [s for s in self.samples if (s.call, s.attempt, s.due_s) not in there]
        there.update((s.call, s.attempt, s.due_s) for s in new)
        queries.insert_samples(connection, key, new)
        return len(self.samples)


@dataclass(frozen=True)
class Reports(Entry):
    """The figures of REPORT on samples that are there without them."""

    samples: tuple[Sample, ...]

    def do(self, connection: Connection, key: int) -> int:
        which = (samples.c.run_id == key) & (samples.c.call == bindparam("its_call"))
        statement = update(samples).where(which & (samples.c.attempt == bindparam("its_attempt")))
        rows = [
            {"its_call": one.call, "its_attempt": one.attempt}
            | {name: getattr(one, name) for name in REPORTED}
            for one in self.samples
        ]
        if rows:
            values: dict[str, Any] = {name: bindparam(name) for name in REPORTED}
            connection.execute(statement.values(values), rows)
        return len(rows)


@dataclass(frozen=True)
class Kept(Entry):
    """Samples of all other calls are removed."""

    choice: Choice

    def do(self, connection: Connection, key: int) -> int:
        hashed = (samples.c.call * self.choice.factor + self.choice.shift) % PRIME
        others = (samples.c.run_id == key) & (hashed >= self.choice.below)
        return int(connection.execute(delete(samples).where(others)).rowcount)


@dataclass(frozen=True)
class Finished(Entry):
    """End of the run: how, and when (seconds since the epoch)."""

    state: RunState
    finished_at: float
    warnings: tuple[Advice, ...] = ()
    note: str | None = None

    def do(self, connection: Connection, key: int) -> int:
        values: dict[str, Any] = {"state": str(self.state), "finished_at": self.finished_at}
        values |= {"owner": None, "warnings": dumps(self.warnings), "note": text(self.note)}
        queries.change_run(connection, key, values)
        return 1


@dataclass(frozen=True)
class RunDocument(Entry):
    """A document of the run, such as its answer; it replaces an older one."""

    name: str
    body: Mapping[str, Any]

    def do(self, connection: Connection, key: int) -> int:
        queries.insert_document(connection, key, self.name, self.body)
        return 1


@dataclass(frozen=True)
class Closed(Entry):
    """The process that wrote the file has left it to others."""

    def do(self, connection: Connection, key: int) -> int:
        return 0


_KINDS: dict[str, type[Entry]] = {
    "samples": Samples,
    "reports": Reports,
    "chosen": Kept,
    "finished": Finished,
    "document": RunDocument,
    "closed": Closed,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def as_line(entry: Entry) -> str:
    """An entry as one line of JSON, without its end."""
    return dumps({_NAMES[type(entry)]: entry})


class NewerEntry(ValueError):  # noqa: N818 - says what is there
    """An entry that a later version has written."""


def of_line(line: str) -> Entry:
    """The entry again. Raises ``ValueError`` for what is none."""
    content = json.loads(line)
    if not isinstance(content, dict) or len(content) != 1:
        raise ValueError("not an entry")
    [(name, values)] = content.items()
    if name not in _KINDS:
        raise NewerEntry(f"an entry {name!r:.20} needs a newer tuner")
    return record(_KINDS[name], values)
