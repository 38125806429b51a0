"""The options that say where the outputs of ``tuner bench`` go."""

from typing import Annotated

import typer

WRITE_PANEL = "What is written"

Markdown = Annotated[
    str | None,
    typer.Option(
        "--markdown",
        metavar="FILE|-",
        help="A table for a comment or a page.",
        rich_help_panel=WRITE_PANEL,
    ),
]
Junit = Annotated[
    str | None,
    typer.Option(
        "--junit",
        metavar="FILE|-",
        help="JUnit XML, one test per gate.",
        rich_help_panel=WRITE_PANEL,
    ),
]
Badge = Annotated[
    str | None,
    typer.Option(
        "--badge",
        metavar="FILE",
        help="A badge: .svg, or .json for shields.io.",
        rich_help_panel=WRITE_PANEL,
    ),
]
Webhook = Annotated[
    str | None,
    typer.Option(
        "--webhook",
        metavar="FILE|URL|env:NAME",
        help="A message as JSON, to a file or, with --post, to an address.",
        rich_help_panel=WRITE_PANEL,
    ),
]
Slack = Annotated[
    str | None,
    typer.Option(
        "--slack",
        metavar="FILE|URL|env:NAME",
        help="The same as Slack's webhooks read it.",
        rich_help_panel=WRITE_PANEL,
    ),
]
Post = Annotated[
    bool,
    typer.Option(
        "--post",
        help="Send messages to their addresses where something changed or failed.",
        rich_help_panel=WRITE_PANEL,
    ),
]
Bencher = Annotated[
    str | None,
    typer.Option(
        "--bencher",
        metavar="FILE|-",
        help="Bencher Metric Format.",
        rich_help_panel=WRITE_PANEL,
    ),
]
ActionBenchmark = Annotated[
    str | None,
    typer.Option(
        "--action-benchmark",
        metavar="FILE|-",
        help="What github-action-benchmark reads as customSmallerIsBetter.",
        rich_help_panel=WRITE_PANEL,
    ),
]
