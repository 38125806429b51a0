"""``tuner local``: serve the local Lambda in the foreground."""

from pathlib import Path
from typing import Annotated

import typer

Port = Annotated[int, typer.Option("--port", help="Port to listen on; 0 takes a free one.")]
Host = Annotated[
    str, typer.Option("--host", help="Address to listen on; it checks no credentials.")
]
Data = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="Keep functions and queued events in this folder."),
]
Account = Annotated[
    int, typer.Option("--account-concurrency", min=1, help="The account's concurrency limit.")
]
Scale = Annotated[
    float, typer.Option("--time-scale", help="60 makes a platform minute last a second.")
]
SqsEndpoint = Annotated[
    str | None,
    typer.Option(
        "--sqs-endpoint",
        metavar="URL",
        help="Where destinations and dead-letter queues of functions are (moto, ElasticMQ).",
    ),
]
CpuControl = Annotated[str, typer.Option("--cpu", help="auto, cgroup-v1, cgroup-v2 or duty-cycle.")]


def local(
    port: Port = 4577,
    host: Host = "127.0.0.1",
    data: Data = None,
    account_concurrency: Account = 1000,
    time_scale: Scale = 1.0,
    sqs_endpoint: SqsEndpoint = None,
    cpu: CpuControl = "auto",
) -> None:
    """Serve the local Lambda until it is stopped; prints its URL when it answers.

    Clients use --endpoint-url http://127.0.0.1:4577 with any credentials and any region.
    """
    from tuner.locallambda.serve import ServeOptions, serve
    from tuner.locallambda.service import ServiceOptions

    service = ServiceOptions(
        data=data,
        account_concurrency=account_concurrency,
        time_scale=time_scale,
        cpu=cpu,
        sqs_endpoint=sqs_endpoint,
    )
    options = ServeOptions(host=host, port=port, service=service)
    raise typer.Exit(serve(options, typer.echo))
