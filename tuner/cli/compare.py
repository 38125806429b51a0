"""``tuner compare``: two stored runs, with a verdict for each size and measure."""

import typer

from tuner.options.commands import CompareCommand


def compare(options: CompareCommand) -> None:
    """Nothing is invoked.

    Example: tuner compare 01K3A 01K3B --gate 'p95 +10%'
    """
    from rich.console import Console

    from tuner.api.stored import compared
    from tuner.cli.show import write_document
    from tuner.report.terminal import print_view
    from tuner.suites.view import compare_view

    result = compared(options)
    if options.json_to is not None:
        write_document(result.to_dict(), options.json_to)
    if options.json_to != "-":
        console, view = Console(highlight=False), compare_view(result.comparison)
        if options.quiet:
            console.print(view.answer.sentence, markup=False, soft_wrap=True)
        else:
            print_view(view, console)
    raise typer.Exit(result.exit_code)
