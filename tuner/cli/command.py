"""Makes a command of a class of options and a function that takes one of it.

What is written becomes the class's keywords; what is left out is left to its defaults. Former
spellings of options still work: they are hidden from help, and say their new name once.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

import typer

from tuner.cli.defaults import FILE
from tuner.options.option import Argument, Option, Options, Values, arguments_of, options_of

_WAS = "was_"
#: How help is asked for, in every command.
CONTEXT = {"help_option_names": ["-h", "--help"]}


def command(run: Callable[[Any], None]) -> Callable[..., None]:
    """A function for Typer with the parameters of the class of options that ``run`` takes."""
    of: type[Options] = run.__annotations__["options"]

    def called(context: typer.Context, **_values: Any) -> None:
        if context.invoked_subcommand is None:
            run(_made(context, of))

    parameters = _parameters(of)
    hints = {each.name: each.annotation for each in parameters}
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {**hints, "return": None}
    called.__doc__ = run.__doc__
    called.options = of  # type: ignore[attr-defined]
    return called


def _made(context: Any, of: type[Options]) -> Options:
    """The options; what was written and changes nothing is refused, or said."""
    given = given_in(context, of)
    default_map = {name for name, of_file in _sources(context) if of_file}
    written = {name: value for name, value in given.items() if name not in default_map}
    of.check_written(written)
    made = of.made(**given)
    for text in made.unused(written):
        typer.echo(f"tuner: {text}", err=True)
    return made


def _sources(context: Any) -> Iterator[tuple[str, bool]]:
    """Each option that was given, and whether tuner.toml gives it."""
    for name in context.params:
        source = context.get_parameter_source(name)
        if source is not None and source.name != "DEFAULT":
            yield name, source.name == "DEFAULT_MAP"


def group(
    first: Callable[[Any], None], actions: Mapping[str, Callable[[Any], None]]
) -> typer.Typer:
    """A command with actions of its own; ``first`` is what it does without one."""
    found = typer.Typer(invoke_without_command=True, add_completion=False, context_settings=CONTEXT)
    found.callback()(command(first))
    for name, run in actions.items():
        found.command(name)(command(run))
    return found


def given_in(context: Any, of: type[Options]) -> dict[str, Any]:
    """Return what the command line, the environment and tuner.toml say, by fields."""
    given: dict[str, Any] = {}
    risky: set[str] = set()
    for name, of_file in _sources(context):
        value = context.params[name]
        if of_file:
            risky |= _risky(of, name.removeprefix(_WAS).partition("__")[0])
        if name.startswith(_WAS):
            field, _, old = name.removeprefix(_WAS).partition("__")
            flag = f"--{old.replace('_', '-')}"
            typer.echo(f"tuner: {flag} is now {options_of(of)[field].flag}", err=True)
            given.setdefault(field, value)
        else:
            given[name] = value
    if risky:
        from tuner.cli.trust import allow

        allow(FILE, lambda named: bool(named.options & risky), yes=bool(given.get("yes")))
    return given


def _risky(of: type[Options], name: str) -> set[str]:
    """The key of an option that tuner.toml sets only if the user lets it."""
    each = options_of(of)[name]
    return {each.key} if each.about.risk else set()


def _parameters(of: type[Options]) -> list[inspect.Parameter]:
    found = [_parameter("context", typer.Context, inspect.Parameter.empty)]
    for name, argument in arguments_of(of).items():
        found.append(_positional(name, argument))
    for name, each in sorted(options_of(of).items(), key=_place):
        if each.internal:
            continue
        found.append(_optional(name, each, each.flag))
        for old in each.about.was:
            hidden = f"{_WAS}{name}__{old.removeprefix('--').replace('-', '_')}"
            found.append(_optional(hidden, each, old, hidden=True))
    return found


#: Help shows first what a command is about, then the function, then what goes out.
_LAST = ("The function", "Output")


def _place(item: tuple[str, Option[Any, Any]]) -> int:
    panel = item[1].about.panel
    return _LAST.index(panel) + 1 if panel in _LAST else 0


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(name, kind, annotation=annotation, default=default)


def _positional(name: str, argument: Argument) -> inspect.Parameter:
    info = typer.Argument(
        metavar=argument.metavar,
        help=argument.text,
        show_default=False,
        autocompletion=_completed(argument.values),
    )
    default = inspect.Parameter.empty if argument.required else None
    word: Any = list[argument.word] if argument.many else argument.word  # type: ignore[name-defined]
    hint = word if argument.required else word | None
    return _parameter(name, Annotated[hint, info], default)


def _optional(
    name: str, each: Option[Any, Any], flag: str, *, hidden: bool = False
) -> inspect.Parameter:
    about, kind = each.about, each.kind
    default = None if hidden or each.default == () else each.default
    info = typer.Option(
        flag,
        *([about.letter] if about.letter and not hidden else []),
        help=about.text,
        metavar=about.metavar,
        rich_help_panel=about.panel or None,
        envvar=about.envvar,
        hidden=hidden,
        show_default=default is not None and default is not False,
        autocompletion=_completed(each.values),
    )
    word: Any = list[kind.word] if kind.many else kind.word  # type: ignore[name-defined]
    hint = word if default is not None else word | None
    if about.required:
        default = inspect.Parameter.empty
    return _parameter(name, Annotated[hint, info], default)


def _completed(values: Values | None) -> Callable[[str], list[str]] | None:
    if values is None:
        return None

    def complete(incomplete: str) -> list[str]:
        from tuner.api.completion import completed

        return completed(values, incomplete)

    return complete
