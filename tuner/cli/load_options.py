"""The options that only ``tuner load`` has: one annotated type each, with its help."""

from typing import Annotated

import typer

LOAD_PANEL = "The load"
FRONT_PANEL = "Through an HTTP front"

OneMemory = Annotated[
    str | None,
    typer.Option(
        "--memory", help="Size in MB (default: as configured).", rich_help_panel=LOAD_PANEL
    ),
]
Rate = Annotated[
    str | None,
    typer.Option(
        "--rate",
        help="Open model: calls are due at this rate, such as 500 or 1200/min. With a profile: "
        "its highest rate.",
        rich_help_panel=LOAD_PANEL,
    ),
]
Duration = Annotated[
    str | None,
    typer.Option(
        "--duration",
        help="How long calls are due (default: 30s, or what a profile says).",
        rich_help_panel=LOAD_PANEL,
    ),
]
Arrival = Annotated[
    str | None,
    typer.Option(
        "--arrival",
        help="constant: evenly spaced (default); poisson: by chance, as from many callers.",
        rich_help_panel=LOAD_PANEL,
    ),
]
Users = Annotated[
    int | None,
    typer.Option(
        "--users",
        min=1,
        help="Closed model: so many users, each calling again when answered.",
        rich_help_panel=LOAD_PANEL,
    ),
]
Think = Annotated[
    str | None,
    typer.Option("--think", help="Pause of a user between two calls.", rich_help_panel=LOAD_PANEL),
]
ProfileLoad = Annotated[
    str | None,
    typer.Option(
        "--profile-load",
        metavar="NAME|FILE",
        help="steady, ramp, spike, burst-cold, diurnal, soak, throttle-probe, async-drain, "
        "stream-like, or a TOML file.",
        rich_help_panel=LOAD_PANEL,
    ),
]
Locustfile = Annotated[
    str | None,
    typer.Option(
        "--locustfile",
        metavar="FILE",
        help="Your own users, classes of LambdaUser (from tuner.engine.worker import LambdaUser) "
        "whose tasks call self.invoke(payload); with --users (1) and --duration.",
        rich_help_panel=LOAD_PANEL,
    ),
]
SpawnRate = Annotated[
    str | None,
    typer.Option(
        "--spawn-rate",
        help="Users of a locustfile who appear per second (default: all at once).",
        rich_help_panel=LOAD_PANEL,
    ),
]
Retry = Annotated[
    str | None,
    typer.Option(
        "--retry",
        help="What follows a throttle: none (default), backoff, decorrelated or adaptive.",
        rich_help_panel=LOAD_PANEL,
    ),
]
FindLimit = Annotated[
    bool,
    typer.Option(
        "--find-limit",
        help="Double the rate (from --rate, or 1/s) until the objectives (--slo, or throttles<1% "
        "and errors<1%) are missed, then narrow down; each rate lasts --duration (10s).",
        rich_help_panel=LOAD_PANEL,
    ),
]
ModeOption = Annotated[
    str | None,
    typer.Option(
        "--mode",
        metavar="sync|async",
        help="sync (default): wait for the answer. async: send events, and follow in the logs "
        "what becomes of each: dwell time, retries, how it ended.",
        rich_help_panel=LOAD_PANEL,
    ),
]
Drain = Annotated[
    str | None,
    typer.Option(
        "--drain",
        help="Async: follow events for so long after the last was sent (default: 5m; less if all "
        "have ended).",
        rich_help_panel=LOAD_PANEL,
    ),
]
Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="Load the function through this Function URL, API Gateway or other HTTP front.",
        rich_help_panel=FRONT_PANEL,
    ),
]
UrlAuth = Annotated[
    str | None,
    typer.Option(
        "--url-auth",
        metavar="none|iam[:SERVICE]",
        help="Whether requests are signed with IAM (default: on AWS's own host names, unless "
        "there is a header Authorization).",
        rich_help_panel=FRONT_PANEL,
    ),
]
Method = Annotated[
    str | None,
    typer.Option(
        "--method",
        help="POST (default), PUT, PATCH, GET, DELETE or OPTIONS; the payload is the body.",
        rich_help_panel=FRONT_PANEL,
    ),
]
Header = Annotated[
    list[str] | None,
    typer.Option(
        "--header",
        metavar="'NAME: VALUE'",
        help="Sent with each request; repeatable.",
        rich_help_panel=FRONT_PANEL,
    ),
]
WorkerCount = Annotated[
    int,
    typer.Option(
        "--workers",
        min=0,
        help="Processes of this machine that send; each uses up to one core.",
        rich_help_panel=LOAD_PANEL,
    ),
]
ExpectWorkers = Annotated[
    int,
    typer.Option(
        "--expect-workers",
        min=0,
        help="Wait for so many more, which join with `tuner worker --master HOST`. They are told "
        "the credentials unencrypted: only within a network that you trust.",
        rich_help_panel=LOAD_PANEL,
    ),
]
Bind = Annotated[
    str | None,
    typer.Option(
        "--bind",
        metavar="HOST:PORT",
        help="Where they are awaited (default: 0.0.0.0:5557).",
        rich_help_panel=LOAD_PANEL,
    ),
]
WebUi = Annotated[
    bool,
    typer.Option(
        "--web-ui",
        help="Show Locust's UI with this load's requests while it runs.",
        rich_help_panel="Output",
    ),
]
WebHost = Annotated[
    str | None,
    typer.Option(
        "--web-host",
        metavar="HOST",
        help="Where (default: 127.0.0.1, for this machine only; the UI asks for no password).",
        rich_help_panel="Output",
    ),
]
WebPort = Annotated[
    int | None,
    typer.Option(
        "--web-port",
        metavar="PORT",
        help="On which port (default: 8089).",
        rich_help_panel="Output",
    ),
]
StopOn = Annotated[
    list[str] | None,
    typer.Option(
        "--stop-on",
        help="Cut the load short on 'errors>5%' or 'throttles>20%' of 10 s; repeatable.",
        rich_help_panel="Limits",
    ),
]
MaxConcurrency = Annotated[
    int | None,
    typer.Option(
        "--max-concurrency",
        min=1,
        help="The most calls in flight at once.",
        rich_help_panel="Limits",
    ),
]
