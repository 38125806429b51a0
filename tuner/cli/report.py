"""``tuner report``: write the report of a stored run again."""

from pathlib import Path

import typer

from tuner.cli import options as o


def report(
    run: o.RunArg,
    store: o.StoreUrl = None,
    output: o.Output = Path("reports"),
    json_to: o.Json = None,
    quiet: o.Quiet = False,
) -> None:
    """Write the report of a stored run again, also of one that was interrupted."""
    from tuner.api import recommend_run
    from tuner.cli.show import hand_over

    result = recommend_run(run, store)
    result = hand_over(result, output=output, json_to=json_to, quiet=True)
    if not quiet and json_to != "-":
        typer.echo(f"Report: {result.report}")
