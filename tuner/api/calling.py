"""Gives a function of one object of options the keywords that the class of options declares."""

import functools
import inspect
import warnings
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from tuner.options.option import Argument, Option, Options, arguments_of

P = ParamSpec("P")
C = TypeVar("C", bound=Options)
R = TypeVar("R")
_FIRST = inspect.Parameter.POSITIONAL_OR_KEYWORD


def taking(
    options: Callable[P, C],
) -> Callable[[Callable[[C], R]], Callable[P, R]]:
    """Let callers give the options of a class as keywords.

    mypy knows each keyword with the type that may be written; ``help()`` shows what it means.
    """

    of: Any = options

    def decorate(run: Callable[[C], R]) -> Callable[P, R]:
        @functools.wraps(run)
        def called(*words: P.args, **given: P.kwargs) -> R:
            written = {**dict(zip(arguments_of(of), words, strict=False)), **given}
            of.check_written(written)
            made = of.made(*words, **given)
            for text in made.unused(written):
                warnings.warn(text, stacklevel=2)
            return run(made)

        returns = inspect.signature(run).return_annotation
        called.__signature__ = _signature(of, returns)  # type: ignore[attr-defined]
        called.__doc__ = f"{inspect.getdoc(run)}\n\n{_described(of)}"
        return called

    return decorate


def _signature(options: type[Options], returns: Any) -> inspect.Signature:
    found = []
    for name, each in members(options).items():
        first = isinstance(each, Argument)
        kind = _FIRST if first else inspect.Parameter.KEYWORD_ONLY
        required = isinstance(each, Argument) and not each.optional
        default = inspect.Parameter.empty if required else each.default
        found.append(inspect.Parameter(name, kind, default=default))
    return inspect.Signature(found, return_annotation=returns)


def _described(options: type[Options]) -> str:
    lines = [f"    {name}: {each.text}" for name, each in members(options).items()]
    return "\n".join(["Arguments:", *lines])


def members(options: type[Options]) -> dict[str, Option[Any, Any] | Argument]:
    """The arguments that callers may give, the positional ones first."""
    shown = {n: e for n, e in options.members().items() if not e.internal}
    return dict(sorted(shown.items(), key=lambda item: not isinstance(item[1], Argument)))
