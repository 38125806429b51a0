"""Stored runs: answered again, compared, listed, and what else is done to them. Invokes nothing."""

import logging
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.api.calling import taking
from tuner.api.results import CompareResult, LoadResult, SweepResult
from tuner.errors import Partial, StoreError, UsageError, unwritable
from tuner.experiment.recommend import PricedAs, recommend_run
from tuner.files import SETTINGS_BYTES, read_text, written_whole
from tuner.options.commands import CompareCall, RecommendCall
from tuner.options.manage import OneRun, RunsCopy, RunsExport, RunsThin
from tuner.options.output import Stored
from tuner.options.settings import retention_s
from tuner.options.sweep import GoalOptions
from tuner.records import RunRecord
from tuner.report.open_metrics import ENDING, open_metrics
from tuner.store import spool, thinning
from tuner.store.documents import LOADS
from tuner.store.retention import Judged, Rule, judged, thin_run
from tuner.store.runs import Store, find_documents
from tuner.store.sheet import is_table, write_table
from tuner.units import UNKNOWN, counted

if TYPE_CHECKING:
    from tuner.store.copying import Copied

#: The document that a stored load keeps.
LOAD = "load"
#: The document that keeps a run's answer in a few words, for lists of runs.
ANSWER = "answer"


@taking(RecommendCall)
def recommend(options: RecommendCall) -> SweepResult:
    """Choose again from a stored run, with another goal or other prices; nothing is invoked.

    What is ``None`` stays as the run has it. Raises :class:`tuner.errors.TunerError`.
    """
    result = recommend_again(options)
    return result if options.output is None else result.written(options.output)


def recommend_again(options: RecommendCall) -> SweepResult:
    """Choose again, and write nothing."""
    given = {
        n: v for n, v in options.values().items() if n in GoalOptions.names() and v is not None
    }
    priced = PricedAs(options.region, options.arch)
    return SweepResult(recommend_run(options.run, options.store, priced, given))


@taking(CompareCall)
def compare(options: CompareCall) -> CompareResult:
    """Say what is slower, dearer or the same in one stored run beside another, with verdicts.

    Raises :class:`tuner.errors.TunerError`.
    """
    return compared(options)


def compared(options: CompareCall) -> CompareResult:
    """Compare two stored runs."""
    from tuner.suites.compare import compare_runs

    return CompareResult(compare_runs(options.before, options.after, options.gate, options.store))


def open_run(run: str, *, store: str | None = None) -> SweepResult | LoadResult:
    """The result of a stored run: of a sweep, of cold starts, or of a load.

    ``run`` is an id, a unique prefix of one, ``last``, or an exported file; ``store`` is the
    SQLAlchemy URL of the store (default: .tuner/runs.db). Raises
    :class:`tuner.errors.TunerError`.
    """
    document = stored_load(run, store)
    if document is not None:
        return LoadResult(document=document)
    return SweepResult(recommend_run(run, store, among=None))


def stored_load(ref: str, store_url: str | None) -> dict[str, Any] | None:
    """The ``tuner.load/1`` of a stored load; ``None`` if the run is none. Raises StoreError."""
    run, documents = find_documents(ref, store_url)
    if run.command != "load":
        return None
    document = documents.get(LOAD)
    if document is None:
        reason = "the load did not finish, so it has no figures"
        raise StoreError(f"run {run.run}", reason, "Run it again.")
    if thinning.DOCUMENT not in documents:
        return dict(document)
    told = thinning.advice(documents[thinning.DOCUMENT])
    warnings = [*document.get("warnings", ()), {"code": told.code, "text": told.text}]
    return {**document, "warnings": warnings}


_LOG = logging.getLogger("tuner.api")

SETTINGS = Path("tuner.toml")
_FIX = 'Write --older-than 30d, or retention = "30d" in [store] of tuner.toml.'


@dataclass(frozen=True)
class Figures:
    """What the recommended size costs (US dollars per million calls), and p95 of a load's calls."""

    usd: float | None = None
    p95_ms: float | None = None


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
    figures: Figures = Figures()


def listing(store_url: str | None, limit: int) -> list[RunRow]:
    """The newest runs, the newest first, each with its answer in a few words."""
    with Store.open(store_url, create=False) as store:
        counts = store.counts()
        documents = ((run, store.documents(run.run)) for run in store.runs(limit))
        return [
            RunRow(
                run=run.run,
                started_at=run.started_at,
                command=run.command,
                target=run.target,
                answer=_answer(run, found, store_url),
                state="crashed" if store.crashed(run.run) else run.state.value,
                calls=counts.get(run.run, 0),
                figures=_figures(found),
            )
            for run, found in documents
        ]


_Documents = Mapping[str, Mapping[str, Any]]


def _answer(run: RunRecord, documents: _Documents, store_url: str | None) -> str:
    """As the run was answered when it ended; a run of an older version is answered now."""
    try:
        if ANSWER in documents:
            return str(documents[ANSWER]["headline"])
        if LOAD in documents:
            return LoadResult(document=documents[LOAD]).headline
        if run.command in ("sweep", "cold"):
            return open_run(run.run, store=store_url).headline
    except Exception:  # one run that makes no sense hides no other
        _LOG.debug("run %s cannot be answered", run.run, exc_info=True)
    return UNKNOWN


