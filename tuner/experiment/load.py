"""A load: one configuration, one profile or a search over rates, every request kept and judged.

One ask is one load. The search for the highest rate is a planner of such asks; the best one is the
answer then.
"""

from dataclasses import replace

from tuner.decide.load_result import FoundLimit, Load, limit_advice
from tuner.errors import TargetError
from tuner.experiment.experiment import STOPPED, Experiment, Watcher, cross_checked, kept, restored
from tuner.experiment.load_book import LoadBook
from tuner.experiment.session import Conditions, Session
from tuner.experiment.spec import LoadRun
from tuner.experiment.wiring import Context
from tuner.measure.failures import front_refusal
from tuner.planning.ask import Ask
from tuner.planning.budget import Meter
from tuner.planning.cold import Once
from tuner.planning.find_limit import FindLimit, step_s
from tuner.records import RunState, Sample
from tuner.targets.seam import Variant, one_variant
from tuner.units import format_rate


def run_load(spec: LoadRun, context: Context, watcher: Watcher) -> Load:
    """Send the load until it is over or cut short, restore the function, and judge."""
    with kept(context, spec.run):
        book = LoadBook(spec, context, watcher)
        with restored(context.target):
            try:
                variant = _variant(spec, context)
                book.open_drain(variant)
                experiment = _experiment(spec, context, watcher, book, variant)
                result = _searched(spec, experiment, book)
            finally:
                book.flush()
        altered = () if spec.to_make else context.target.altered()
        advice = (*result.warnings, *book.keeper.advice(), *context.target.doubts(), *altered)
        result = replace(result, warnings=advice)
        result = _finished(context, result, watcher)
    return _held_against(spec, context, book, result, watcher)


def _variant(spec: LoadRun, context: Context) -> Variant:
    """Return a version of another size or of a copy, or the function as it is."""
    if spec.to_make or context.target.endpoint() is None:
        return one_variant(context.target, spec.setting)
    return Variant(spec.setting, spec.asked.qualifier)


def _experiment(
    spec: LoadRun, context: Context, watcher: Watcher, book: LoadBook, variant: Variant
) -> Experiment:
    judge = None
    if (front := spec.asked.front) is not None:

        def judge(sample: Sample, first_contact: bool) -> TargetError | None:
            return front_refusal(sample, front.shown, first_contact)

    conditions = Conditions(
        spec.payloads,
        spec.run.seed,
        deployed={variant.setting.part: variant},
        judge=judge,
        stop=watcher.stop,
    )
    session = Session(context.target, context.engine, spec.run.facts, conditions, context.clock)
    return Experiment(
        context, session, book, spec.price, watcher, Meter(context.seconds, spec.asked.limit)
    )


def _searched(spec: LoadRun, experiment: Experiment, book: LoadBook) -> Load:
    """Send the one load, or one rate after another; the best one is the answer."""
    profile, only = spec.asked.profile, spec.ask(spec.asked)
    if not spec.asked.find_limit:
        experiment.run(Once([only], "the load is over"))
        return book.last(only, experiment.session)

    def ask_at(rate_per_s: float) -> Ask:
        experiment.watcher.say(f"trying {format_rate(rate_per_s)}")
        lasts_s = step_s(rate_per_s, profile.duration_s)
        step = profile.scaled(rate_per_s, lasts_s)
        return spec.ask(replace(spec.asked, profile=step), book.sent)

    search = FindLimit(profile.peak_per_s or 1.0, ask_at)
    experiment.run(search)
    last = book.last(only, experiment.session)
    chosen = book.best or last
    steps = tuple(book.steps)
    limit = FoundLimit(search.best, search.worst, steps, book.generator, book.crowded, book.full)
    over = search.rate is None or book.generator
    run = replace(chosen.run, note=limit.note if over else last.run.note)
    warnings = (*chosen.warnings, *limit_advice(limit))
    return replace(chosen, limit=limit, run=run, warnings=warnings)


def _finished(context: Context, result: Load, watcher: Watcher) -> Load:
    """Close the run in the store, as what it turned out to be."""
    note = STOPPED if watcher.stop() else result.run.note
    state = RunState.DONE if note is None else RunState.PARTIAL
    state = RunState.INTERRUPTED if watcher.stop() else state
    ended = context.clock.wall()
    run = replace(result.run, state=state, finished_at=ended, note=note)
    context.store.finish(run.run, state, ended, result.warnings, note=note)
    return replace(result, run=run)


def _held_against(
    spec: LoadRun, context: Context, book: LoadBook, result: Load, watcher: Watcher
) -> Load:
    """The load, held against what CloudWatch counted; where they differ is one more warning."""
    run = replace(result.run, warnings=result.warnings)
    found = cross_checked(context, run, book.counted, spec.asked.patience_s, watcher)
    if found is None:
        return result
    return replace(result, warnings=(*run.warnings, *found.advice), cross_check=found)
