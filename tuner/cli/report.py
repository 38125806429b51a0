"""``tuner report``: write the report of a stored run again."""

import typer

from tuner.options.commands import ReportCommand


def report(options: ReportCommand) -> None:
    """Also of a run that was interrupted."""
    from tuner.api.stored import open_run
    from tuner.cli.show import write_document

    result = open_run(options.run, store=options.store).written(options.output or "reports")
    document = result.to_dict()
    if options.json_to is not None:
        write_document(document, options.json_to)
    if not options.silent:
        typer.echo(f"Report: {document['report']}")