def _figures(documents: _Documents) -> Figures:
    """As they were kept with the answer; none of a run of an older version."""
    latency = documents.get(LOAD, {}).get("latency_ms") or {}
    return Figures(documents.get(ANSWER, {}).get("usd_per_million"), latency.get("p95"))


def run_named(options: OneRun) -> RunRecord:
    """The run that is meant. Raises NotFound."""
    with Store.open(options.store, create=False) as store:
        return store.run(options.run)


def delete_run(options: OneRun) -> None:
    """Delete it, with everything measured in it."""
    with Store.open(options.store, create=False) as store:
        store.delete(store.run(options.run).run)


def export_run(options: RunsExport, say: Callable[[str], None] = lambda _text: None) -> RunRecord:
    """Write it to a file that any command takes in its place, or its samples as a table, or its
    result as OpenMetrics text, and send its metrics to an endpoint; ``say`` hears of both.

    Raises UsageError where neither is named, and Partial where the endpoint refuses.
    """
    if options.file is None and options.otlp is None:
        fix = "Name a FILE, or an endpoint with --otlp."
        raise UsageError("runs export", "has nowhere to write to", fix)
    from tuner.outputs.otlp import endpoint, send_metrics  # most commands need no HTTP client

    if options.otlp is not None:
        endpoint(options.otlp)  # a wrong one is refused before anything is written
    found = run_named(options)
    if options.file is not None:
        _write_run(found.run, options.file, options.store)
        say(f"Wrote {found.run} to {options.file}.")
    if options.otlp is not None:
        document = open_run(found.run, store=options.store).to_dict()
        say(f"Sent {counted(send_metrics(document, options.otlp), 'point')} of {found.run}.")
    return found


def _write_run(run: str, file: Path, store: str | None) -> None:
    """Write the kind of file that its name ends in."""
    if file.name.lower().endswith(ENDING):
        _write_metrics(run, file, store)
        return
    with Store.open(store, create=False) as opened:
        if is_table(file):
            write_table(opened.stored(run).samples, file)
        else:
            opened.export(run, file)


def _write_metrics(run: str, file: Path, store: str | None) -> None:
    """Write what was found, by which the samples are no longer needed."""
    text = open_metrics(open_run(run, store=store).to_dict())
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(file) as place:
            place.write_text(text, encoding="utf-8")
    except OSError as error:
        raise unwritable(f"file {file}", error, "Choose a writable folder.") from None


def copied(options: RunsCopy) -> "tuple[Copied, str]":
    """Copy runs into another store; what was copied, and the place of that store."""
    from tuner.store.copying import copy_runs
    from tuner.store.failure import RESCUE

    try:
        with Store.open(options.store, create=False) as source:
            wanted = [source.run(each).run for each in options.run] or None
            with Store.open(options.to) as target:
                return copy_runs(source, target, wanted), target.where
    except StoreError as error:
        if error.fix != RESCUE:
            raise
        fix = "Too little of it can be read; restore it from a backup."
        raise StoreError(error.thing, error.reason, fix) from error


def said_of_last(store_url: str | None) -> str | None:
    """Say which run ``last`` is where the newest of all is none that can be decided on."""
    with Store.open(store_url, create=False) as store:
        newest, taken = store.run("last"), store.run("last", "sweep")
    if newest.run == taken.run:
        return None
    of = "the newest sweep" if newest.target == taken.target else f"a sweep of {taken.target}"
    return f"`last` is {taken.run}, {of}; the newest run, {newest.run}, is a {newest.command}"


def delivered(options: Stored) -> Iterator[str]:
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


def to_thin(options: RunsThin) -> Thinning:
    """Look for runs to thin. Raises UsageError."""
    now, age_s = time.time(), _age_to_thin(options)
    rule = Rule(now - age_s, options.smallest, {LOADS: "its figures under load need each call"})
    with Store.open(options.store, create=False) as store:
        return Thinning(options.store, rule, now, age_s, judged(store, rule))


def _age_to_thin(options: RunsThin) -> float:
    """So old a run has to be, in seconds: as written, or as tuner.toml says. Raises UsageError."""
    if options.older_than is not None:
        return options.older_than
    age_s = _retention_s() if SETTINGS.is_file() else None
    if age_s is None:
        raise UsageError("runs thin", "needs an age", _FIX)
    return age_s


def _retention_s() -> float | None:
    """``retention`` of ``[store]`` in tuner.toml, if there is one."""
    text = read_text(SETTINGS, most=SETTINGS_BYTES, plain=True)
    try:
        return retention_s(tomllib.loads(text))
    except UsageError as error:
        raise UsageError(f"{SETTINGS}, {error.thing}", error.reason, error.fix) from None
    except (ValueError, RecursionError) as error:
        raise UsageError(str(SETTINGS), f"is not TOML: {error}", _FIX) from error
