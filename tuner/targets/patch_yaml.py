"""Set memory and architecture of a function in a SAM or CloudFormation template, or serverless.yml.

ruamel.yaml says where the value stands; only its own characters are replaced in the text, or one
line is added, so that comments, order and layout stay. References and other expressions are not
changed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuner.errors import UsageError

_TYPES = ("AWS::Serverless::Function", "AWS::Lambda::Function")


@dataclass(frozen=True)
class _Place:
    """The mapping of a function, and its name for messages."""

    name: str
    mapping: Any
    serverless: bool = False


@dataclass(frozen=True)
class _Value:
    """A key and its value, alone in a list if ``listed``; ``plain`` is what a present one has to
    look like to be replaced, ``words`` what that is called."""

    key: str
    text: str
    plain: str
    words: str
    listed: bool = False

    @property
    def added(self) -> str:
        """As it is written where there is none."""
        return f"{self.key}: {f'[{self.text}]' if self.listed else self.text}"

    def is_in(self, mapping: Any) -> bool:
        """Return whether a mapping has it."""
        found = mapping.get(self.key)
        if self.listed:
            return isinstance(found, list) and [str(each) for each in found] == [self.text]
        return str(found) == self.text


def patch_yaml(
    text: str, memory_mb: int, resource: str | None, thing: str, arch: str | None = None
) -> str:
    """The text with the function's memory, and architecture if one is given. ``resource`` is a
    logical id (or the function's key in serverless.yml). Raises UsageError that lists the
    choices."""
    place = _choose(_places(_load(text, thing), thing), resource, thing)
    name = "memorySize" if place.serverless else "MemorySize"
    values = [_Value(name, str(memory_mb), r"\d+", "a number")]
    if arch is not None:
        plain, words = "x86_64|arm64", "x86_64 or arm64"
        if place.serverless:
            values.append(_Value("architecture", arch, plain, words))
        else:
            values.append(_Value("Architectures", arch, plain, f"a list of {words}", listed=True))
    for value in values:
        text = _with(text, value, place.name, thing)
    return text


def _with(text: str, value: _Value, resource: str, thing: str) -> str:
    place = _choose(_places(_load(text, thing), thing), resource, thing)
    lines = text.splitlines(keepends=True)
    there = value.key in place.mapping
    new = (_replaced if there else _added)(lines, place, value, thing)
    again = _choose(_places(_load(new, thing), thing), place.name, thing)
    if not value.is_in(again.mapping) or len(again.mapping) - len(place.mapping) != (not there):
        raise UsageError(
            f"{thing}: {place.name}",
            "has a layout that cannot be patched",
            f"Set {value.added} by hand.",
        )
    return new


def _load(text: str, thing: str) -> Any:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="rt").load(text)
    except (YAMLError, ValueError, RecursionError) as error:
        said = " ".join(str(error).split())[:120]
        raise UsageError(thing, f"is not YAML ({said})", "Repair the file first.") from None


def _places(document: Any, thing: str) -> list[_Place]:
    if isinstance(document, Mapping):
        resources, functions = document.get("Resources"), document.get("functions")
        if isinstance(resources, Mapping):
            return [
                _Place(str(name), body["Properties"])
                for name, body in resources.items()
                if isinstance(body, Mapping)
                and body.get("Type") in _TYPES
                and isinstance(body.get("Properties"), Mapping)
            ]
        if isinstance(functions, Mapping):
            return [
                _Place(str(name), body, serverless=True)
                for name, body in functions.items()
                if isinstance(body, Mapping)
            ]
    fix = "Name a SAM or CloudFormation template, or a serverless.yml."
    raise UsageError(thing, "has neither Resources nor functions", fix)


def _choose(places: list[_Place], resource: str | None, thing: str) -> _Place:
    named = [p for p in places if resource in (None, p.name)]
    if len(named) == 1:
        return named[0]
    there = ", ".join(p.name for p in places) or "none"
    if named or resource is None:
        fix = f"Name one with --resource; there are: {there}."
        raise UsageError(thing, "has more than one Lambda function, or none", fix)
    raise UsageError(f"{thing}: {resource}", "is not there", f"There are: {there}.")


def _replaced(lines: list[str], place: _Place, value: _Value, thing: str) -> str:
    found = place.mapping[value.key]
    alone = value.listed and isinstance(found, list) and len(found) == 1
    row, column = found.lc.item(0) if alone else place.mapping.lc.value(value.key)
    line = lines[row]
    present = re.match(rf"(['\"]?)({value.plain})\1(?=[\s,}}\]#]|$)", line[column:], re.ASCII)
    if present is None or alone is not value.listed:
        said = line[column:].strip()[:60]
        raise UsageError(
            f"{thing}: {place.name}",
            f"its {value.key} is {said or 'empty'}, not {value.words}",
            f"Set it to {value.text} where the value is defined.",
        )
    start = column + present.start(2)
    lines[row] = line[:start] + value.text + line[start + len(present[2]) :]
    return "".join(lines)


def _added(lines: list[str], place: _Place, value: _Value, thing: str) -> str:
    if not place.mapping or place.mapping.fa.flow_style():
        raise UsageError(
            f"{thing}: {place.name}",
            f"has no {value.key}, and its layout has no line for one",
            f"Add {value.added} by hand.",
        )
    row, column = place.mapping.lc.key(next(iter(place.mapping)))
    end = "\r\n" if lines[row].endswith("\r\n") else "\n"
    lines.insert(row, f"{lines[row][:column]}{value.added}{end}")
    return "".join(lines)
