"""``tuner plan``: what a sweep would do, cost and take; invokes nothing."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tuner.cli import options as o
from tuner.cli import sweep_load_options as under
from tuner.cli.cold import Variants
from tuner.cli.output import write_document
from tuner.errors import UsageError

if TYPE_CHECKING:
    from tuner.options.options import SweepOptions
    from tuner.targets.seam import Target

Expect = Annotated[
    str | None,
    typer.Option(
        "--expect",
        metavar="TIME",
        help="About how long a warm call takes at the function's present memory, such as 200ms.",
        rich_help_panel=o.MEASURE_PANEL,
    ),
]


def plan(
    target: o.TargetArg,
    memory: o.Memory = "128:1536",
    method: o.Method = "adaptive",
    samples: o.Samples = 10,
    payload: o.Payload = "{}",
    cold: o.Cold = None,
    variants: Variants = None,
    expect: Expect = None,
    invocations: o.Invocations = None,
    max_cost: o.MaxCost = None,
    max_time: o.MaxTime = None,
    slo: o.Slo = None,
    profile_load: under.ProfileLoad = None,
    rate: under.Rate = None,
    duration: under.Duration = None,
    max_concurrency: under.MaxConcurrency = None,
    region: o.Region = None,
    profile: o.Profile = None,
    endpoint_url: o.EndpointUrl = None,
    handler: o.Handler = None,
    runtime: o.Runtime = None,
    env: o.Env = None,
    cpu: o.Cpu = "auto",
    architectures: o.Architectures = None,
    isolation: o.Isolation = "versions",
    assume_role: o.AssumeRole = None,
    cross_check: o.CrossCheck = None,
    store: o.StoreUrl = None,
    json_to: o.Json = None,
) -> None:
    """Say what a sweep would do: calls, invocations, time and money, and what could go wrong.

    With --variants: what `tuner cold --variants` would take and cost.
    Example: tuner plan myfunc --memory 128:3008 --expect 200ms
    """
    given = {
        name: value
        for name, value in locals().items()
        if name not in ("target", "expect", "store", "json_to") and value is not None
    }
    _run(target, expect, given, store, json_to)


def _run(
    target: str, expect: str | None, given: dict[str, Any], store: str | None, to: str | None
) -> None:
    from tuner.api.sweep import sweep_options
    from tuner.cli.forecast import forecast, show, show_details
    from tuner.clock import WallClock
    from tuner.experiment.wiring import open_target
    from tuner.targets.names import Kind, parse_target
    from tuner.units import parse_seconds

    if parse_target(target).kind is Kind.REPLAY:
        fix = "Run `tuner sweep` itself: it costs nothing."
        raise UsageError(target, "is a recording, of which nothing is invoked", fix)
    options = sweep_options(target, **given)
    expected_ms = None if expect is None else 1000.0 * parse_seconds(expect, "--expect")
    opened = open_target(options, lambda _text: None, WallClock())
    try:
        if options.variants is not None:
            _compare(options, opened, store, expected_ms, to)
            return
        found = forecast(options, opened.describe(), store, expected_ms)
    finally:
        opened.close()
    if to is not None:
        write_document(found.to_dict(), to)
    if to != "-":
        show(found)
        show_details(found)


def _compare(
    options: "SweepOptions",
    opened: "Target",
    store: str | None,
    expected_ms: float | None,
    to: str | None,
) -> None:
    """Say what comparing ways to start would take; refuse what is not possible."""
    from tuner.cli.startup_forecast import hold_against_limit, show, startup_forecast
    from tuner.options.meaning import read_variants, startup_size
    from tuner.records import Setting

    facts = opened.describe()
    size = startup_size(options, facts)
    opened.check(Setting(size, facts.arch, start) for start in read_variants(options))
    found = startup_forecast(options, facts, store, expected_ms)
    if to is not None:
        write_document(found.to_dict(), to)
    if to != "-":
        show(found)
    hold_against_limit(found, options)
