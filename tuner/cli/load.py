"""``tuner load``: one configuration under a load; what it does, costs and feels like then."""

from typing import TYPE_CHECKING

import typer

from tuner.options.commands import LoadCommand

if TYPE_CHECKING:
    from tuner.options.load import LoadSpec
    from tuner.records import FunctionFacts


def load(options: LoadCommand) -> None:
    """Example: tuner load myfunc --rate 50 --duration 2m --slo 'client_p99<1s'"""
    from tuner.api.load import run_load
    from tuner.api.results import LoadResult
    from tuner.cli.forecast import ask_first
    from tuner.cli.interrupt import stop_on_signals
    from tuner.cli.progress import Progress
    from tuner.cli.restore import offer_restore
    from tuner.cli.show import hand_over, load_exit_code
    from tuner.options.load import load_spec

    load_spec(options)  # complain before anything is started
    offer_restore(yes=options.yes)
    with (
        Progress(quiet=options.silent, live=not options.no_progress) as progress,
        stop_on_signals(progress.say) as progress.stop_request,
    ):

        def approve(spec: "LoadSpec", facts: "FunctionFacts") -> None:
            ask_first("load", spec.too_many(facts), options.yes)

        found = run_load(options, options.store, progress, progress.say, approve)
    hand_over(LoadResult(found), options, options.output)
    raise typer.Exit(load_exit_code(found))
