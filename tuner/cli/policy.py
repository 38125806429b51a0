"""``tuner policy``: the least IAM policy for the commands that one names."""

import typer

from tuner.options.manage import PolicyCommand


def policy(options: PolicyCommand) -> None:
    """Works offline and needs no credentials.

    Example: tuner policy sweep apply --target myfunc --account 123456789012 --region us-east-1
    """
    from tuner.api.policy import least_policy

    text, notes = least_policy(options)
    typer.echo(text)
    for note in notes:
        typer.echo(note, err=True)
