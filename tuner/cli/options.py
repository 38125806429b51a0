"""The options that mean the same in every command: one annotated type each, with its help.

Parsing stays in ``tuner.units`` and the rooms that own a meaning; this file only names options.
"""

from pathlib import Path
from typing import Annotated

import typer

TARGET_PANEL = "The function"
MEASURE_PANEL = "What is measured"
CHOICE_PANEL = "What is chosen"
LIMIT_PANEL = "Limits"
OUTPUT_PANEL = "Output"

TargetArg = Annotated[
    str,
    typer.Argument(
        metavar="TARGET",
        help="myfunc, myfunc:alias, an ARN, local:PATH, demo:NAME or replay:FILE.",
        show_default=False,
    ),
]
RunArg = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A run id, a unique prefix of one, or `last`.",
        show_default=False,
    ),
]

Region = Annotated[
    str | None, typer.Option("--region", help="AWS region.", rich_help_panel=TARGET_PANEL)
]
Profile = Annotated[
    str | None,
    typer.Option(
        "--profile", help="Profile of the AWS configuration.", rich_help_panel=TARGET_PANEL
    ),
]
EndpointUrl = Annotated[
    str | None,
    typer.Option(
        "--endpoint-url",
        help="Another Lambda endpoint, for instance `tuner local`.",
        rich_help_panel=TARGET_PANEL,
    ),
]
Handler = Annotated[
    str | None,
    typer.Option(
        "--handler",
        help="local: module.function (default: app.handler or lambda_function.lambda_handler).",
        rich_help_panel=TARGET_PANEL,
    ),
]
Runtime = Annotated[
    str | None,
    typer.Option(
        "--runtime",
        help="local: Lambda runtime, such as python3.13 or provided.al2023.",
        rich_help_panel=TARGET_PANEL,
    ),
]
Env = Annotated[
    list[str] | None,
    typer.Option(
        "--env",
        metavar="K=V",
        help="local: environment variable; repeatable.",
        rich_help_panel=TARGET_PANEL,
    ),
]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="COLUMN=VALUE",
        help="replay: use only these rows; repeatable.",
        rich_help_panel=TARGET_PANEL,
    ),
]
Cpu = Annotated[
    str,
    typer.Option(
        "--cpu",
        help="local: how CPU is limited: auto, cgroup-v1, cgroup-v2 or duty-cycle.",
        rich_help_panel=TARGET_PANEL,
    ),
]

AssumeRole = Annotated[
    str | None,
    typer.Option(
        "--assume-role",
        metavar="ARN",
        help="Role to work as, such as one of another account.",
        rich_help_panel=TARGET_PANEL,
    ),
]
Architectures = Annotated[
    str | None,
    typer.Option(
        "--architectures",
        metavar="ARCH",
        help="Compare on temporary copies: both, x86_64, arm64 or a list. Default: its own.",
        rich_help_panel=MEASURE_PANEL,
    ),
]
Isolation = Annotated[
    str,
    typer.Option(
        "--isolation",
        help="How sizes are made on AWS: versions, clone or in-place.",
        rich_help_panel=TARGET_PANEL,
    ),
]

