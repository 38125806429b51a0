"""Stored runs: a list with their answers, and what is done to them."""

import logging
import time
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tuner.api.results import LoadResult
from tuner.api.stored import ANSWER, LOAD, open_run
from tuner.errors import Partial, UsageError
from tuner.options.manage import OneRun, RunsCopy, RunsDeliver, RunsExport, RunsThin
from tuner.records import RunRecord
from tuner.store import spool
from tuner.store.copying import Copied, copy_runs
from tuner.store.documents import LOADS
from tuner.store.retention import Judged, Rule, judged, thin_run
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
            return LoadResult(document=documents[LOAD]).headline
        if run.command in ("sweep", "cold"):
            return open_run(run.run, store=store_url).headline
    except Exception:  # one run that makes no sense hides no other
        _LOG.debug("run %s cannot be answered", run.run, exc_info=True)
    return UNKNOWN


def run_named(options: OneRun) -> RunRecord:
    """The run that is meant. Raises NotFound."""
    with Store.open(options.store, create=False) as store:
        return store.run(options.run)


def delete_run(options: OneRun) -> None:
    """Delete it, with everything measured in it."""
    with Store.open(options.store, create=False) as store:
        store.delete(store.run(options.run).run)


def export_run(options: RunsExport) -> RunRecord:
    """Write it to a file that any command takes in its place."""
    with Store.open(options.store, create=False) as store:
        found = store.run(options.run)
        store.export(found.run, options.file)
        return found


def copied(options: RunsCopy) -> tuple[Copied, str]:
    """Copy runs into another store; what was copied, and the place of that store."""
    with Store.open(options.store, create=False) as source:
        wanted = [source.run(each).run for each in options.run] or None
        with Store.open(options.to) as target:
            return copy_runs(source, target, wanted), target.where


def delivered(options: RunsDeliver) -> Iterator[str]:
    """Bring what waits in .tuner/spool into the store, and say so. Raises Partial if some stays."""
    if not spool.waiting():
        yield "Nothing waits in .tuner/spool."
        return
    with Store.open(options.store, deliver=False) as store:
        for file in store.delivered():
            yield f"Delivered {file.samples:,} samples of {file.head.run.run}."
        where = store.where
    if left := spool.waiting():
        reason = f"left in .tuner/spool: {', '.join(path.name for path in left)}"
        fix = f"They are not of {where}, or cannot be delivered yet: name their store with --store."
        raise Partial("runs deliver", reason, fix)


@dataclass(frozen=True)
class Thinning:
    """Runs that are old enough (``age_s``), those that stay whole among them."""

    store_url: str | None
    rule: Rule
    now: float
    age_s: float
    found: Sequence[Judged]

    @property
    def wanted(self) -> list[Judged]:
        """Those to be thinned."""
        return [each for each in self.found if not each.left]

    def thin(self) -> Iterator[tuple[str, int]]:
        """Replace their samples by histograms; gives each run with its number of samples."""
        with Store.open(self.store_url, create=False) as store:
            for each in self.wanted:
                yield each.run, thin_run(store, each.run, self.rule, self.now)
            store.compact()


def thinning(options: RunsThin) -> Thinning:
    """Look for runs to thin. Raises UsageError."""
    now, age_s = time.time(), _age_to_thin(options)
    rule = Rule(now - age_s, options.smallest, {LOADS: "its figures under load need each call"})
    with Store.open(options.store, create=False) as store:
        return Thinning(options.store, rule, now, age_s, judged(store, rule))


def _age_to_thin(options: RunsThin) -> float:
    """So old a run has to be, in seconds: as written, or as tuner.toml says. Raises UsageError."""
    if options.older_than is not None:
        return options.older_than
    written = _configured()
    if written is None:
        raise UsageError("runs thin", "needs an age", _FIX)
    return parse_seconds(written, "tuner.toml: retention")


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
