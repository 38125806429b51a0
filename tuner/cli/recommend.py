"""``tuner recommend``: choose again from a stored run, with another goal or another price."""

import typer

from tuner.options.commands import RecommendCommand


def recommend(options: RecommendCommand) -> None:
    """What you do not give stays as it was.

    Example: tuner recommend last --strategy speed --slo 'cold_p99<2s'
    """
    from tuner.api.stored import recommend_again
    from tuner.cli.show import exit_code, hand_over

    raise typer.Exit(exit_code(hand_over(recommend_again(options), options, options.output)))
