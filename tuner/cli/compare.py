"""``tuner compare``: two stored runs, with a verdict for each size and measure."""

from typing import Annotated

import typer

from tuner.cli import options as o

Gates = Annotated[
    list[str] | None,
    typer.Option(
        "--gate",
        metavar="GATE",
        help="Fail with 99 if this regressed: 'p95 +10%', 'cost_per_million +5%', 'init +20%', "
        "'throttles', 'p95<300ms'; repeatable.",
    ),
]


def compare(
    before: Annotated[str, typer.Argument(metavar="A", help="A run id, a prefix, or `last`.")],
    after: Annotated[str, typer.Argument(metavar="B", help="The run that is judged.")],
    gate: Gates = None,
    store: o.StoreUrl = None,
    json_to: o.Json = None,
    quiet: o.Quiet = False,
) -> None:
    """Say what is slower, dearer or the same in run B beside run A; nothing is invoked.

    Example: tuner compare 01K3A 01K3B --gate 'p95 +10%'
    """
    from tuner.cli.output import write_document
    from tuner.suites.compare import compare_runs
    from tuner.suites.document import compare_document

    result = compare_runs(before, after, gate or (), store)
    if json_to is not None:
        write_document(compare_document(result), json_to)
    if json_to != "-":
        from rich.console import Console

        from tuner.report.terminal import print_view
        from tuner.suites.view import compare_view

        console, view = Console(highlight=False), compare_view(result)
        if quiet:
            console.print(view.answer.sentence, markup=False, soft_wrap=True)
        else:
            print_view(view, console)
    raise typer.Exit(result.exit_code)
