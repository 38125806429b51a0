"""``tuner cold``: cold starts only, at each size."""

from pathlib import Path
from typing import Annotated

import typer

from tuner.cli import options as o
from tuner.cli.sweep import Handing, measure
from tuner.errors import UsageError

Count = Annotated[
    int,
    typer.Option("--cold", min=1, help="Cold starts per size.", rich_help_panel=o.MEASURE_PANEL),
]


Variants = Annotated[
    str | None,
    typer.Option(
        "--variants",
        metavar="LIST",
        help="Compare ways to start at one size: on-demand,snapstart,provisioned=5.",
        rich_help_panel=o.MEASURE_PANEL,
    ),
]


def cold(
    target: o.TargetArg,
    memory: o.Memory = "128:1536",
    cold: Count = 5,
    payload: o.Payload = "{}",
    payloads: o.Payloads = None,
    event: o.Event = None,
    variants: Variants = None,
    max_cost: o.MaxCost = None,
    seed: o.Seed = None,
    region: o.Region = None,
    profile: o.Profile = None,
    endpoint_url: o.EndpointUrl = None,
    handler: o.Handler = None,
    runtime: o.Runtime = None,
    env: o.Env = None,
    where: o.Where = None,
    cpu: o.Cpu = "auto",
    cross_check: o.CrossCheck = None,
    store: o.StoreUrl = None,
    output: o.Output = Path("reports"),
    json_to: o.Json = None,
    yes: o.Yes = False,
    quiet: o.Quiet = False,
    no_progress: o.NoProgress = False,
) -> None:
    """Force cold starts at each size: INIT, the first call, and what a caller waits.

    A range means its ends and the usual sizes between. Example: tuner cold myfunc --memory 128,1024

    With --variants, one size is started on demand, from a SnapStart snapshot, and in sandboxes that
    are provisioned, with prices; --max-cost then holds what that may cost at the most against it.
    """
    if max_cost is not None and variants is None:
        fix = "Leave it out: cold starts alone cost next to nothing; `tuner plan` says how much."
        raise UsageError("--max-cost", "goes with --variants here", fix)
    given = dict(locals())
    handing = Handing(store, output, json_to, yes, quiet or json_to == "-", not no_progress)
    measure(target, None, given, handing, "cold")
