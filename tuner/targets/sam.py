"""A function out of a SAM or CloudFormation template, read as far as running it needs.

Reads ``AWS::Serverless::Function`` (with ``Globals``) and ``AWS::Lambda::Function``, in YAML or
JSON; expressions are worked out where the template itself holds the value. Nothing is built: code
that needs ``sam build`` is taken from ``.aws-sam/build`` by naming the template in there.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuner.errors import NotFound, UsageError
from tuner.targets.intrinsics import NO_VALUE, Values, intrinsic, shown, text_of
from tuner.targets.loops import Loops
from tuner.targets.package import Layer
from tuner.targets.serverless import as_template, is_serverless, title
from tuner.targets.templates import template_files
from tuner.targets.terraform_plan import is_plan, plan_template
from tuner.targets.yaml_nodes import read_yaml

_SERVERLESS = "AWS::Serverless::Function"
_TYPES = (_SERVERLESS, "AWS::Lambda::Function")
_LAYERS = {"AWS::Serverless::LayerVersion": "ContentUri", "AWS::Lambda::LayerVersion": "Content"}
#: Properties that change what a function does on AWS, and that the local Lambda leaves out.
_WITHOUT_EFFECT = ("FileSystemConfigs", "TenancyConfig", "DurableConfig", "CapacityProviderConfig")


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


def read_function(
    path: Path, name: str | None, parameters: Mapping[str, str]
) -> tuple[Path, SamFunction]:
    """The function that a file or folder with templates means, and its template.

    Raises UsageError, or NotFound with the functions that there are.
    """
    files = template_files(path, name is not None)
    if len(files) > 1:
        found = {file: _functions(_opened(file, parameters), file) for file in files}
        having = [file for file in files if name is None or _named(found[file], name)]
        files = [file for file in having if found[file]]
        if len(files) != 1:
            listed = ", ".join(f"{file}#{each}" for file in found for each in found[file])
            reason = f"{len(files)} of its {len(found)} templates have {name or 'functions'}"
            raise UsageError(str(path), reason, f"Name one of local:{listed or 'PATH'}.")
    return files[0], read_template(files[0], name, parameters)


def read_template(
    path: Path, name: str | None = None, parameters: Mapping[str, str] | None = None
) -> SamFunction:
    """Read one function of a file; ``name`` may be left out if there is only one.

    It is a logical id, a function's own name, or what CDK and Serverless call it.
    """
    template = _opened(path, parameters or {})
    functions = _functions(template, path)
    found = _choose(functions, name, path, _nested(template, path))
    properties = _mapping(functions[found], "Properties", path)
    if _is_expression(properties):
        reason = f"its Properties are {shown(properties)}, not a map of settings"
        raise UsageError(f"{path}#{found}", reason, "Write them out.")
    if functions[found]["Type"] == _SERVERLESS:
        shared = _mapping(_mapping(template, "Globals", path), "Function", path)
        properties = _merged(shared, properties)
    layers = {
        str(key): (resource, _LAYERS[resource["Type"]])
        for key, resource in _mapping(template, "Resources", path).items()
        if isinstance(resource, dict) and resource.get("Type") in _LAYERS
    }
    given = {k: v for k, v in (parameters or {}).items() if k in template.get("Parameters", {})}
    values = Values(template, f"{path}#{found}", given)
    metadata = _mapping(functions[found], "Metadata", path)
    return _Reader(found, properties, metadata, values, path, layers).function()


def function_names(path: Path) -> list[str]:
    """The logical ids of a template's functions."""
    return list(_functions(_opened(path, {}), path))


def _opened(path: Path, parameters: Mapping[str, str]) -> dict[str, Any]:
    """A template with its loops written out; of a serverless.yml the one it stands for."""
    template = read_yaml(path)
    if is_serverless(template):
        template, parameters = as_template(template, path, parameters), {}
    elif is_plan(template):
        template = plan_template(template)
    for section in ("Parameters", "Mappings", "Conditions"):
        _mapping(template, section, path)
    whole: dict[str, Any] = Loops(Values(template, str(path), parameters)).written_out(template)
    return whole


def _functions(template: Mapping[str, Any], path: Path) -> dict[str, Any]:
    return {
        str(name): resource
        for name, resource in _mapping(template, "Resources", path).items()
        if isinstance(resource, dict) and resource.get("Type") in _TYPES
    }


#: Resources that are templates themselves, and the property that names their file.
NESTED = {"AWS::Serverless::Application": "Location", "AWS::CloudFormation::Stack": "TemplateURL"}


def _nested(template: Mapping[str, Any], path: Path) -> list[str]:
    """The files of templates that this one contains, as far as they are named."""
    resources = _mapping(template, "Resources", path).values()
    found = (
        _mapping(each, "Properties", path).get(NESTED[each["Type"]])
        for each in resources
        if isinstance(each, dict) and each.get("Type") in NESTED
    )
    return [str(path.parent / file) for file in found if isinstance(file, str)]


def _choose(
    functions: Mapping[str, Any], wanted: str | None, path: Path, nested: Sequence[str]
) -> str:
    listed = ", ".join(functions) or "none"
    found = list(functions) if wanted is None else _named(functions, wanted)
    if not found and nested:
        reason = "has no such function itself" if wanted else "has no functions itself"
        raise NotFound(str(path), reason, f"Name local:{' or local:'.join(nested)}.")
    if wanted is None and not functions:
        raise UsageError(str(path), "has no functions", "Name a template that has one.")
    if wanted is not None and not found:
        fix = f"There are: {listed}."
        raise NotFound(f"{path}#{wanted}", "no such function in the template", fix)
    if len(found) != 1:
        reason = f"the template has {len(found)} functions{f' named {wanted}' if wanted else ''}"
        raise UsageError(str(path), reason, f"Name one after #: {listed}.")
    return found[0]


