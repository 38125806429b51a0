"""The options that put each size of a sweep under load: those of ``tuner load``, by their names."""

from typing import Annotated

import typer

_PANEL = "Sizes under load"

ProfileLoad = Annotated[
    str | None,
    typer.Option(
        "--profile-load",
        metavar="NAME|FILE",
        help="Put sizes under this load as well, one after another, and judge client_, throttles "
        "and errors objectives by it: steady, spike, burst-cold, ..., or a TOML file.",
        rich_help_panel=_PANEL,
    ),
]
Rate = Annotated[
    str | None,
    typer.Option(
        "--rate",
        help="A load at this rate, such as 20 or 1200/min; with a profile, its highest rate.",
        rich_help_panel=_PANEL,
    ),
]
Duration = Annotated[
    str | None,
    typer.Option(
        "--duration",
        help="How long each size is loaded (default: 30s, or what the profile says).",
        rich_help_panel=_PANEL,
    ),
]
Retry = Annotated[
    str | None,
    typer.Option(
        "--retry",
        help="What follows a throttle: none (default), backoff, decorrelated or adaptive.",
        rich_help_panel=_PANEL,
    ),
]
MaxConcurrency = Annotated[
    int | None,
    typer.Option(
        "--max-concurrency",
        min=1,
        help="The most calls in flight at once.",
        rich_help_panel=_PANEL,
    ),
]
