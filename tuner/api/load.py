"""Opens what a load needs and runs it: for the command line, and for suites."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ulid import ULID

from tuner.billing.prices import Prices, prices
from tuner.crosscheck.record import patience_s
from tuner.decide.load_result import Load
from tuner.engine.front import BODILESS
from tuner.errors import StoreError
from tuner.experiment import load as loads
from tuner.experiment.experiment import Watcher
from tuner.experiment.load import LoadRun
from tuner.experiment.wiring import Context, SendOptions, open_context
from tuner.measure.batches import Payload, SizeLoad
from tuner.options.load import LoadOptions, Wish, memory_of, read_wish, sending
from tuner.options.options import SweepOptions
from tuner.options.payloads import read_payloads
from tuner.records import FunctionFacts, RunRecord, RunState
from tuner.store import thinning
from tuner.store.runs import find
from tuner.targets.names import parse_target
from tuner.targets.seam import Progress
from tuner.units import format_rate, format_seconds

#: Hears what the function is before anything is invoked; an error of it ends the run.
Approve = Callable[[Wish, FunctionFacts], None]
#: So many events are made of a template: more than a sweep's, since more calls are sent.
EVENTS = 200
#: A load ends after so many failures of a pre- or post-processor in a row.
MOST_FAILURES = 10
#: The document that a stored load keeps.
DOCUMENT = "load"


def run_load(
    options: LoadOptions,
    store_url: str | None,
    watcher: Watcher,
    progress: Progress = lambda _text: None,
    approve: Approve = lambda _wish, _facts: None,
) -> Load:
    """Open the parts, start a run, send the load and judge it."""
    from tuner.report.load_document import load_document

    wish = read_wish(options)
    common = _with_event(options.common, wish)
    payloads = _payloads(common, wish)
    send = SendOptions(wish.workers, wish.front, MOST_FAILURES, wish.script is not None)
    with open_context(common, store_url, progress, send=send) as context:
        facts = context.target.describe()
        approve(wish, facts)
        run = _run(options, context, facts)
        context.store.start(run)
        if wish.workers.expect:
            progress(f"waiting for {wish.workers.expect} workers on port {wish.workers.port}")
        if wish.workers.web is not None:
            progress("Locust's UI is on http://{}:{}".format(*wish.workers.web))
        if not options.find_limit:
            progress(f"sending {describe(wish)}")
        memory_mb = memory_of(wish, facts)
        spec = LoadRun(
            run=run,
            load=SizeLoad(wish.profile, sending(wish, facts, common.seed), wish.rules),
            memory_mb=memory_mb,
            change_memory=memory_mb != facts.memory_mb,
            qualifier=parse_target(common.target).qualifier,
            payloads=payloads,
            prices=_prices(facts),
            slos=wish.slos,
            limit=wish.limit,
            most=wish.most,
            first_per_s=wish.profile.peak_per_s if options.find_limit else None,
            front=wish.front,
            drain_s=wish.drain_s,
            patience_s=None if wish.front else patience_s(common.cross_check),
        )
        result = loads.run_load(spec, context, watcher, progress)
        context.store.save_document(run.run, DOCUMENT, load_document(result))
        return result


def stored_load(ref: str, store_url: str | None) -> dict[str, Any] | None:
    """The ``tuner.load/1`` of a stored load; ``None`` if the run is none. Raises StoreError."""
    stored = find(ref, store_url)
    if stored.run.command != "load":
        return None
    document = stored.documents.get(DOCUMENT)
    if document is None:
        reason = "the load did not come to its end, so it has no figures"
        raise StoreError(f"run {stored.run.run}", reason, "Run it again.")
    if thinning.DOCUMENT not in stored.documents:
        return dict(document)
    told = thinning.advice(stored.documents[thinning.DOCUMENT])
    warnings = [*document.get("warnings", ()), {"code": told.code, "text": told.text}]
    return {**document, "warnings": warnings}


def describe(wish: Wish) -> str:
    """A load in a few words, for the progress display."""
    profile = wish.profile
    lasts = format_seconds(profile.duration_s)
    if profile.users:
        return f"calls of {profile.users:,} users for {lasts}"
    named = "" if profile.name == "rate" else f"{profile.name}: "
    return f"{named}{profile.calls or 0:,.0f} calls in {lasts}, at most {_peak(wish)}"


def with_report(result: Load, output: Path) -> Load:
    """Write the report and note where it is."""
    from tuner.report.load_document import load_document
    from tuner.report.pages import write_load_report

    return replace(result, report=str(write_load_report(load_document(result), output)))


def _with_event(common: SweepOptions, wish: Wish) -> SweepOptions:
    """With the event that the profile suggests, unless the user gave a payload."""
    given = common.event or common.payloads or common.payload != "{}"
    return common if given or not wish.event else replace(common, event=wish.event)


def _payloads(common: SweepOptions, wish: Wish) -> tuple[Payload, ...]:
    """What is sent; nothing, where a front is asked with GET and no payload is given."""
    found = read_payloads(common, events=EVENTS)
    bare = wish.front is not None and wish.front.request.method in BODILESS
    return (Payload(b""),) if bare and found == (Payload(b"{}"),) else found


def _peak(wish: Wish) -> str:
    return format_rate(wish.profile.peak_per_s)


def _run(options: LoadOptions, context: Context, facts: FunctionFacts) -> RunRecord:
    return RunRecord(
        run=str(ULID()),
        command="load",
        target=options.common.target,
        state=RunState.RUNNING,
        seed=options.common.seed,
        started_at=context.clock.wall(),
        finished_at=None,
        options=options.stored(),
        facts=facts,
        warnings=context.notes,
    )


def _prices(facts: FunctionFacts) -> Prices:
    from tuner.aws.price_list import load_table

    return prices(facts.region, facts.arch, load_table())
