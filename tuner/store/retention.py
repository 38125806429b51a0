"""Limits on stored samples: a fair choice of a large load, and histograms of what is old.

A load's calls are chosen, with all their attempts, by a hash of their numbers; when the limit is
passed, half of what is chosen is given up, in the store as well, so that nothing has to be held in
memory. Each call is as likely to be kept as any other, and any two independently of one another.

Old runs are thinned in one transaction each. What needs its samples is left whole: a run that may
go on, a baseline, a run with a document that only samples can explain, and one so small that
histograms would take as much room.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from tuner.records import Advice, RunState, Sample
from tuner.store import queries
from tuner.store.plain import dumps, run_of
from tuner.store.queries import everything
from tuner.store.runs import Store
from tuner.store.tables import baselines, runs, samples
from tuner.store.thinning import DOCUMENT, advice, thinned

#: Requests that a run keeps at most.
MOST = 500_000
#: Samples are stored so many at a time, or those of a second: a transaction each would be slow.
_AT_ONCE = 500
_EVERY_S = 1.0


class Keeper:
    """Stores every sample of a run, or a fair choice of them."""

    def __init__(self, store: Store, run: str, seed: int, most: int = MOST) -> None:
        self._store, self._run, self._most = store, run, most
        self._choice = everything(Random(f"{seed}/kept"))
        self._waiting: list[Sample] = []
        self._amended: list[Sample] = []
        self._offered = self._kept = 0

    def keep(self, sample: Sample) -> None:
        """Store this sample soon, if its call is chosen."""
        self._offered += 1
        if not self._choice.takes(sample.call):
            return
        waiting = self._waiting
        waiting.append(sample)
        if len(waiting) >= _AT_ONCE or sample.done_s - waiting[0].done_s >= _EVERY_S:
            self.flush()

    def amend(self, sample: Sample) -> None:
        """Store soon what became known of a sample after it was kept."""
        self._amended.append(sample)
        if len(self._amended) >= _AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Store what waits, and give up half of everything as long as it is too much."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._store.add(self._run, waiting)
            self._kept += len(waiting)
        amended, self._amended = self._amended, []
        if amended:
            self._store.amend(self._run, amended)
        while self._kept > self._most and self._choice.below > 1:
            self._choice = self._choice.halved()
            gone = self._store.thin(self._run, self._choice)
            self._kept -= self._kept // 2 if gone is None else gone  # the store may be away

    def advice(self) -> tuple[Advice, ...]:
        """Return warnings about the stored samples; after a last :meth:`flush`."""
        if self._kept == self._offered:
            return ()
        text = (
            f"The store keeps one call in {round(1 / self._choice.share):,}, chosen at random over "
            f"the whole load: {self._kept:,} of {self._offered:,} requests. The figures of this "
            "report count all of them."
        )
        return (Advice("samples-thinned", text),)


@dataclass(frozen=True)
class Rule:
    """Rule of thinning: runs that ended before ``before`` (seconds since the epoch) with so many
    samples. ``needing`` maps the name of a document to why its run needs each sample."""

    before: float
    smallest: int
    needing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Judged:
    """A run that is old enough: how many samples it has, and why it is left whole, if it is."""

    run: str
    samples: int
    left: str | None = None


def judged(store: Store, rule: Rule) -> list[Judged]:
    """The runs that are old and large enough and not thinned yet, the oldest first."""
    with store.connection() as connection:
        return [judgement for _, judgement in _judged(connection, rule)]


def thin_run(store: Store, run: str, rule: Rule, now: float) -> int:
    """Thin one run unless the rule says no any more; how many samples it had, or 0."""
    with store.connection() as connection:
        row = _still(connection, run, rule)
        taken = [] if row is None else queries.samples_of_run(connection, row.id)
    if row is None:
        return 0
    document = thinned(taken, now)  # this takes a while, in which others may write
    with store.connection(writes=True) as connection:
        queries.lock_run(connection, run)
        now_row = _still(connection, run, rule)
        if now_row is None or now_row.number != len(taken):
            return 0
        connection.execute(delete(samples).where(samples.c.run_id == row.id))
        queries.insert_document(connection, row.id, DOCUMENT, document)
        warnings = dumps((*run_of(now_row, store.where).warnings, advice(document)))
        connection.execute(update(runs).where(runs.c.id == row.id).values(warnings=warnings))
    return len(taken)


def _still(connection: Connection, run: str, rule: Rule) -> Row[Any] | None:
    """The row of a run that may be thinned."""
    for row, judgement in _judged(connection, rule):
        if judgement.run == run and judgement.left is None:
            return row
    return None


def _judged(connection: Connection, rule: Rule) -> Iterator[tuple[Row[Any], Judged]]:
    """Runs that are old and large enough, with their judgements."""
    counted = (
        select(samples.c.run_id, func.count().label("number"))
        .group_by(samples.c.run_id)
        .having(func.count() >= rule.smallest)
        .subquery()
    )
    ended = func.coalesce(runs.c.finished_at, runs.c.started_at) < rule.before
    wanted = select(runs, counted.c.number).join(counted, counted.c.run_id == runs.c.id)
    wanted = wanted.where(ended).order_by(runs.c.started_at, runs.c.id)
    for row in connection.execute(wanted).all():
        yield row, Judged(row.run, int(row.number), _left(connection, row, rule))


def _left(connection: Connection, row: Row[Any], rule: Rule) -> str | None:
    """Reason why a run stays whole."""
    if row.state == str(RunState.RUNNING):
        return "it was never finished; finish it with --resume, or delete it"
    named = (baselines.c.run == row.run) | (baselines.c.control_run == row.run)
    suite = connection.scalar(select(baselines.c.suite).where(named).limit(1))
    if suite is not None:
        return f"it is a baseline of suite {suite}"
    for name in queries.document_names(connection, row.id):
        if name in rule.needing:
            return rule.needing[name]
    return None
