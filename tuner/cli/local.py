"""``tuner local``: serve the local Lambda in the foreground."""

import typer

from tuner.options.manage import LocalCommand


def local(options: LocalCommand) -> None:
    """Prints its URL when it answers. Clients use --endpoint-url http://127.0.0.1:4577 with any
    credentials and any region.
    """
    from tuner.aws.session import is_loopback
    from tuner.locallambda.serve import serve
    from tuner.locallambda.service import ServiceOptions

    service = ServiceOptions(
        data=options.data,
        account_concurrency=options.account_concurrency,
        time_scale=options.time_scale,
        cpu=options.cpu,
        sqs_endpoint=options.sqs_endpoint,
    )
    if not is_loopback(f"http://{_bracketed(options.host)}"):
        typer.echo(
            f"tuner: warning: --host {options.host} lets other machines create and run functions "
            "as you, without credentials; use 127.0.0.1 unless the network is yours.",
            err=True,
        )
    raise typer.Exit(serve(service, typer.echo, host=options.host, port=options.port))


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