def _named(functions: Mapping[str, Any], wanted: str) -> list[str]:
    """The logical ids of those that are called so: by id, else by another of their names."""
    if wanted in functions:
        return [wanted]
    if (packaged := f"{title(wanted)}LambdaFunction") in functions:
        return [packaged]  # as Serverless names it
    return [key for key, resource in functions.items() if wanted in _other_names(resource)]


def _other_names(resource: Mapping[str, Any]) -> Iterator[Any]:
    """A function's own name, and its path in a CDK app."""
    properties, metadata = resource.get("Properties"), resource.get("Metadata")
    if isinstance(properties, dict):
        yield properties.get("FunctionName")
    if isinstance(metadata, dict) and isinstance(made := metadata.get("aws:cdk:path"), str):
        construct = made.removesuffix("/Resource")
        yield construct
        yield construct.rpartition("/")[2]


@dataclass
class _Reader:
    """Reads the settings of one function."""

    name: str
    properties: Mapping[str, Any]
    metadata: Mapping[str, Any]
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
        if self._text("PackageType") == "Image" or self._has_image():
            fix = "The local Lambda runs zip packages only."
            raise UsageError(self.where, "is a container image", fix)
        code, source = self._code()
        environment, unresolved = self._environment()
        layers = tuple(self._local_layers())
        without = (key for key in _WITHOUT_EFFECT if self.properties.get(key))
        self.notes += [f"{key} has no effect on the local Lambda" for key in without]
        return SamFunction(
            logical_id=self.name,
            code=code,
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

    def _has_image(self) -> bool:
        code = self.properties.get("Code")
        return "ImageUri" in self.properties or (isinstance(code, dict) and "ImageUri" in code)

    def _local_layers(self) -> Iterator[Layer]:
        """The layers whose content is on this machine; each other becomes a note."""
        written, unknown = self.values.known(self.properties.get("Layers"))
        if unknown and not isinstance(written, list):
            self.notes.append(f"its layers are {', '.join(unknown)}, known only on AWS, so absent")
        for named in written if isinstance(written, list) else []:
            reference = shown(named)
            there = (reference, reference.partition(".")[0])
            resource, key = next((self.layers[r] for r in there if r in self.layers), ({}, ""))
            written = _mapping(resource, "Properties", self.path).get(key)
            content = self._on_this_machine(written, _mapping(resource, "Metadata", self.path))
            if content is None:
                self.notes.append(f"the layer {reference} is not on this machine, so it is absent")
                continue
            # sam builds bare modules into python/; what it has built has that already.
            method = str(_mapping(resource, "Metadata", self.path).get("BuildMethod"))
            bare = method.startswith("python") and not (content / "python").is_dir()
            yield Layer(content, "python/" if bare else "")

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

    def _on_this_machine(self, written: Any, metadata: Mapping[str, Any]) -> Path | None:
        """Where code or a layer's content is: a path, an asset of CDK, or what a tool that has
        made the template keeps beside it under the last part of its key."""
        folder = self.path.parent
        if isinstance(asset := metadata.get("aws:asset:path"), str):
            return folder / asset
        value, unknown = self.values.known(written)
        if isinstance(value, str):
            return None if unknown or value.startswith("s3://") else folder / value
        if not isinstance(value, dict):
            return None
        key = Path(str(value.get("S3Key", value.get("Key", ""))))
        beside = [folder / name for name in (key.name, f"asset.{key.stem}", f"asset.{key.name}")]
        return next((path for path in beside if key.name and path.exists()), None)

    def _code(self) -> tuple[Path | None, str | None]:
        """The path of the code, or the code itself."""
        written = self.properties.get("CodeUri", self.properties.get("Code"))
        code, _ = self.values.known(written)
        inline = self.properties.get("InlineCode")
        if isinstance(code, dict) and "ZipFile" in code:
            inline = code["ZipFile"]
        if inline is not None:
            return None, self._as_text(self.values.resolve(inline), "InlineCode", inline)
        if code is None or code is NO_VALUE:
            written = "."
        path = self._on_this_machine(written, self.metadata)
        if path is None:
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
        if text is not None and not re.fullmatch(r"\d{1,6}(\.0*)?", text, re.ASCII):
            written = shown(self.properties[key])
            raise UsageError(self.where, f"{key} is {written}, not a number", "Write a number.")
        return None if text is None else int(text.partition(".")[0])

    def _as_text(self, value: Any, what: str, written: Any) -> str:
        try:
            return text_of(value)
        except ValueError:
            reason = f"{what} is {shown(written)}, not a text"
            raise UsageError(self.where, reason, "Write a text.") from None


def _merged(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """SAM's rule: maps are merged, lists are added, everything else is replaced (SAM's guide,
    "Globals section", "Overridable properties")."""
    both: dict[str, Any] = {}
    for key, value in own.items():
        before = shared.get(key)
        if isinstance(value, dict) and isinstance(before, dict) and not _is_expression(value):
            both[key] = _merged(before, value)
        elif isinstance(value, list) and isinstance(before, list):
            both[key] = [*before, *value]
    return {**shared, **own, **both}


def _is_expression(value: Any) -> bool:
    return bool(intrinsic(value)[0])


def _mapping(holder: Mapping[str, Any], key: str, path: Path) -> dict[Any, Any]:
    value = holder.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise UsageError(str(path), f"{key} is not a map", "Check the template.")
    return value
