"""Stored runs: ``tuner.recommend``, ``tuner.open_run`` and ``tuner.compare``. Invokes nothing."""

from typing import Any

from tuner.api.calling import taking
from tuner.api.results import CompareResult, LoadResult, SweepResult
from tuner.errors import StoreError
from tuner.experiment.recommend import PricedAs, recommend_run
from tuner.options.commands import CompareCall, RecommendCall
from tuner.options.sweep import GoalOptions
from tuner.store import thinning
from tuner.store.runs import find

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
    stored = find(ref, store_url)
    if stored.run.command != "load":
        return None
    document = stored.documents.get(LOAD)
    if document is None:
        reason = "the load did not finish, so it has no figures"
        raise StoreError(f"run {stored.run.run}", reason, "Run it again.")
    if thinning.DOCUMENT not in stored.documents:
        return dict(document)
    told = thinning.advice(stored.documents[thinning.DOCUMENT])
    warnings = [*document.get("warnings", ()), {"code": told.code, "text": told.text}]
    return {**document, "warnings": warnings}
