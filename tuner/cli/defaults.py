"""Defaults of options from ``tuner.toml``: a table ``[defaults]`` for all commands, and tables such
as ``[defaults.sweep]`` for one. What it has beside suites and defaults is held against
``tuner/options/settings.py``, so that no mistake waits until somebody needs it.

Names are those of the options, with ``_`` or ``-``. What is written on the command line, and what
an environment variable says, goes before them. Every complaint comes at once.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuner.errors import UsageError
from tuner.files import SETTINGS_BYTES, read_text
from tuner.options.option import key_of, options_of
from tuner.options.settings import mistakes

FILE = Path("tuner.toml")

Defaults = dict[str, Any]


def read_defaults(commands: Mapping[str, Any], path: Path = FILE) -> Defaults:
    """Return the defaults of each command's options, as Click's ``default_map``.

    ``commands`` are Click's, by name. Raises UsageError that lists every mistake.
    """
    if not os.path.lexists(path):
        return {}
    text = read_text(path, None, "Check it.", SETTINGS_BYTES, plain=True)
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UsageError(str(path), f"is not TOML: {error}", "Mend it.") from None
    table = document.get("defaults", {})
    if not isinstance(table, dict):
        raise UsageError(f"{path}, defaults", "is not a table", "Write [defaults] above it.")
    reader = _Reader(commands)
    reader.read(table)
    reader.complaints += mistakes(document)
    if reader.complaints:
        lines = "\n".join(f"  {each}" for each in reader.complaints)
        many = len(reader.complaints) > 1
        head = f"has {len(reader.complaints)} mistakes:" if many else "has a mistake:"
        raise UsageError(str(path), f"{head}\n{lines}", "`tuner COMMAND --help` lists options.")
    return reader.found


class _Reader:
    """Reads the table for all commands; ``found`` is nested as groups of commands are."""

    def __init__(self, commands: Mapping[str, Any]) -> None:
        self.complaints: list[str] = []
        self.found: Defaults = {}
        #: Options and defaults of each command, and of each command within a group.
        self._places: list[tuple[str, Mapping[str, Any], Defaults]] = []
        for name, command in commands.items():
            own = self.found.setdefault(name, {})
            self._places.append((name, _options(command), own))
            for inner, below in getattr(command, "commands", {}).items():
                self._places.append(("", _options(below), own.setdefault(inner, {})))

    def read(self, table: Mapping[str, Any]) -> None:
        """Take every key; those of single commands go before those of all."""
        for key, value in table.items():
            if isinstance(value, dict):
                self._of_command(key, value)
        for key, value in table.items():
            if not isinstance(value, dict):
                self._of_all(key, value)

    def _of_all(self, key: str, value: Any) -> None:
        name = key.replace("-", "_")
        owners = [(opts[name], own) for _, opts, own in self._places if name in opts]
        # A former spelling may be another option's name today: `method` is a sweep's.
        owners = [each for each in owners if not each[0].hidden] or owners
        if not owners:
            self.complaints.append(f"defaults: {key!r} is no option of any command")
        elif self._fits(owners[0][0], value, f"defaults: {key}"):
            for option, own in owners:
                own.setdefault(option.name, _value(option, value))

    def _of_command(self, command: str, table: Mapping[str, Any]) -> None:
        where = f"defaults.{command}: "
        place = next((p for p in self._places if p[0] == command), None)
        if place is None:
            self.complaints.append(f"{where}there is no such command")
            return
        _, options, own = place
        for key, value in table.items():
            name = key.replace("-", "_")
            if name not in options:
                self.complaints.append(f"{where}{key!r} is no option of `tuner {command}`")
            elif self._fits(options[name], value, f"{where}{key}"):
                own[options[name].name] = _value(options[name], value)

    def _fits(self, option: Any, value: Any, where: str) -> bool:
        several = value if isinstance(value, list) else [value]
        nested = any(isinstance(each, dict | list) for each in several)
        if nested or (isinstance(value, list) and not option.multiple):
            self.complaints.append(f"{where} {value!r:.40} is no value of an option")
            return False
        return True


def _value(option: Any, value: Any) -> Any:
    return [value] if option.multiple and not isinstance(value, list) else value


def _options(command: Any) -> dict[str, Any]:
    """A command's options by the names of their fields and by their flags, former ones as well.

    What must be decided each time, and is no default, is not among them.
    """
    found = {}
    declared = options_of(command.callback.options) if command.callback else {}
    never = {name for name, each in declared.items() if each.about.each_time} | {"help"}
    for parameter in command.params:
        if parameter.param_type_name == "option" and parameter.name not in never:
            key = key_of(parameter.opts[0])
            found[key] = parameter
            if not parameter.hidden:
                found[parameter.name] = parameter
    return found
