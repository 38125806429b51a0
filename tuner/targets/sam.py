"""A function out of a SAM or CloudFormation template, read as far as running it needs.

Reads ``AWS::Serverless::Function`` (with ``Globals``) and ``AWS::Lambda::Function``; intrinsic
functions are resolved where the template itself holds the value. Nothing is built: code that
needs ``sam build`` is taken from ``.aws-sam/build`` by naming the template in there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from tuner.errors import NotFound, UsageError

_SERVERLESS = "AWS::Serverless::Function"
_TYPES = (_SERVERLESS, "AWS::Lambda::Function")
#: Pseudo parameters that a local function may see.
_PSEUDO = {
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "000000000000",
    "AWS::Partition": "aws",
    "AWS::StackName": "local",
    "AWS::URLSuffix": "amazonaws.com",
}
_SUBSTITUTE = re.compile(r"\$\{(!?)([A-Za-z0-9:.]+)\}")


@dataclass(frozen=True)
class SamFunction:
    """One function of a template. ``code`` is a path, or ``source`` is the code itself."""

    logical_id: str
    code: Path | None
    source: str | None
    handler: str | None
    runtime: str | None
    memory_mb: int | None
    timeout_s: int | None
    environment: Mapping[str, str] = field(default_factory=dict)
    unresolved: Mapping[str, str] = field(default_factory=dict)  # variables known only on AWS


@dataclass(frozen=True)
class _Intrinsic:
    """``!Ref x``, ``!Sub x``: not a value yet."""

    name: str
    value: Any


def read_template(path: Path, logical_id: str | None = None) -> SamFunction:
    """Read one function; ``logical_id`` may be left out if there is only one."""
    template = read_yaml(path)
    functions = _functions(template, path)
    name = _choose(functions, logical_id, path)
    properties = _mapping(functions[name], "Properties", path)
    if functions[name]["Type"] == _SERVERLESS:
        shared = _mapping(_mapping(template, "Globals", path), "Function", path)
        properties = _merged(shared, properties)
    return _read(name, properties, _parameters(template, path), path)


def function_names(path: Path) -> list[str]:
    """The logical ids of a template's functions."""
    return list(_functions(read_yaml(path), path))


def _functions(template: Mapping[str, Any], path: Path) -> dict[str, Any]:
    return {
        str(name): resource
        for name, resource in _mapping(template, "Resources", path).items()
        if isinstance(resource, dict) and resource.get("Type") in _TYPES
    }


def _choose(functions: Mapping[str, Any], wanted: str | None, path: Path) -> str:
    listed = ", ".join(functions) or "none"
    if wanted is not None:
        if wanted not in functions:
            raise NotFound(
                f"{path}#{wanted}", "no such function in the template", f"There are: {listed}."
            )
        return wanted
    if len(functions) != 1:
        raise UsageError(
            str(path),
            f"the template has {len(functions)} functions",
            f"Name one after #: {listed}.",
        )
    return next(iter(functions))


def _read(
    name: str, properties: Mapping[str, Any], values: Mapping[str, str], path: Path
) -> SamFunction:
    where = f"{path}#{name}"
    if properties.get("PackageType") == "Image":
        raise UsageError(where, "is a container image", "The local Lambda runs zip packages only.")
    code, source = _code(properties, values, where)
    variables = _mapping(_mapping(properties, "Environment", path), "Variables", path)
    resolved = {str(key): _resolve(value, values) for key, value in variables.items()}
    return SamFunction(
        logical_id=name,
        code=None if code is None else path.parent / code,
        source=source,
        handler=_resolve(properties.get("Handler"), values),
        runtime=_resolve(properties.get("Runtime"), values),
        memory_mb=_number(properties, "MemorySize", values, where),
        timeout_s=_number(properties, "Timeout", values, where),
        environment={key: value for key, value in resolved.items() if value is not None},
        unresolved={
            str(key): _shown(value)
            for key, value in variables.items()
            if resolved[str(key)] is None
        },
    )


def _code(
    properties: Mapping[str, Any], values: Mapping[str, str], where: str
) -> tuple[str | None, str | None]:
    """The path of the code, or the code itself."""
    code = properties.get("CodeUri", properties.get("Code"))
    inline = properties.get("InlineCode")
    if isinstance(code, dict) and "ZipFile" in code:
        inline = code["ZipFile"]
    if inline is not None:
        return None, _resolve(inline, values)
    path = "." if code is None else _resolve(code, values)
    if path is None or path.startswith("s3://"):
        raise UsageError(
            where,
            "its code is not on this machine",
            "Give CodeUri a local path, or use local:PATH.",
        )
    return path, None


