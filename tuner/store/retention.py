"""Thinning what is old: samples of runs that ended long ago become histograms, in one transaction.

What needs its samples is left whole: a run that may go on, a baseline, a run with a document that
only samples can explain, and one so small that histograms would take as much room.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from tuner.records import RunState
from tuner.store import queries
from tuner.store.plain import dumps
from tuner.store.rows import run_of
from tuner.store.runs import Store
from tuner.store.tables import baselines, runs, samples
from tuner.store.thinning import DOCUMENT, advice, thinned


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
        return [_judged(connection, row, number, rule) for row, number in _old(connection, rule)]


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
    for row, number in _old(connection, rule):
        if row.run == run and _judged(connection, row, number, rule).left is None:
            return row
    return None


def _old(connection: Connection, rule: Rule) -> list[tuple[Row[Any], int]]:
    """Runs with their numbers of samples, where both are as the rule has it."""
    counted = (
        select(samples.c.run_id, func.count().label("number"))
        .group_by(samples.c.run_id)
        .having(func.count() >= rule.smallest)
        .subquery()
    )
    ended = func.coalesce(runs.c.finished_at, runs.c.started_at) < rule.before
    wanted = select(runs, counted.c.number).join(counted, counted.c.run_id == runs.c.id)
    rows = connection.execute(wanted.where(ended).order_by(runs.c.started_at, runs.c.id))
    return [(row, int(row.number)) for row in rows]


def _judged(connection: Connection, row: Row[Any], number: int, rule: Rule) -> Judged:
    return Judged(row.run, number, _left(connection, row, rule))


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
