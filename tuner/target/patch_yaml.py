"""Set the memory of a function in a SAM or CloudFormation template, or a serverless.yml.

ruamel.yaml says where the value stands; only its digits are replaced in the text, or one line is
added, so that comments, order and layout stay. References and other expressions are not changed.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tuner.errors import UsageError

_TYPES = ("AWS::Serverless::Function", "AWS::Lambda::Function")


@dataclass(frozen=True)
class _Place:
    """The mapping that holds the value, the key, and a name for messages."""

    name: str
    mapping: Any
    key: str


def patch_yaml(text: str, memory_mb: int, resource: str | None, thing: str) -> str:
    """The text with the function's memory set. ``resource`` is a logical id (or the function's
    key in serverless.yml). Raises UsageError that lists the choices."""
    document = _load(text, thing)
    place = _choose(_places(document, thing), resource, thing)
    lines = text.splitlines(keepends=True)
    there = place.key in place.mapping
    new = (_replaced if there else _added)(lines, place, memory_mb, thing)
    again = _choose(_places(_load(new, thing), thing), place.name, thing)
    if int(again.mapping.get(place.key, 0)) != memory_mb or len(again.mapping) - len(
        place.mapping
    ) != (not there):
        fix = f"Set {place.key}: {memory_mb} by hand."
        raise UsageError(f"{thing}: {place.name}", "is laid out too unusually to be patched", fix)
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
                _Place(str(name), body["Properties"], "MemorySize")
                for name, body in resources.items()
                if isinstance(body, Mapping)
                and body.get("Type") in _TYPES
                and isinstance(body.get("Properties"), Mapping)
            ]
        if isinstance(functions, Mapping):
            return [
                _Place(str(name), body, "memorySize")
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
        raise UsageError(thing, "does not have just one Lambda function", fix)
    raise UsageError(f"{thing}: {resource}", "is not there", f"There are: {there}.")


def _replaced(lines: list[str], place: _Place, memory_mb: int, thing: str) -> str:
    row, column = place.mapping.lc.value(place.key)
    line = lines[row]
    number = re.match(r"(['\"]?)(\d+)\1(?=[\s,}#]|$)", line[column:], re.ASCII)
    if number is None:
        said = line[column:].strip()[:60]
        raise UsageError(
            f"{thing}: {place.name}",
            f"its {place.key} is {said or 'empty'}, not a number",
            f"Set that to {memory_mb} where it comes from.",
        )
    digits = column + number.start(2)
    lines[row] = line[:digits] + str(memory_mb) + line[digits + len(number[2]) :]
    return "".join(lines)


def _added(lines: list[str], place: _Place, memory_mb: int, thing: str) -> str:
    if not place.mapping or place.mapping.fa.flow_style():
        raise UsageError(
            f"{thing}: {place.name}",
            f"has no {place.key}, and its layout leaves no line to add one",
            f"Add {place.key}: {memory_mb} by hand.",
        )
    row, column = place.mapping.lc.key(next(iter(place.mapping)))
    end = "\r\n" if lines[row].endswith("\r\n") else "\n"
    lines.insert(row, f"{lines[row][:column]}{place.key}: {memory_mb}{end}")
    return "".join(lines)
