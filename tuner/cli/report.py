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
    from tuner.api.load import stored_load
    from tuner.cli.output import write_document
    from tuner.cli.show import hand_over
    from tuner.experiment.recommend import recommend_run
    from tuner.report.pages import write_load_report

    document = stored_load(run, store)
    if document is not None:
        document["report"] = str(write_load_report(document, output))
        if json_to is not None:
            write_document(document, json_to)
        if not quiet and json_to != "-":
            typer.echo(f"Report: {document['report']}")
        return
    result = recommend_run(run, store, among=None)
    result = hand_over(result, output=output, json_to=json_to, quiet=True)
    if not quiet and json_to != "-":
        typer.echo(f"Report: {result.report}")
