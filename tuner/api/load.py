"""Loads: ``tuner.load``, and what the command line adds. Opens what a load needs and runs it."""

from collections.abc import Callable

from tuner.api.calling import taking
from tuner.api.results import LoadResult
from tuner.api.stored import LOAD
from tuner.crosscheck.tally import patience_s
from tuner.decide.load_result import Load
from tuner.engine.batches import Payload
from tuner.engine.request import BODILESS
from tuner.experiment import load as loads
from tuner.experiment.experiment import Silent, Watcher
from tuner.experiment.recommend import price
from tuner.experiment.spec import LoadRun
from tuner.experiment.wiring import SendOptions, open_context
from tuner.options.commands import LoadCall
from tuner.options.load import LoadSpec, load_spec
from tuner.options.load_options import LoadOptions
from tuner.options.payloads import read_payloads
from tuner.units import format_rate, format_seconds

#: Hears why to ask before anything is invoked, if there is a reason; an error of it ends the run.
Approve = Callable[[str | None], None]
#: So many events are made of a template: more than a sweep's, since more calls are sent.
EVENTS = 200
#: A load ends after so many failures of a pre- or post-processor in a row.
MOST_FAILURES = 10


@taking(LoadCall)
def load(options: LoadCall) -> LoadResult:
    """Put a function under load, and measure latency, throttles, concurrency and cost.

    ``output=None`` writes no report. Raises :class:`tuner.errors.TunerError`.
    """
    result = LoadResult(run_load(options, options.store))
    return result if options.output is None else result.written(options.output)


def run_load(
    options: LoadOptions,
    store_url: str | None,
    watcher: Watcher | None = None,
    approve: Approve = lambda _why: None,
) -> Load:
    """Open the parts, start a run, send the load and judge it."""
    from tuner.report.load_document import load_document

    spec, watcher = load_spec(options), watcher or Silent()
    options = _with_event(options, spec)
    payloads = _payloads(options, spec)
    send = SendOptions(spec.workers, spec.front, MOST_FAILURES, spec.script is not None)
    with open_context(options, store_url, watcher.say, send=send) as context:
        facts = context.target.describe()
        approve(spec.too_many(facts))
        run = context.begun("load", options, facts)
        context.store.start(run)
        if spec.workers.expect:
            watcher.say(f"waiting for {spec.workers.expect} workers on port {spec.workers.port}")
        if spec.workers.web is not None:
            watcher.say("Locust's UI is on http://{}:{}".format(*spec.workers.web))
        if not options.find_limit:
            watcher.say(f"sending {describe(spec)}")
        job = LoadRun(
            run=run,
            asked=spec,
            payloads=payloads,
            prices=price(facts).own,
            qualifier=options.name.qualifier,
            find_limit=options.find_limit,
            patience_s=None if spec.front else patience_s(options.cross_check),
        )
        result = loads.run_load(job, context, watcher)
        context.store.save_document(run.run, LOAD, load_document(result))
        return result


def describe(spec: LoadSpec) -> str:
    """A load in a few words, for the progress display."""
    profile = spec.profile
    lasts = format_seconds(profile.duration_s)
    if profile.users:
        return f"calls of {profile.users:,} users for {lasts}"
    named = "" if profile.name == "rate" else f"{profile.name}: "
    peak = format_rate(profile.peak_per_s)
    return f"{named}{profile.calls or 0:,.0f} calls in {lasts}, at most {peak}"


def _with_event(options: LoadOptions, spec: LoadSpec) -> LoadOptions:
    """Add the event that the profile suggests, unless the user gave a payload."""
    return options if options.has_payload or not spec.event else options.but(event=spec.event)


def _payloads(options: LoadOptions, spec: LoadSpec) -> tuple[Payload, ...]:
    """Return what is sent: nothing where a front is called with GET and no payload is given."""
    found = read_payloads(options, events=EVENTS)
    bare = spec.front is not None and spec.front.request.method in BODILESS
    return (Payload(b""),) if bare and found == (Payload(b"{}"),) else found
