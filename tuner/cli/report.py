"""``tuner report``: write the report of a stored run again."""

import typer

from tuner.options.commands import ReportCommand


def report(options: ReportCommand) -> None:
    """An interrupted run has a report, too.

    Example: tuner report last --output reports
    """
    from tuner.api.stored import open_run
    from tuner.cli.show import write_document

    result = open_run(options.run, store=options.store).written(options.output or "reports")
    document = result.to_dict()
    if options.json_to is not None:
        write_document(document, options.json_to)
    if not options.silent:
        typer.echo(f"Report: {document['report']}")
