"""Records as rows of the tables, and rows as records."""

import gc
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from typing import Any

from tuner.errors import StoreError
from tuner.records import (
    Advice,
    FunctionFacts,
    Outcome,
    Purpose,
    RunRecord,
    RunState,
    Sample,
    Setting,
)
from tuner.store.plain import dumps, record, text

_FIELDS = tuple(field.name for field in fields(Sample) if field.name != "setting")
#: The sample's columns in this order: its fields, and then those of its setting.
SAMPLE_COLUMNS = (*_FIELDS, *Setting._fields)

_PURPOSE, _OUTCOME = _FIELDS.index("purpose"), _FIELDS.index("outcome")
_TEXTS = ("qualifier", "reason", "request_id", "code", "load")


def sample_row(run_id: int, sample: Sample) -> dict[str, Any]:
    """Return a row of ``tuner_samples``."""
    row: dict[str, Any] = {name: getattr(sample, name) for name in _FIELDS}
    row |= sample.setting._asdict()
    row["run_id"] = run_id
    row["purpose"], row["outcome"] = str(sample.purpose), str(sample.outcome)
    for name in _TEXTS:
        row[name] = text(row[name])
    return row


# A frozen class's own __init__ sets each field the long way; a run may have a million samples.
_SET = tuple(getattr(Sample, name).__set__ for name in _FIELDS)
_SET_SETTING = getattr(Sample, "setting").__set__  # noqa: B009 - mypy takes it for a value


def samples_of(rows: Iterable[Sequence[Any]]) -> list[Sample]:
    """Samples from rows whose columns are ``SAMPLE_COLUMNS``; equal settings are one object."""
    purposes, outcomes = {str(p): p for p in Purpose}, {str(o): o for o in Outcome}
    settings: dict[tuple[Any, ...], Setting] = {}
    count = len(_FIELDS)
    samples = []
    with _without_collector():
        for row in rows:
            sample = Sample.__new__(Sample)
            for put, value in zip(_SET, row, strict=False):
                put(sample, value)
            key = tuple(row[count:])
            setting = settings.get(key)
            if setting is None:
                setting = settings[key] = Setting(*key)
            _SET_SETTING(sample, setting)
            _SET[_PURPOSE](sample, purposes[row[_PURPOSE]])
            _SET[_OUTCOME](sample, outcomes[row[_OUTCOME]])
            samples.append(sample)
    return samples


@contextmanager
def _without_collector() -> Iterator[None]:
    """Pause garbage collection: nothing of what is read is garbage yet."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def run_row(run: RunRecord, owner: str | None) -> dict[str, Any]:
    """Return a row of ``tuner_runs``; ``owner`` is JSON or nothing."""
    return {
        "run": run.run,
        "command": run.command,
        "target": text(run.target),
        "state": str(run.state),
        "seed": run.seed,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "options": dumps(run.options),
        "facts": dumps(run.facts),
        "warnings": dumps(run.warnings),
        "note": text(run.note),
        "owner": owner,
    }


def run_of(row: Any, where: str) -> RunRecord:
    """A run from its row. Raises :class:`StoreError` if the row makes no sense."""
    try:
        return RunRecord(
            run=row.run,
            command=row.command,
            target=row.target,
            state=RunState(row.state),
            seed=row.seed,
            started_at=row.started_at,
            finished_at=row.finished_at,
            options=json.loads(row.options),
            facts=record(FunctionFacts, json.loads(row.facts)),
            warnings=tuple(record(Advice, each) for each in json.loads(row.warnings)),
            note=row.note,
        )
    except (ValueError, TypeError) as error:
        fix = f"Delete it with `tuner runs delete {row.run}`."
        raise StoreError(f"{where}, run {row.run}", f"it cannot be read: {error}", fix) from error
