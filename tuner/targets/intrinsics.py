"""The intrinsic functions of a template, as far as the template itself holds their values.

What only AWS knows (an ARN, the name of a resource, a parameter without a default) becomes a
placeholder named after it, and is kept in :attr:`Values.unknown`.
"""

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any

from tuner.errors import UsageError
from tuner.targets.yaml_nodes import Tagged

#: Pseudo parameters that a local function may see.
PSEUDO = {
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "000000000000",
    "AWS::Partition": "aws",
    "AWS::StackName": "local",
    "AWS::URLSuffix": "amazonaws.com",
}
#: The name of an expression that stands for a variable of the Serverless Framework.
VARIABLE = "$"
#: What ``AWS::NoValue`` becomes: a value that is left out.
NO_VALUE = object()
#: A reference that CloudFormation looks up when it deploys (its guide, "Dynamic references").
_DYNAMIC = re.compile(r"\{\{resolve:[^{}]*\}\}")
_SUBSTITUTE = re.compile(r"\$\{(!?)([^${}]+)\}")


class Values:
    """What expressions of one template are worth; ``thing`` names it in messages."""

    def __init__(
        self, template: Mapping[str, Any], thing: str, given: Mapping[str, str] | None = None
    ) -> None:
        """``given`` are values of parameters in place of their defaults; raises UsageError."""
        #: Expressions as written whose values only AWS knows, met since they were last cleared.
        self.unknown: list[str] = []
        self.thing = thing
        self._values: dict[str, Any] = dict(PSEUDO)
        parameters = _section(template, "Parameters")
        for name, parameter in parameters.items():
            table = parameter if isinstance(parameter, dict) else {}
            kind, value = str(table.get("Type")), (given or {}).get(str(name))
            if value is None and not kind.startswith("AWS::SSM::"):  # whose default is a name
                value = table.get("Default")
            if value is not None:
                listed = "List" in kind and isinstance(value, str)
                parts = value.split(",") if listed else ()
                self._values[str(name)] = [part.strip() for part in parts] if listed else value
        for name in (given or {}).keys() - parameters.keys() - PSEUDO.keys():
            fix = f"There are: {', '.join(map(str, parameters)) or 'none'}."
            raise UsageError(f"--parameter {name}", f"is not in {thing}", fix)
        self._values |= {k: v for k, v in (given or {}).items() if k in PSEUDO}
        self._mappings = _section(template, "Mappings")
        self._conditions = _section(template, "Conditions")
        self._asking: list[str] = []
        self._held: dict[str, bool] = {}

    def resolve(self, value: Any) -> Any:
        """A value with every expression in it worked out. Raises UsageError for a broken one."""
        name, inner = intrinsic(value)
        if name:
            return self._called(name, inner, value)
        if isinstance(value, dict):
            resolved = {key: self.resolve(each) for key, each in value.items()}
            return {key: each for key, each in resolved.items() if each is not NO_VALUE}
        if isinstance(value, list):
            items = [self.resolve(each) for each in value]
            return [each for each in items if each is not NO_VALUE]
        if isinstance(value, str):
            self.unknown += _DYNAMIC.findall(value)
        return value

    def known(self, value: Any) -> tuple[Any, list[str]]:
        """A value, and the expressions in it that only AWS can work out."""
        self.unknown.clear()
        found = self.resolve(value)
        return found, list(dict.fromkeys(self.unknown))

    def _called(self, name: str, inner: Any, written: Any) -> Any:
        function = _FUNCTIONS.get(name)
        try:
            if function is not None:
                return function(self, inner)
        except (TypeError, ValueError, IndexError, KeyError, AttributeError):
            reason = f"{shown(written)} cannot be worked out"
            raise UsageError(self.thing, reason, "Check its arguments.") from None
        return self._placeholder(written)

    def _placeholder(self, written: Any) -> str:
        """Named after what it stands for."""
        self.unknown.append(shown(written))
        _, inner = intrinsic(written)
        parts = inner if isinstance(inner, list) else [inner]
        return ".".join(part for part in parts if isinstance(part, str)) or "unknown"

    def _ref(self, name: Any) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self._values:
            return self._values[name]
        return self._placeholder(Tagged("Ref", name))

    def _sub(self, inner: Any) -> str:
        text, given = inner if isinstance(inner, list) else (inner, {})
        own = {str(key): self._text(value) for key, value in given.items()}

        def value(match: re.Match[str]) -> str:
            literal, name = match[1], match[2].strip()
            if literal:
                return f"${{{name}}}"
            if name in own:
                return own[name]
            if name in self._values:
                return text_of(self._values[name])
            kind = "GetAtt" if "." in name and "::" not in name else "Ref"
            return self._placeholder(Tagged(kind, name))

        if not isinstance(text, str):
            raise TypeError(text)
        self.unknown += _DYNAMIC.findall(text)
        return _SUBSTITUTE.sub(value, text)

    def _find(self, inner: Any) -> Any:
        name, *path = (self._text(part) for part in inner[:3])
        first, second = path
        try:
            return self.resolve(_get(_get(self._mappings[name], first), second))
        except KeyError:
            if len(inner) > 3:
                return self.resolve(inner[3]["DefaultValue"])
            return self._placeholder(Tagged("FindInMap", [name, first, second]))

    def _select(self, inner: Any) -> Any:
        index, items = inner
        found, at = self.listed(items), int(self._text(index))
        if self.unknown and at >= len(found):
            return ".".join(map(text_of, found))
        return found[at]

    def _text(self, value: Any) -> str:
        return text_of(self.resolve(value))

    def listed(self, value: Any) -> list[Any]:
        """A value as a list, worked out."""
        found = self.resolve(value)
        return found if isinstance(found, list) else text_of(found).split(",")

    def _holds(self, condition: Any) -> bool:
        """Return whether a condition, by name or as an expression, is true."""
        if isinstance(condition, bool):
            return condition
        if isinstance(condition, str):
            return self._named(condition)
        name, inner = intrinsic(condition)
        if name == "Condition":
            return self._named(inner)
        if name == "Equals":
            one, other = map(self._text, inner)
            return one == other
        if name == "Not":
            return not self._holds(inner[0])
        if name in ("And", "Or"):
            return (all if name == "And" else any)(self._holds(each) for each in inner)
        raise ValueError(name)

    def _named(self, name: str) -> bool:
        if name in self._held:
            return self._held[name]
        if name in self._asking:
            reason = f"the condition {name} asks for itself"
            raise UsageError(self.thing, reason, "Break the ring.")
        if name not in self._conditions:
            raise UsageError(self.thing, f"has no condition {name}", "Add it to Conditions.")
        self._asking.append(name)
        try:
            self._held[name] = self._holds(self._conditions[name])
            return self._held[name]
        finally:
            self._asking.pop()


