"""``tuner schema NAME``: the JSON Schema of a document that scripts read, or of ``tuner.toml``.

The documents are written down in short beside what writes them (``shapes.json`` of ``report``,
``suites`` and ``api``): ``text``, ``whole``, ``number``, ``flag`` or ``any``; ``?`` where it may be
null; ``["x"]`` a list of x, ``{"*": "x"}`` x by any name, ``#x`` what is called so, ``{"...": x}``
everything that x has, ``{"|": [x, y]}`` one of them. What is a record has the record's name, and
its fields are derived. Schemas allow fields that are added later.
"""

import json
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any

from tuner.errors import UsageError
from tuner.options.every import every_option
from tuner.options.option import Option
from tuner.suites.suite_file import CASE_OPTIONS, CASE_TABLES, ENVIRONMENT

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_ROOMS = ("tuner.report", "tuner.suites", "tuner.api")
_PLAIN: Mapping[Any, Any] = {
    "text": "string", "whole": "integer", "number": "number", "flag": "boolean",
    str: "string", int: "integer", float: ["number", "null"], bool: "boolean",
}  # fmt: skip
TOML = "tuner.toml"

Schema = dict[str, Any]


def names() -> list[str]:
    """What there are schemas of."""
    return [*(name for room in _ROOMS for name in _shapes(room) if name[0] != "#"), TOML]


def schema(name: str) -> Schema:
    """The schema of this name, such as ``sweep`` or ``tuner.sweep/1``. Raises UsageError."""
    if name == TOML:
        return {"$schema": _DRAFT, "title": TOML, **_toml()}
    short = name.removeprefix("tuner.").removesuffix("/1")
    for room in _ROOMS:
        if short in _shapes(room) and short[0] != "#":
            made = _Maker(_shapes(room))
            found = made.of(_shapes(room)[short])
            return {"$schema": _DRAFT, "title": f"tuner.{short}/1", **found, "$defs": made.defs}
    raise UsageError(f"schema {name[:40]!r}", "is not known", f"There are: {', '.join(names())}.")


@cache
def _shapes(room: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(files(room).joinpath("shapes.json").read_text("utf-8"))
    return found


class _Maker:
    """Makes schemas of shapes; ``defs`` are those that have a name."""

    def __init__(self, shapes: Mapping[str, Any]) -> None:
        self.shapes = shapes
        self.defs: dict[str, Schema] = {}

    def of(self, shape: Any) -> Schema:
        """The schema of a shape."""
        if isinstance(shape, list):
            return _null({"type": "array", "items": self.of(shape[0])}, shape[-1] == "?")
        if isinstance(shape, dict):
            return self._object(shape)
        name, null = shape.removesuffix("?"), shape.endswith("?")
        if name == "any":
            return {}
        if name in _PLAIN:
            return _null({"type": _PLAIN[name]}, null)
        if name[0] == "#":
            return _null(self._named(name[1:], lambda: self.of(self.shapes[name])), null)
        room, _, record = name.rpartition(".")
        return _null(self.of_type(getattr(import_module(room), record)), null)

    def _object(self, shape: Mapping[str, Any]) -> Schema:
        if "|" in shape:
            return {"oneOf": [self.of(each) for each in shape["|"]]}
        if "*" in shape:
            return {"type": "object", "additionalProperties": self.of(shape["*"])}
        known = {**self.shapes[shape["..."]], **shape} if "..." in shape else shape
        inner = {name: self.of(each) for name, each in known.items() if name not in ("?", "...")}
        return _null(_of_fields(inner), "?" in shape)

    def of_type(self, hint: Any) -> Schema:
        """The schema of what a value of this type is written as."""
        origin, inner = typing.get_origin(hint), typing.get_args(hint)
        if hint in _PLAIN:
            return {"type": _PLAIN[hint]}
        if origin in (typing.Union, types.UnionType):
            one, *more = (each for each in inner if each is not type(None))
            return {} if more else _null(self.of_type(one), True)
        if origin is tuple:
            return {"type": "array", "items": self.of_type(inner[0])}
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return {"type": "object", "additionalProperties": self.of_type(inner[1])}
        if isinstance(hint, type) and issubclass(hint, Enum):
            return {"enum": [each.value for each in hint]}
        if is_dataclass(hint) or hasattr(hint, "_fields"):
            return self._named(hint.__name__, lambda: self._record(hint))
        return {}

    def _record(self, of: Any) -> Schema:
        hints = typing.get_type_hints(of)
        known = [each.name for each in fields(of)] if is_dataclass(of) else of._fields
        found = {name: self.of_type(hints[name]) for name in known}
        if "setting" in found:  # its fields stand with those of what has it
            found |= self._record(hints["setting"])["properties"]
            del found["setting"], self.defs["Setting"]
        return _of_fields(found)

    def _named(self, name: str, make: Callable[[], Schema]) -> Schema:
        if name not in self.defs:
            self.defs[name] = {}  # what is within itself ends here
            self.defs[name] = make()
        return {"$ref": f"#/$defs/{name}"}


def _of_fields(properties: dict[str, Schema]) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _null(found: Schema, null: bool) -> Schema:
    if not null or not found:
        return found
    if isinstance(kind := found.get("type"), str):
        return {**found, "type": [kind, "null"]}
    return {"anyOf": [found, {"type": "null"}]}


# tuner.toml: defaults of options by their declarations, and suites.


def _toml() -> Schema:
    maker, case = _Maker(_shapes("tuner.suites")), dict[str, Schema]()
    for name, each in CASE_OPTIONS.items():
        case[name] = {"type": "object"} if name in CASE_TABLES else _option(each)
    case["payload"] = {"description": case["payload"]["description"]}  # TOML needs no quoting
    tables = {name: maker.of(maker.shapes[f"#{name}"]) for name in ("toml_suite", "toml_case")}
    environment = {name: case[name] for name in ENVIRONMENT} | {"targets": maker.of({"*": "text"})}
    defaults = _closed(_defaults())
    return _closed(
        {
            "defaults": {**defaults, "additionalProperties": defaults},  # tables of one command
            "suite": _closed(tables["toml_suite"]["properties"]),
            "case": {
                "type": "array",
                "items": {
                    **_closed(tables["toml_case"]["properties"] | case),
                    "required": ["name", "target"],
                },
            },
            "environments": {"type": "object", "additionalProperties": _closed(environment)},
            "store": _closed({"retention": {"type": "string"}}),
        }
    )


def _closed(properties: dict[str, Schema]) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _defaults() -> dict[str, Schema]:
    """Every key of ``[defaults]``; commands may mean different things by one."""
    found: dict[str, list[Schema]] = {}
    for each in every_option():
        if not (each.about.each_time or each.internal):
            schemas = found.setdefault(each.key, [])
            if (new := _option(each)) not in schemas:
                schemas.append(new)
    return {key: s[0] if len(s) == 1 else {"anyOf": s} for key, s in sorted(found.items())}


def _option(each: Option[Any, Any]) -> Schema:
    kind, about = each.kind, each.about
    words = {bool: "boolean", int: "integer", float: "number"}
    one: Schema = {"type": words.get(kind.word, ["string", "number"])}
    if kind.words and "both" not in kind.words:  # architectures may be a list
        one = {"enum": list(kind.words)}
    if kind.word in (int, float):
        bounds = {"minimum": about.least, "maximum": about.most}
        one |= {name: bound for name, bound in bounds.items() if bound is not None}
    if kind.many:
        one = {"anyOf": [one, {"type": "array", "items": one}]}
    return {"description": each.text, **one}
