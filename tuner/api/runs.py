"""Stored runs as a list with their answers, and which of them are old enough to be thinned."""

import logging
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tuner.api.results import LoadResult
from tuner.api.stored import ANSWER, LOAD
from tuner.errors import UsageError
from tuner.options.manage import RunsThin
from tuner.records import RunRecord
from tuner.store.documents import LOADS
from tuner.store.retention import Rule
from tuner.store.runs import Store
from tuner.units import UNKNOWN, parse_seconds

_LOG = logging.getLogger("tuner.api")

SETTINGS = Path("tuner.toml")
_FIX = 'Write --older-than 30d, or retention = "30d" in [store] of tuner.toml.'


@dataclass(frozen=True)
class RunRow:
    """One run of the list; ``started_at`` is in seconds since the epoch."""

    run: str
    started_at: float
    command: str
    target: str
    answer: str
    state: str
    calls: int


def listing(store_url: str | None, limit: int) -> list[RunRow]:
    """The newest runs, the newest first, each with its answer in a few words."""
    with Store.open(store_url, create=False) as store:
        counts = store.counts()
        return [
            RunRow(
                run=run.run,
                started_at=run.started_at,
                command=run.command,
                target=run.target,
                answer=_answer(store, run, store_url),
                state="crashed" if store.crashed(run.run) else run.state.value,
                calls=counts.get(run.run, 0),
            )
            for run in store.runs(limit)
        ]


def _answer(store: Store, run: RunRecord, store_url: str | None) -> str:
    """As the run was answered when it ended; a run of an older version is answered now."""
    documents = store.documents(run.run)
    if ANSWER in documents:
        return str(documents[ANSWER]["headline"])
    try:
        if LOAD in documents:
            return LoadResult(document=documents[LOAD]).answer
        if run.command in ("sweep", "cold"):
            from tuner.api.stored import open_run

            return open_run(run.run, store=store_url).answer
    except Exception:  # one run that makes no sense hides no other
        _LOG.debug("run %s cannot be answered", run.run, exc_info=True)
    return UNKNOWN


def age_to_thin(options: RunsThin) -> float:
    """So old a run has to be, in seconds: as written, or as tuner.toml says. Raises UsageError."""
    if options.older_than is not None:
        return options.older_than
    written = _configured()
    if written is None:
        raise UsageError("runs thin", "needs an age", _FIX)
    return parse_seconds(written, "tuner.toml: retention")


def rule_for(before: float, smallest: int) -> Rule:
    """Thin runs that ended before then (seconds since the epoch) and have so many samples."""
    return Rule(before, smallest, {LOADS: "its figures under load need each call"})


def _configured() -> str | None:
    """``retention`` of ``[store]`` in tuner.toml, if there is one."""
    if not SETTINGS.is_file():
        return None
    try:
        table = tomllib.loads(SETTINGS.read_text(encoding="utf-8")).get("store", {})
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(str(SETTINGS), f"is not TOML: {error}", _FIX) from error
    found = table.get("retention") if isinstance(table, dict) else None
    if found is not None and not isinstance(found, str):
        raise UsageError(str(SETTINGS), f"store: retention is not a string: {found!r:.40}", _FIX)
    return found