def _if(values: Values, condition: Any, yes: Any, no: Any) -> Any:
    return values.resolve(yes if values._holds(condition) else no)


def _join(values: Values, separator: Any, parts: Any) -> str:
    return str(separator).join(map(text_of, values.listed(parts)))


def _cidr(values: Values, block: Any, count: Any, bits: Any) -> list[str]:
    """So many networks in a block, each with ``bits`` bits for its hosts."""
    known, text = len(values.unknown), values._text(block)
    if len(values.unknown) > known:
        return [text]
    network = ipaddress.ip_network(text)
    found = network.subnets(new_prefix=network.max_prefixlen - int(values._text(bits)))
    return [str(each) for each in islice(found, int(values._text(count)))]


def _condition(name: str) -> Callable[[Values, Any], Any]:
    return lambda values, inner: values._holds(Tagged(name, inner))


_FUNCTIONS: Mapping[str, Callable[[Values, Any], Any]] = {
    "Ref": Values._ref,
    "Sub": Values._sub,
    "Join": lambda values, inner: _join(values, *inner),
    "FindInMap": Values._find,
    "If": lambda values, inner: _if(values, *inner),
    "Select": Values._select,
    "Split": lambda values, inner: values._text(inner[1]).split(inner[0]),
    "Base64": lambda values, inner: base64.b64encode(values._text(inner).encode()).decode(),
    "ToJsonString": lambda values, inner: json.dumps(values.resolve(inner), default=text_of),
    "Cidr": lambda values, inner: _cidr(values, *inner),
    "Length": lambda values, inner: len(values.listed(inner)),
    **{name: _condition(name) for name in ("Equals", "And", "Or", "Not", "Condition")},
}


def intrinsic(value: Any) -> tuple[str, Any]:
    """Name and argument of ``!Ref x`` or ``{"Ref": x}``; empty if it is neither."""
    if isinstance(value, Tagged):
        return value.name, value.value
    if isinstance(value, dict) and len(value) == 1:
        key, inner = next(iter(value.items()))
        if key in ("Ref", "Condition") or str(key).startswith("Fn::"):
            return str(key).removeprefix("Fn::"), inner
    return "", None


def shown(value: Any) -> str:
    """A value as a template writes it, on one line."""
    name, inner = intrinsic(value)
    if name == VARIABLE:
        return f"${{{inner}}}"[:120]
    if name:
        return f"!{name} {shown(inner)}"[:120]
    if isinstance(value, list):
        return f"[{', '.join(map(shown, value))}]"[:120]
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {shown(each)}' for key, each in value.items())}}}"[:120]
    return text_of(value)[:120]


def text_of(value: Any) -> str:
    """A value as CloudFormation passes it on: text. Raises ValueError for a map or a list."""
    if isinstance(value, bool):
        return str(value).lower()
    if value is None or value is NO_VALUE:
        return ""
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list):
        return ",".join(map(text_of, value))
    raise ValueError("not a text")


def _get(table: Any, key: str) -> Any:
    """A mapping's entry; keys such as account numbers may have been read as numbers."""
    for name, value in table.items():
        if text_of(name) == key:
            return value
    raise KeyError(key)


def _section(template: Mapping[str, Any], name: str) -> dict[Any, Any]:
    value = template.get(name)
    return value if isinstance(value, dict) else {}
