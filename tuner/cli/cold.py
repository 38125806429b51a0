"""``tuner cold``: cold starts only, at each size."""

from tuner.options.commands import ColdCommand


def cold(options: ColdCommand) -> None:
    """A range means its ends and the usual sizes between. With --variants, one size is started on
    demand, from a SnapStart snapshot, and in provisioned sandboxes, with prices; --max-cost then
    limits what that may cost at most.

    Example: tuner cold myfunc --memory 128,1024
    """
    from tuner.cli.sweep import measure
    from tuner.options.sweep import as_sweep

    measure(as_sweep(options), options)
