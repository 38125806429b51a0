"""The reference of all commands and options, made from their declarations.

``python -m tuner.cli.reference > docs/reference.md`` writes it again.
"""

from collections.abc import Iterator
from typing import Any

from tuner.cli.commands import COMMANDS, load_command
from tuner.options.option import Argument, Option, Options
from tuner.options.suites import BenchCommand

_HEAD = """# Reference

Every command and its options. In Python the options of `tuner.sweep`, `load`, `cold`, `plan`,
`recommend`, `compare` and `bench` are keywords of the same names with `_` for `-`; in `tuner.toml`
they are keys of `[defaults]`, or of `[defaults.COMMAND]` for one command. A run can be named by
its id, a unique prefix of it, `last`, or a file that `tuner runs export` wrote.

⚠ marks what `tuner.toml` may only set where you allow it (`tuner trust`): what runs code, changes
the account, or sends or writes something elsewhere; of some options only values that do.
"""


def reference() -> str:
    """The whole page, as Markdown."""
    parts = [_HEAD]
    for name, (_, line) in COMMANDS.items():
        parts.append(f"## tuner {name}\n\n{line}\n")
        for title, of in classes_of(name):
            parts += [f"### {title}\n"] if title != f"tuner {name}" else []
            parts.append("\n".join(_table(of)) + "\n")
    return "\n".join(parts)


def classes_of(name: str) -> Iterator[tuple[str, type[Options]]]:
    """The classes of options of a command and of the actions in it, with what is typed."""
    found: Any = load_command(name)
    yield f"tuner {name}", getattr(found.callback, "options", BenchCommand)
    for inner, each in getattr(found, "commands", {}).items():
        yield f"tuner {name} {inner}", each.callback.options


def _table(of: type[Options]) -> Iterator[str]:
    shown = [each for each in of.members().values() if not each.internal]
    if shown:
        yield "| | |\n|---|---|"
    for each in sorted(shown, key=lambda each: isinstance(each, Option)):
        yield f"| {_written(each)} | {_meaning(each)} |"


def _written(each: Option[Any, Any] | Argument) -> str:
    if isinstance(each, Argument):
        return f"`{each.metavar}`".replace("|", "\\|")
    about, kind = each.about, each.kind
    letter = f", `{about.letter}`" if about.letter else ""
    if kind.word is bool:
        return f"`{each.flag}`{letter}"
    shown = about.metavar or ("\\|".join(kind.words) if kind.words else _word(each))
    return f"`{each.flag} {shown}`{letter}".replace("|", "\\|").replace("\\\\|", "\\|")


def _word(each: Option[Any, Any]) -> str:
    return {int: "N", float: "X"}.get(each.kind.word, each.kind.example)


def _meaning(each: Option[Any, Any] | Argument) -> str:
    text = each.text.replace("|", "\\|")
    if isinstance(each, Argument):
        return text
    about = each.about
    default = each.default
    if default not in (None, (), False, "") and "default" not in text:
        text += f" Default: `{default}`."
    if about.envvar:
        text += f" Environment: `{about.envvar}`."
    if about.risk and not about.each_time:
        text += " ⚠"
    if about.was:
        text += f" Formerly `{'`, `'.join(about.was)}`."
    return text


if __name__ == "__main__":
    print(reference(), end="")