def _number(
    properties: Mapping[str, Any], key: str, values: Mapping[str, str], where: str
) -> int | None:
    if properties.get(key) is None:
        return None
    text = _resolve(properties[key], values)
    if text is None or not re.fullmatch(r"\d{1,6}", text, re.ASCII):
        raise UsageError(
            where, f"{key} is {_shown(properties[key])}, not a number", "Write a number."
        )
    return int(text)


def _parameters(template: Mapping[str, Any], path: Path) -> dict[str, str]:
    """Return the values that ``!Ref`` may name: pseudo parameters and parameters with a default."""
    values = dict(_PSEUDO)
    for name, parameter in _mapping(template, "Parameters", path).items():
        if isinstance(parameter, dict) and parameter.get("Default") is not None:
            values[str(name)] = str(parameter["Default"])
    return values


def _resolve(value: Any, values: Mapping[str, str]) -> str | None:
    """A value as text; ``None`` if only AWS knows it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    name, inner = _intrinsic(value)
    if name == "Ref" and isinstance(inner, str):
        return values.get(inner)
    if name == "Sub" and isinstance(inner, str):
        return _substitute(inner, values)
    return None


def _intrinsic(value: Any) -> tuple[str, Any]:
    """Name and argument of ``!Ref x`` or ``{"Ref": x}``; empty if it is neither."""
    if isinstance(value, _Intrinsic):
        return value.name, value.value
    if isinstance(value, dict) and len(value) == 1:
        key, inner = next(iter(value.items()))
        return str(key).removeprefix("Fn::"), inner
    return "", None


def _substitute(text: str, values: Mapping[str, str]) -> str | None:
    names = {match[2] for match in _SUBSTITUTE.finditer(text) if not match[1]}
    if not names <= values.keys():
        return None
    return _SUBSTITUTE.sub(lambda m: f"${{{m[2]}}}" if m[1] else values[m[2]], text)


def _shown(value: Any) -> str:
    name, inner = _intrinsic(value)
    return f"!{name} {inner}" if name else str(value)


def _merged(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """SAM's rule: maps are merged, everything else is replaced."""
    merged = dict(shared)
    for key, value in own.items():
        below = merged.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            merged[key] = _merged(below, value)
        else:
            merged[key] = value
    return merged


def _mapping(holder: Mapping[str, Any], key: str, path: Path) -> dict[Any, Any]:
    value = holder.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UsageError(str(path), f"{key} is not a map", "Check the template.")
    return value


def read_yaml(path: Path) -> dict[str, Any]:
    """A template as plain values. Raises UsageError, which names the line."""

    class Constructor(SafeConstructor):
        """Plain values only; what CloudFormation tags stays an :class:`_Intrinsic`."""

    Constructor.add_multi_constructor("!", _tagged)
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = Constructor
    try:
        template = yaml.load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(str(path), "there is no such template", "Check the path.") from None
    except OSError as error:
        raise UsageError(
            str(path), f"cannot be read ({error.strerror})", "Check its permissions."
        ) from None
    except (YAMLError, ValueError, TypeError, AttributeError, RecursionError) as error:
        line = str(getattr(error, "problem", None) or error).splitlines()[:1]
        mark = getattr(error, "problem_mark", None)
        thing = f"{path}, line {mark.line + 1}" if mark else str(path)
        raise UsageError(thing, f"is not YAML ({''.join(line)})", "Fix the template.") from None
    if not isinstance(template, dict):
        raise UsageError(str(path), "is not a template", "It needs a Resources section.")
    return template


def _tagged(constructor: SafeConstructor, suffix: str, node: Node) -> _Intrinsic:
    if isinstance(node, MappingNode):
        return _Intrinsic(suffix, constructor.construct_mapping(node, deep=True))
    if isinstance(node, SequenceNode):
        return _Intrinsic(suffix, constructor.construct_sequence(node, deep=True))
    if isinstance(node, ScalarNode):
        return _Intrinsic(suffix, constructor.construct_scalar(node))
    return _Intrinsic(suffix, None)
