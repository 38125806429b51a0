"""A ``serverless.yml`` as the template that the Serverless Framework would make of it.

Only what running a function needs is translated. Variables are worked out where files, options and
the environment hold their values; a variable of another kind (``ssm``, ``cf``, ``s3``) becomes an
expression that only AWS knows. Nothing is run, so plugins do not count.
"""

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tuner.errors import UsageError
from tuner.files import SETTINGS_BYTES, read_bytes
from tuner.targets.intrinsics import PSEUDO, VARIABLE
from tuner.targets.yaml_nodes import Tagged, compose, plain

#: What the framework deploys with unless the file says more (its guide, "AWS Functions").
_DEFAULTS = {"memorySize": 1024, "timeout": 6}
_PROPERTIES = {
    "Handler": "handler",
    "Runtime": "runtime",
    "MemorySize": "memorySize",
    "Timeout": "timeout",
    "Layers": "layers",
}
#: Values that variables stand for, and characters of one text: few lines can ask for any number.
_MOST_STEPS, _LONGEST = 20_000, 1_000_000
_BRACES = re.compile(r"\$\{|[{}]")
_BEGINS = re.compile(r"\s*[A-Za-z0-9_-]+(\(|:(?!:))")
_KIND = re.compile(
    r"(?P<kind>[A-Za-z0-9_-]+)(?:\((?P<of>[^()]*)\))?(?::(?!:)(?P<address>.*))?", re.S
)
_MISSING = object()


def is_serverless(config: Mapping[str, Any]) -> bool:
    """Return whether a file is a ``serverless.yml``, by its keys."""
    return "Resources" not in config and "functions" in config and "provider" in config


def as_template(
    config: Mapping[str, Any], path: Path, parameters: Mapping[str, str]
) -> dict[str, Any]:
    """The template; ``parameters`` are the framework's options and parameters.

    Raises UsageError.
    """
    variables = _Variables(config, path, parameters)
    told = variables.of("provider")
    provider = _map(told)
    _check_provider(provider.get("name") if provider else told, path)
    template: dict[str, Any] = {}
    for part in _maps(variables.of("resources")):
        for section, entries in part.items():
            template[section] = {**_map(template.get(section)), **_map(entries)}
    resources = template["Resources"] = _map(template.get("Resources"))
    for name, layer in _map(variables.of("layers")).items():
        content = _map(_map(layer).get("package")).get("artifact") or _map(layer).get("path")
        resources[f"{title(str(name))}LambdaLayer"] = {
            "Type": "AWS::Lambda::LayerVersion",
            "Properties": {"Content": content},
        }
    artifact = _map(variables.of("package")).get("artifact")
    stage = f"{variables.name('service')}-{variables.stage}"
    given = variables.of("functions")
    named = {name: each for part in _maps(given) for name, each in part.items()}
    for name, function in named.items():
        properties = _function(_map(function), provider, artifact)
        properties.setdefault("FunctionName", f"{stage}-{name}")
        resources[str(name)] = {"Type": "AWS::Lambda::Function", "Properties": properties}
    if not named:
        _refuse(given, path)
    return template


def _check_provider(name: Any, path: Path) -> None:
    """Raise UsageError for functions of another cloud."""
    if isinstance(name, str) and name and name != "aws":
        reason = f"its functions are for the provider {name[:80]}, not for AWS"
        raise UsageError(str(path), reason, "Name a serverless.yml for AWS, or the code itself.")


def _refuse(given: Any, path: Path) -> None:
    """Raise UsageError for functions of which nothing is known."""
    for each in given if isinstance(given, list) else [given]:
        if isinstance(each, Tagged):
            reason = f"its functions come from ${{{str(each.value)[:80]}}}, which is not known here"
            fix = "Run `serverless package`, then name local:.serverless#FUNCTION."
            raise UsageError(str(path), reason, fix)


def _function(
    function: Mapping[str, Any], provider: Mapping[str, Any], artifact: Any
) -> dict[str, Any]:
    both = {**_DEFAULTS, **provider, **function}
    own = _map(function.get("package")).get("artifact") or artifact
    variables = {**_map(provider.get("environment")), **_map(function.get("environment"))}
    properties = {name: both[key] for name, key in _PROPERTIES.items() if both.get(key) is not None}
    properties["Code"] = own or "."
    properties["Environment"] = {
        "Variables": {key: value for key, value in variables.items() if value is not None}
    }
    if "image" in function:
        properties["PackageType"] = "Image"
    if function.get("name"):
        properties["FunctionName"] = function["name"]
    return properties


