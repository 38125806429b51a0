"""``tuner recommend``: choose again from a stored run, with another goal or another price."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tuner.cli import options as o

Goals = Annotated[
    str | None,
    typer.Option("--strategy", help="cost, speed or balanced.", rich_help_panel=o.CHOICE_PANEL),
]
Weight = Annotated[
    float | None,
    typer.Option(
        "--balance",
        min=0.0,
        max=1.0,
        help="balanced: 0 is speed, 1 is cost.",
        rich_help_panel=o.CHOICE_PANEL,
    ),
]
PriceRegion = Annotated[
    str | None,
    typer.Option("--region", help="Use this region's prices.", rich_help_panel=o.CHOICE_PANEL),
]
PriceArch = Annotated[
    str | None,
    typer.Option(
        "--arch",
        help="Use the prices of x86_64 or arm64; durations stay as measured.",
        rich_help_panel=o.CHOICE_PANEL,
    ),
]
Report = Annotated[
    Path | None,
    typer.Option(
        "--output",
        metavar="DIR",
        help="Write a report here too.",
        rich_help_panel=o.OUTPUT_PANEL,
    ),
]


def recommend(
    run: o.RunArg,
    strategy: Goals = None,
    balance: Weight = None,
    slo: o.Slo = None,
    cold_share: o.ColdShare = None,
    traffic: o.Traffic = None,
    region: PriceRegion = None,
    arch: PriceArch = None,
    store: o.StoreUrl = None,
    output: Report = None,
    json_to: o.Json = None,
    quiet: o.Quiet = False,
) -> None:
    """Choose again from a stored run; nothing is invoked. What is not given stays as it was.

    Example: tuner recommend last --strategy speed --slo 'cold_p99<2s'
    """
    from tuner.cli.show import exit_code, hand_over
    from tuner.experiment.recommend import PricedAs, recommend_run

    overrides: dict[str, Any] = {
        "strategy": strategy,
        "balance": balance,
        "slo": slo,
        "cold_share": cold_share,
        "traffic": traffic,
    }
    given = {name: value for name, value in overrides.items() if value is not None}
    result = recommend_run(run, store, PricedAs(region, arch), given)
    result = hand_over(result, output=output, json_to=json_to, quiet=quiet or json_to == "-")
    raise typer.Exit(exit_code(result))
