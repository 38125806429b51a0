"""What a run needs around it: ``tuner doctor``, ``policy``, ``prices``, ``local``, ``worker``."""

import json
import os
import signal
from dataclasses import asdict

import typer

from tuner.options.manage import (
    DoctorCommand,
    LocalCommand,
    PolicyCommand,
    PricesCommand,
    SchemaCommand,
    WorkerCommand,
)

_MARKS = {"ok": "ok", "unknown": "?", "warning": "!", "problem": "X"}


def doctor(options: DoctorCommand) -> None:
    """Changes nothing. Exits with 1 if something stands in the way of a sweep."""
    from tuner.api.setup import findings
    from tuner.cli.show import write_document

    found = []
    for finding in findings(options):
        found.append(finding)
        if options.json_to != "-":
            typer.echo(f"{_MARKS[finding.level]:<2} {finding.name}: {finding.text}")
            if finding.fix and finding.level != "ok":
                typer.echo(f"   -> {finding.fix}")
    bad = any(finding.level == "problem" for finding in found)
    if options.json_to is not None:
        listed = [asdict(finding) for finding in found]
        head = {"schema": "tuner.doctor/1", "target": options.target, "ok": not bad}
        write_document({**head, "findings": listed}, options.json_to)
    raise typer.Exit(1 if bad else 0)


def policy(options: PolicyCommand) -> None:
    """Works offline and needs no credentials.

    Example: tuner policy sweep apply --target myfunc --account 123456789012 --region us-east-1
    """
    from tuner.api.setup import least_policy

    text, notes = least_policy(options)
    typer.echo(text)
    for note in notes:
        typer.echo(note, err=True)


def schema(options: SchemaCommand) -> None:
    """For editors, and for programs that read what `--json` and `tuner runs export` write.

    Example: tuner schema sweep
    """
    from tuner.api import schema as api

    typer.echo(json.dumps(api.schema(options.name), indent=2))


def local(options: LocalCommand) -> None:
    """Prints its URL when it answers. Clients use --endpoint-url http://127.0.0.1:4577 with any
    credentials and any region. With a --host that other machines reach, it prints the only keys
    that it then answers to.
    """
    from tuner.api.setup import open_to_others, serve_local

    if open_to_others(options.host):
        typer.echo(
            f"tuner: warning: --host {options.host} lets other machines create and run functions "
            "as you: those who have the keys that are printed below. They travel in no request, "
            "but events and answers do, unencrypted; use 127.0.0.1 unless the network is yours.",
            err=True,
        )
    raise typer.Exit(serve_local(options, typer.echo))


def worker(options: WorkerCommand) -> None:
    """Connects to the machine that runs `tuner load TARGET --expect-workers N`, sends its share of
    the calls, and ends with the load. It gets the requests and the credentials to sign them with,
    encrypted with the secret that both know (TUNER_WORKER_SECRET or --secret-file).

    Example: tuner worker --master 10.0.0.7
    """
    from tuner.api.setup import worker_command

    command, environment = worker_command(options)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])  # until the worker can hear it
    os.execve(command[0], command, environment)


def prices(options: PricesCommand) -> None:
    """Shows all regions, or one in detail with --region."""
    from rich.console import Console
    from rich.table import Table

    from tuner.api.prices import price_document, prices_listed, refreshed
    from tuner.cli.show import write_document

    saved = refreshed(options)
    if options.json_to:
        write_document(price_document(options.region), options.json_to)
    else:
        listed, console = prices_listed(options.region), Console()
        table = Table(*listed.head, box=None)
        for row in listed.rows:
            table.add_row(*row)
        console.print(table)
        for note in listed.notes:
            console.print(note, soft_wrap=True)
    if saved:
        typer.echo(saved, err=True)