def _map(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _maps(value: Any) -> Iterator[dict[Any, Any]]:
    """A map, or each of a list of them."""
    parts = value if isinstance(value, list) else [value]
    return (each for each in parts if isinstance(each, dict))


def title(name: str) -> str:
    """A name as the framework writes it in logical ids."""
    plain_name = name.replace("-", "Dash").replace("_", "Underscore")
    return plain_name[:1].upper() + plain_name[1:]


class _Variables:
    """Works out the ``${...}`` of one file."""

    def __init__(
        self, config: Mapping[str, Any], path: Path, parameters: Mapping[str, str]
    ) -> None:
        self._config, self._path, self._given = config, path, parameters
        self._asking: list[str] = []
        self._steps = 0
        self.stage = parameters.get("stage") or "dev"
        self.region = parameters.get("region") or PSEUDO["AWS::Region"]
        self.stage = parameters.get("stage") or self.name("provider", "stage") or "dev"

    def of(self, key: str) -> Any:
        """A section, worked out."""
        return self._resolved(self._config.get(key))

    def name(self, *path: str) -> str:
        """A text of the file; empty if it has none that is known."""
        found = self._resolved(self._at(self._config, path))
        found = found.get("name") if isinstance(found, dict) else found
        return found if isinstance(found, str) else ""

    def _resolved(self, value: Any) -> Any:
        self._steps += bool(self._asking)
        if self._steps > _MOST_STEPS:
            fix = "Write some of them out."
            raise UsageError(str(self._path), "its variables make it far too large", fix)
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, Tagged):
            return Tagged(value.name, self._resolved(value.value))
        if isinstance(value, dict):
            return {key: self._resolved(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._resolved(each) for each in value]
        return value

    def _text(self, text: str) -> Any:
        """A text with its variables; one that is nothing but a variable has any kind of value."""
        parts: list[Any] = []
        at = 0
        for start, end in _variables(text):
            found = self._variable(text[start + 2 : end - 1])
            if (start, end) == (0, len(text)):
                return found
            parts += [text[at:start], found]
            at = end
        parts.append(text[at:])
        if len(parts) == 1:
            return text
        if any(isinstance(part, Tagged) for part in parts):
            return Tagged("Join", ["", parts])
        joined = "".join(map(_as_text, parts))
        if len(joined) > _LONGEST:
            raise UsageError(str(self._path), "has a variable that is far too long", "Shorten it.")
        return joined

    def _variable(self, source: str) -> Any:
        """The first of its alternatives that is known."""
        if source in self._asking:
            raise UsageError(str(self._path), f"${{{source[:80]}}} asks for itself", "Break it.")
        self._asking.append(source)
        try:
            for alternative in _alternatives(source):
                found = self._alternative(alternative)
                if found is not _MISSING and found is not None:
                    return found
        except RecursionError:
            raise UsageError(str(self._path), "is nested too deeply", "Fix the file.") from None
        finally:
            self._asking.pop()
        return self.stage if source == "opt:stage" else Tagged(VARIABLE, source)

    def _alternative(self, text: str) -> Any:
        if text[:1] in "'\"" and text[-1:] == text[:1]:
            return self._text(text[1:-1])
        address = self._text(text)
        if not isinstance(address, str) or text.startswith("${"):
            return _MISSING if isinstance(address, Tagged) else address
        found = _KIND.fullmatch(address)
        if found is None or (found["of"] is None and found["address"] is None):
            return _literal(address)
        return self._resolved(self._looked_up(found["kind"], found["of"], found["address"] or ""))

    def _looked_up(self, kind: str, of: str | None, address: str) -> Any:
        path = [part for part in address.split(".") if part]
        if kind == "self":
            usual = {"provider.stage": self.stage, "provider.region": self.region}
            found = self._at(self._config, path)
            return usual.get(address, _MISSING) if found in (_MISSING, None) else found
        if kind in ("opt", "param") and address in self._given:
            return self._given[address]
        if kind == "param":
            stages = (self._at(self._config, ["params", s]) for s in (self.stage, "default"))
            return next((t[address] for t in stages if address in _map(t)), _MISSING)
        if kind == "env":
            return os.environ.get(address, _MISSING)
        if kind == "file" and of is not None:
            return self._in_file(of.strip(), path)
        told = {
            "sls:stage": self.stage,
            "aws:accountId": PSEUDO["AWS::AccountId"],
            "aws:region": self.region,
        }
        return told.get(f"{kind}:{address}", _MISSING)

    def _in_file(self, name: str, path: Iterable[str]) -> Any:
        """What a file holds; ``_MISSING`` if it is none, or a program."""
        file = self._path.parent / name.replace("~", str(Path.home()), 1)
        if file.suffix in (".js", ".cjs", ".mjs", ".ts"):
            return _MISSING
        try:
            text = read_bytes(file, SETTINGS_BYTES, plain=True).decode("utf-8-sig")
        except (OSError, ValueError):
            return _MISSING
        if file.suffix not in (".yml", ".yaml", ".json"):
            return text
        return self._at(plain(compose(text, str(file))), path)

    def _at(self, value: Any, path: Iterable[str]) -> Any:
        """The value at the end of a path, on which others may be variables."""
        for key in path:
            value = self._text(value) if isinstance(value, str) else value
            if isinstance(value, list) and key.isdecimal() and int(key) < len(value):
                value = value[int(key)]
            elif isinstance(value, dict) and key in value:
                value = value[key]
            else:
                return _MISSING
        return value


def _variables(text: str) -> Iterator[tuple[int, int]]:
    """The places of the outermost variables; ``${Name}`` and ``${AWS::Region}`` are none."""
    ends: dict[int, int] = {}
    opened: list[int] = []
    for brace in _BRACES.finditer(text):
        if brace[0] != "}":
            opened.append(brace.start())
        elif opened:
            ends[opened.pop()] = brace.end()
    at = 0
    for start in sorted(ends):
        if start >= at and text.startswith("${", start) and _BEGINS.match(text, start + 2):
            at = ends[start]
            yield start, at


def _alternatives(source: str) -> list[str]:
    """The parts of a variable between commas that are in no brackets or quotes."""
    parts, depth, quote = [""], 0, ""
    for char in source:
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        depth += (char in "{(") - (char in "})") if not quote else 0
        if char == "," and not depth and not quote:
            parts.append("")
        else:
            parts[-1] += char
    return [part.strip() for part in parts]


def _literal(text: str) -> Any:
    """A number or a word out of JSON, else nothing that is known."""
    try:
        return json.loads(text)
    except ValueError:
        return _MISSING


def _as_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
