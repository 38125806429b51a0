"""A function out of a SAM or CloudFormation template, read as far as running it needs.

Reads ``AWS::Serverless::Function`` (with ``Globals``) and ``AWS::Lambda::Function``, in YAML or
JSON; expressions are worked out where the template itself holds the value. Nothing is built: code
that needs ``sam build`` is taken from ``.aws-sam/build`` by naming the template in there.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuner.errors import NotFound, UsageError
from tuner.targets.intrinsics import NO_VALUE, Values, shown, text_of
from tuner.targets.package import Layer
from tuner.targets.yaml_nodes import compose, plain

_SERVERLESS = "AWS::Serverless::Function"
_TYPES = (_SERVERLESS, "AWS::Lambda::Function")
_LAYERS = {"AWS::Serverless::LayerVersion": "ContentUri", "AWS::Lambda::LayerVersion": "Content"}


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
    unresolved: Mapping[str, str] = field(default_factory=dict)  # variables with a placeholder
    notes: tuple[str, ...] = ()  # settings that only AWS knows
    layers: tuple[Layer, ...] = ()  # on this machine, in their order


def read_template(path: Path, logical_id: str | None = None) -> SamFunction:
    """Read one function; ``logical_id`` may be left out if there is only one."""
    template = read_yaml(path)
    functions = _functions(template, path)
    name = _choose(functions, logical_id, path)
    properties = _mapping(functions[name], "Properties", path)
    if functions[name]["Type"] == _SERVERLESS:
        shared = _mapping(_mapping(template, "Globals", path), "Function", path)
        properties = _merged(shared, properties)
    for section in ("Parameters", "Mappings", "Conditions"):
        _mapping(template, section, path)
    layers = {
        str(key): (resource, _LAYERS[resource["Type"]])
        for key, resource in _mapping(template, "Resources", path).items()
        if isinstance(resource, dict) and resource.get("Type") in _LAYERS
    }
    values = Values(template, f"{path}#{name}")
    return _Reader(name, properties, values, path, layers).function()


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
    if wanted is not None and wanted not in functions:
        fix = f"There are: {listed}."
        raise NotFound(f"{path}#{wanted}", "no such function in the template", fix)
    if wanted is None and len(functions) != 1:
        reason = f"the template has {len(functions)} functions"
        raise UsageError(str(path), reason, f"Name one after #: {listed}.")
    return wanted or next(iter(functions))


@dataclass
class _Reader:
    """Reads the settings of one function."""

    name: str
    properties: Mapping[str, Any]
    values: Values
    path: Path
    layers: Mapping[str, tuple[dict[str, Any], str]]
    notes: list[str] = field(default_factory=list)

    @property
    def where(self) -> str:
        """The function, for messages."""
        return f"{self.path}#{self.name}"

    def function(self) -> SamFunction:
        """Everything that running it needs. Raises UsageError."""
        if self._text("PackageType") == "Image":
            fix = "The local Lambda runs zip packages only."
            raise UsageError(self.where, "is a container image", fix)
        code, source = self._code()
        environment, unresolved = self._environment()
        layers = tuple(self._local_layers())
        return SamFunction(
            logical_id=self.name,
            code=None if code is None else self.path.parent / code,
            source=source,
            handler=self._text("Handler"),
            runtime=self._text("Runtime"),
            memory_mb=self._number("MemorySize"),
            timeout_s=self._number("Timeout"),
            environment=environment,
            unresolved=unresolved,
            notes=tuple(self.notes),
            layers=layers,
        )

    def _local_layers(self) -> Iterator[Layer]:
        """The layers whose content is on this machine; each other becomes a note."""
        written, _ = self.values.known(self.properties.get("Layers"))
        for named in written if isinstance(written, list) else []:
            reference = shown(named)
            resource, key = self.layers.get(reference.partition(".")[0], ({}, ""))
            content, unknown = self.values.known(
                _mapping(resource, "Properties", self.path).get(key)
            )
            if unknown or not isinstance(content, str) or content.startswith("s3://"):
                self.notes.append(f"the layer {reference} is not on this machine, so it is absent")
                continue
            path = self.path.parent / content
            # sam builds bare modules into python/; what it has built has that already.
            method = str(_mapping(resource, "Metadata", self.path).get("BuildMethod"))
            bare = method.startswith("python") and not (path / "python").is_dir()
            yield Layer(path, "python/" if bare else "")

    def _environment(self) -> tuple[dict[str, str], dict[str, str]]:
        """The variables, and for those that hold a placeholder what it stands for."""
        written = self.properties.get("Environment")
        if isinstance(written, dict) and isinstance(written.get("Variables"), dict):
            variables = written["Variables"]  # one by one, so that each knows its unknowns
        else:
            settled = self.values.resolve(written)
            table = settled if isinstance(settled, dict) else {"Environment": settled}
            variables = _mapping(table, "Variables", self.path)
        environment: dict[str, str] = {}
        unresolved: dict[str, str] = {}
        for key, value in variables.items():
            found, unknown = self.values.known(value)
            if found is NO_VALUE:
                continue
            environment[str(key)] = self._as_text(found, f"Environment variable {key}", value)
            if unknown:
                unresolved[str(key)] = ", ".join(unknown)
        return environment, unresolved

    def _code(self) -> tuple[str | None, str | None]:
        """The path of the code, or the code itself."""
        written = self.properties.get("CodeUri", self.properties.get("Code"))
        code, unknown = self.values.known(written)
        inline = self.properties.get("InlineCode")
        if isinstance(code, dict) and "ZipFile" in code:
            inline = code["ZipFile"]
        if inline is not None:
            return None, self._as_text(self.values.resolve(inline), "InlineCode", inline)
        path = "." if code is None or code is NO_VALUE else code
        if unknown or not isinstance(path, str) or path.startswith("s3://"):
            fix = "Give CodeUri a local path, or use local:PATH."
            raise UsageError(self.where, "its code is not on this machine", fix)
        return path, None

    def _text(self, key: str) -> str | None:
        """A setting; ``None`` if there is none, or only AWS knows it, which becomes a note."""
        written = self.properties.get(key)
        value, unknown = self.values.known(written)
        if value is None or value is NO_VALUE:
            return None
        if unknown:
            known = f"{key} is {shown(written)}, known only on AWS"
            self.notes.append(f"{known}, so the default is used")
            return None
        return self._as_text(value, key, written)

    def _number(self, key: str) -> int | None:
        text = self._text(key)
        if text is not None and not re.fullmatch(r"\d{1,6}", text, re.ASCII):
            written = shown(self.properties[key])
            raise UsageError(self.where, f"{key} is {written}, not a number", "Write a number.")
        return None if text is None else int(text)

    def _as_text(self, value: Any, what: str, written: Any) -> str:
        try:
            return text_of(value)
        except ValueError:
            reason = f"{what} is {shown(written)}, not a text"
            raise UsageError(self.where, reason, "Write a text.") from None


def _merged(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """SAM's rule: maps are merged, everything else is replaced."""
    both = {
        key: _merged(shared[key], value)
        for key, value in own.items()
        if isinstance(value, dict) and isinstance(shared.get(key), dict)
    }
    return {**shared, **own, **both}


def _mapping(holder: Mapping[str, Any], key: str, path: Path) -> dict[Any, Any]:
    value = holder.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UsageError(str(path), f"{key} is not a map", "Check the template.")
    return value


def read_yaml(path: Path) -> dict[str, Any]:
    """A template in YAML or JSON as plain values. Raises UsageError, which names the line."""
    where = str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UsageError(where, "there is no such template", "Check the path.") from None
    except OSError as error:
        reason = f"cannot be read ({error.strerror})"
        raise UsageError(where, reason, "Check its permissions.") from None
    except UnicodeDecodeError:
        raise UsageError(where, "is not YAML (it is not UTF-8)", "Fix the file.") from None
    template = None
    if text.lstrip().startswith("{"):  # JSON is read far faster than YAML
        with suppress(ValueError, RecursionError):
            template = json.loads(text)
    if template is None:
        try:
            template = plain(compose(text, where))
        except RecursionError:
            raise UsageError(where, "is nested too deeply", "Fix the template.") from None
    if not isinstance(template, dict):
        raise UsageError(where, "is not a template", "It needs a Resources section.")
    return template
