"""Loads: ``tuner.load``, and what the command line adds. Opens what a load needs and runs it."""

from collections.abc import Callable

from tuner.api.calling import taking
from tuner.api.results import LoadResult
from tuner.api.stored import LOAD
from tuner.decide.load_result import Load
from tuner.experiment import load as loads
from tuner.experiment.experiment import Silent, Watcher
from tuner.experiment.recommend import price
from tuner.experiment.spec import LoadRun
from tuner.experiment.wiring import SendOptions, open_context
from tuner.options.commands import LoadCall
from tuner.options.load import load_spec
from tuner.options.load_options import LoadOptions
from tuner.options.payloads import read_payloads
from tuner.targets.names import Kind

#: Hears why to ask before anything is invoked, if there is a reason; an error of it ends the run.
Approve = Callable[[str | None], None]
#: So many events are made of a template: more than a sweep's, since more calls are sent.
EVENTS = 200
#: Rows of a table that a load draws from, or goes through in order.
ROWS = 100_000
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
    if options.name.kind is not Kind.REPLAY:  # sends nothing
        spec.check_files()
    if spec.event and not options.has_payload:  # the one that the profile suggests
        options = options.but(event=spec.event)
    ordered = spec.order != "random"
    payloads = read_payloads(options, events=EVENTS, bare=spec.bare, rows=ROWS, ordered=ordered)
    spec.check_rows(len(payloads))
    send = SendOptions(spec.workers, spec.front, MOST_FAILURES, spec.script is not None)
    with open_context(options, store_url, watcher, send=send) as context:
        facts = context.target.describe()
        approve(spec.too_many(facts))
        run = context.begun("load", options, facts)
        context.store.start(run)
        if spec.workers.expect:
            watcher.say(f"waiting for {spec.workers.expect} workers on port {spec.workers.port}")
        if spec.workers.web is not None:
            watcher.say("Locust's UI is on http://{}:{}".format(*spec.workers.web))
        if not options.find_limit:
            watcher.say(f"sending {spec}")
        job = LoadRun(run, spec, payloads, price(facts).own)
        result = loads.run_load(job, context, watcher)
        context.store.save_document(run.run, LOAD, load_document(result))
        return result
