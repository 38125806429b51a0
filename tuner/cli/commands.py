"""Every command of the command line; the one that is named is loaded."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tuner.cli.command import CONTEXT, command
from tuner.errors import UsageError

#: Every command: the module of the function of its name, and its help in a line. The rest of its
#: help is the docstring of the function, whose parameter says the class of its options.
COMMANDS: Mapping[str, tuple[str, str]] = {
    "sweep": (
        "measure",
        "Measure a function at several memory sizes and recommend one.",
    ),
    "load": (
        "measure",
        "Put a function under load and measure latency, throttles, concurrency and cost.",
    ),
    "cold": (
        "measure",
        "Force cold starts at each size: INIT, the first call, and what a caller waits.",
    ),
    "plan": (
        "measure",
        "Say what a sweep would do: calls, invocations, time and money, and what could go wrong.",
    ),
    "forecast": (
        "runs",
        "Say what a traffic does to a configuration: concurrency, cold starts, throttles, bill.",
    ),
    "fleet": (
        "runs",
        "Say what is worth doing about every function of an account, from what AWS logs already.",
    ),
    "recommend": (
        "runs",
        "Choose again from a stored run; nothing is invoked.",
    ),
    "report": ("runs", "Write the report of a stored run again, or the index of all; serve them."),
    "compare": (
        "runs",
        "Say what is slower, dearer or the same in run B beside run A.",
    ),
    "runs": ("runs", "List, show, delete, copy, thin, deliver, export and import stored runs."),
    "bench": (
        "bench",
        "Run the suite in tuner.toml; exit with 99 if anything regressed and a fresh run agrees.",
    ),
    "schedule": (
        "bench",
        "Print the suite of tuner.toml as a scheduled job, or install it on this machine.",
    ),
    "apply": ("apply", "Set the recommended memory and architecture."),
    "restore": (
        "apply",
        "Restore every function that an interrupted run or apply left changed.",
    ),
    "policy": ("setup", "Print the least IAM policy for commands."),
    "doctor": (
        "setup",
        "Check credentials, permissions, quotas and settings, with the fix for each.",
    ),
    "schema": ("setup", "Print the JSON Schema of a document, or of tuner.toml."),
    "trust": ("trust", "Let tuner.toml of this folder run what it names."),
    "prices": ("setup", "Show or refresh what Lambda costs."),
    "local": ("setup", "Serve the local Lambda until it is stopped."),
    "worker": (
        "setup",
        "Send part of a load that `tuner load` on another machine runs.",
    ),
}


@cache
def load_command(name: str) -> Any:
    """Click's command of this name, loaded."""
    module, line = COMMANDS[name]
    run = getattr(import_module(f"tuner.cli.{module}"), name)
    if isinstance(run, typer.Typer):
        first = run.registered_callback
        run.info.help = f"{line}\n\n{first and first.callback and first.callback.__doc__}"
        found = typer.main.get_command(run)
    else:
        one = typer.Typer(add_completion=False, context_settings=CONTEXT)
        one.command(name, help=f"{line}\n\n{run.__doc__}")(command(run))
        found = typer.main.get_command(one)
    found.name = name
    return found


class LazyGroup(TyperGroup):
    """Lists commands by what is known of them here, and loads the one that is named.

    What Click finds wrong with the words that were written is an error of ours.
    """

    def make_context(self, *words: Any, **more: Any) -> Any:
        """Read the words before the command's name. Raises UsageError."""
        with _usage_errors():
            return super().make_context(*words, **more)

    def invoke(self, ctx: Any) -> Any:
        """Run the command. Raises UsageError."""
        with _usage_errors(ctx):
            return super().invoke(ctx)

    @property
    def commands(self) -> Any:
        """Every command, loaded."""
        return {name: load_command(name) for name in self._known}

    @commands.setter
    def commands(self, known: Any) -> None:
        self._known = known

    def list_commands(self, ctx: Any) -> list[str]:
        """The names of all commands."""
        return list(self._known)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command as it is listed, not loaded."""
        return self._known.get(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that the first word names, and the words that are left for it."""
        name, found, rest = super().resolve_command(ctx, args)
        return name, found if name is None else load_command(name), rest


@contextmanager
def _usage_errors(context: Any = None) -> Iterator[None]:
    """Raise UsageError for Click's errors, of whichever Click Typer has within it."""
    try:
        yield
    except Exception as error:
        if not hasattr(error, "format_message") or type(error).__name__ == "NoArgsIsHelpError":
            raise
        raise _usage_error(error, context) from None


def _usage_error(error: Any, context: Any) -> UsageError:
    inner = getattr(context, "invoked_subcommand", None)
    path = getattr(error.ctx, "command_path", f"tuner {inner}" if inner else "tuner")
    said, fix = str(error.message), f"`{path} -h` lists what there is."
    if (flag := getattr(error, "option_name", None)) is not None:
        if possible := getattr(error, "possibilities", None):
            fix = f"Did you mean {' or '.join(sorted(possible))}?"
        if "No such option" in said:
            return UsageError(flag, f"is no option of `{path}`", fix)
        return UsageError(flag, "needs a value" if "requires" in said else "takes no value", fix)
    parameter = getattr(error, "param", None)
    if parameter is None or parameter.param_type_name == "argument":
        reason = said[:1].lower() + said[1:].rstrip(".")
        lacks = f"lacks {getattr(parameter, 'metavar', None) or 'an argument'}"
        return UsageError(path.partition(" ")[2], reason or lacks, fix)
    kinds = {
        "integer": "is not a whole number",
        "number": "is not a number",
        "float": "is not a number",
    }
    reason = next((kinds[word] for word in kinds if word in said), said.rstrip("."))
    return UsageError(parameter.opts[0], reason or "is missing", fix)


app = typer.Typer(
    name="tuner",
    help="Which configuration should this Lambda function run with? Measures, then decides.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings=CONTEXT,
    cls=LazyGroup,
)


def _listed() -> None:
    """Stands for a command that is not loaded yet."""


for _name, (_, _line) in COMMANDS.items():
    app.command(_name, help=_line)(_listed)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # takes a third of the time of a short command

        typer.echo(f"tuner {version('tuner')}")
        raise typer.Exit


@app.callback()
def _common(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Options before the command."""