Memory = Annotated[
    str,
    typer.Option(
        "--memory",
        help="Sizes in MB: 128:1536, 128:10240, 128,256,512, or `recorded`.",
        rich_help_panel=MEASURE_PANEL,
    ),
]
Method = Annotated[
    str,
    typer.Option(
        "--method",
        help="adaptive asks where it matters; grid measures every size alike.",
        rich_help_panel=MEASURE_PANEL,
    ),
]
Samples = Annotated[
    int,
    typer.Option(
        "--samples", min=1, help="grid: warm samples per size.", rich_help_panel=MEASURE_PANEL
    ),
]
Payload = Annotated[
    str,
    typer.Option(
        "--payload",
        help="JSON, @file, s3://bucket/key, or - for stdin.",
        rich_help_panel=MEASURE_PANEL,
    ),
]
Payloads = Annotated[
    str | None,
    typer.Option(
        "--payloads",
        metavar="FILE",
        help="Weighted payloads, a file, s3://bucket/key or JSON: "
        '[{"payload": ..., "weight": 2}, ...].',
        rich_help_panel=MEASURE_PANEL,
    ),
]
Pre = Annotated[
    str | None,
    typer.Option(
        "--pre",
        metavar="COMMAND|FUNCTION",
        help="Run before each call, outside of every measured time: a shell command, "
        "module:function or a Lambda ARN. It gets the payload, which its output replaces unless "
        "it is empty. A call whose pre-processor fails is not sent.",
        rich_help_panel=MEASURE_PANEL,
    ),
]
Post = Annotated[
    str | None,
    typer.Option(
        "--post",
        metavar="COMMAND|FUNCTION",
        help="Run after each call in the same way; it gets the answer. Commands find the call's "
        "number, outcome and status in TUNER_CALL, TUNER_OUTCOME and TUNER_STATUS.",
        rich_help_panel=MEASURE_PANEL,
    ),
]
Event = Annotated[
    str | None,
    typer.Option(
        "--event",
        metavar="NAME|FILE",
        help="A bundled event such as s3, apigateway-http or sqs:10 (a batch of ten), or a "
        "template of your own.",
        rich_help_panel=MEASURE_PANEL,
    ),
]
Cold = Annotated[
    int | None,
    typer.Option(
        "--cold",
        min=0,
        help="Cold starts to force at the pick and at both ends (default: 5; 0: none).",
        rich_help_panel=MEASURE_PANEL,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        help="Makes every random choice repeatable; otherwise one is drawn and recorded.",
        rich_help_panel=MEASURE_PANEL,
    ),
]

Strategy = Annotated[
    str,
    typer.Option(
        "--strategy",
        help="cost, speed or balanced.",
        rich_help_panel=CHOICE_PANEL,
    ),
]
Balance = Annotated[
    float,
    typer.Option(
        "--balance",
        min=0.0,
        max=1.0,
        help="balanced: 0 is speed, 1 is cost.",
        rich_help_panel=CHOICE_PANEL,
    ),
]
Slo = Annotated[
    list[str] | None,
    typer.Option(
        "--slo",
        help="Such as 'p95<300ms', 'cold_p99<2s', 'cost<5usd/million'; repeatable.",
        rich_help_panel=CHOICE_PANEL,
    ),
]
ColdShare = Annotated[
    str | None,
    typer.Option(
        "--cold-share",
        help="Share of cold invocations in production: 1%, or `recorded` (replay).",
        rich_help_panel=CHOICE_PANEL,
    ),
]
Traffic = Annotated[
    str | None,
    typer.Option(
        "--traffic",
        metavar="RATE|FILE",
        help="Production traffic, for cost per month and a cold share: 20rps, or a CSV or JSON "
        "file with a column per_minute (calls of each minute) or timestamp (one call a row).",
        rich_help_panel=CHOICE_PANEL,
    ),
]

Invocations = Annotated[
    int | None,
    typer.Option(
        "--invocations",
        min=1,
        help="The most invocations that a sweep may make.",
        rich_help_panel=LIMIT_PANEL,
    ),
]
MaxCost = Annotated[
    str | None,
    typer.Option(
        "--max-cost",
        metavar="USD",
        help="Stop before spending more than this.",
        rich_help_panel=LIMIT_PANEL,
    ),
]
MaxTime = Annotated[
    str | None,
    typer.Option(
        "--max-time", help="Stop after this long, such as 10m.", rich_help_panel=LIMIT_PANEL
    ),
]

CrossCheck = Annotated[
    bool | None,
    typer.Option(
        "--cross-check/--no-cross-check",
        help="Compare with what CloudWatch and X-Ray counted, waiting up to 3 minutes for their "
        "figures. By default only what is there already is compared, without waiting.",
        rich_help_panel=MEASURE_PANEL,
        show_default=False,
    ),
]

StoreUrl = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        envvar="TUNER_STORE",
        help="SQLAlchemy URL of the store (default: .tuner/runs.db).",
        rich_help_panel=OUTPUT_PANEL,
    ),
]
Output = Annotated[
    Path,
    typer.Option("--output", metavar="DIR", help="Where reports go.", rich_help_panel=OUTPUT_PANEL),
]
Json = Annotated[
    str | None,
    typer.Option(
        "--json",
        metavar="FILE",
        help="Write the result as JSON; - is stdout.",
        rich_help_panel=OUTPUT_PANEL,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.", rich_help_panel=OUTPUT_PANEL)]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Print only the result.", rich_help_panel=OUTPUT_PANEL),
]
NoProgress = Annotated[
    bool,
    typer.Option("--no-progress", help="No live display.", rich_help_panel=OUTPUT_PANEL),
]
