"""``local:`` and ``demo:``: a function from this machine on the embedded local Lambda.

Packages the code, starts the service, creates the function there, and from then on is the AWS
path with another endpoint. Whatever is wrong with the code is said before anything is started.
"""

import platform
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from tuner.aws.control import ControlPlane
from tuner.aws.session import LOOPBACK_REGION, SessionOptions, open_session
from tuner.clock import Clock, WallClock
from tuner.errors import UsageError
from tuner.locallambda.sandbox.nodejs.runtime import prepare
from tuner.locallambda.sandbox.nodejs.versions import naming
from tuner.locallambda.sandbox.runtime_command import is_nodejs
from tuner.records import FunctionFacts
from tuner.targets.aws import AwsTarget
from tuner.targets.aws_versions import AwsOptions
from tuner.targets.embedded import EmbeddedLambda, EmbeddedOptions
from tuner.targets.names import DEMOS, Kind, TargetName
from tuner.targets.package import (
    Package,
    foreign_files,
    named_packages,
    package_source,
    read_package,
    with_layers,
)
from tuner.targets.seam import Code, Finding, Progress, Target
from tuner.targets.templates import template_files

#: What a new function has on AWS unless one says more.
DEFAULT_MEMORY_MB = 128
_ROLE = "arn:aws:iam::000000000000:role/tuner-local"
_ARCHES = {"aarch64": "arm64", "arm64": "arm64"}


@dataclass(frozen=True)
class LocalOptions:
    """``--handler``, ``--runtime``, ``--env``, ``--node``, ``--cpu``; a template's values give way
    to them, and those of ``--parameter`` come in place of its defaults.

    ``timeout_s`` is the function's timeout where no template says another: Lambda's own default
    of 3 s would end honest work at 128 MB.
    """

    handler: str | None = None
    runtime: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    timeout_s: int = 30
    node: str | None = None
    embedded: EmbeddedOptions = field(default_factory=EmbeddedOptions)
    progress: Progress = lambda _text: None
    clock: Clock = field(default_factory=WallClock)


@dataclass(frozen=True)
class _Function:
    """A function to create on the local Lambda."""

    name: str
    package: Package
    memory_mb: int
    timeout_s: int
    environment: Mapping[str, str]
    chosen: bool = True  # its memory size, by somebody
    notes: tuple[str, ...] = ()  # what differs from AWS because of its template


def open_local(name: TargetName, options: LocalOptions) -> "LocalTarget":
    """Package ``local:PATH`` or ``demo:NAME``, start the service, create the function.

    Raises :class:`UsageError` or :class:`NotFound` for code that cannot run,
    :class:`TargetError` if the service does not come up.
    """
    with naming(options.node):  # the service inherits it
        function = _read(name, options)
        if is_nodejs(function.package.runtime):
            prepare(function.package.runtime, named_packages(function.package), options.progress)
        options.progress("starting the local Lambda")
        service = EmbeddedLambda(options.embedded, options.clock)
    try:
        return LocalTarget(service, function, options)
    except BaseException:
        service.close()
        raise


def local_code(name: TargetName, options: LocalOptions, label: str) -> Code:
    """The code of ``local:PATH`` as it is there now. Raises UsageError or NotFound."""
    with naming(options.node):
        package = _read(name, options).package
    return Code(package.zip_bytes, label, package.handler, package.runtime)


class LocalTarget(AwsTarget):
    """The AWS target on a service that ends with us, of which only we know."""

    def __init__(self, service: EmbeddedLambda, function: _Function, options: LocalOptions) -> None:
        self._service, self._function, self._local = service, function, options
        super().__init__(*_created(service, function, options))
        self._foreign = foreign_files(function.package)

    def check_up(self) -> Iterator[Finding]:
        """Nothing stands in the way of a function of our own."""
        return iter(())

    def describe(self) -> FunctionFacts:
        """As the AWS target, with how this machine plays Lambda; code without a template has no
        size that anybody chose."""
        facts = super().describe()
        platform = dict(facts.platform)
        if not self._function.chosen:
            platform["memory_default"] = True
        if self._function.notes:
            platform["template_notes"] = list(self._function.notes)
        if self._foreign:
            platform["foreign_modules"] = self._foreign
        return replace(facts, platform=platform)

    def metrics(self) -> None:
        """Nobody else counts."""
        return

    def beside(self, code: Code) -> Target:
        """Another function on the same service; it ends with it."""
        own = self._function
        handler, runtime = own.package.handler, own.package.runtime
        package = Package(code.zip_bytes, code.handler or handler, code.runtime or runtime)
        name = f"{own.name[: 63 - len(code.label)]}-{code.label}"
        made = replace(own, name=name, package=package)
        return AwsTarget(*_created(self._service, made, self._local))

    def close(self) -> None:
        """End the service, and with it the function and every sandbox."""
        try:
            super().close()
        finally:
            self._service.close()


def _created(
    service: EmbeddedLambda, function: _Function, options: LocalOptions
) -> tuple[ControlPlane, TargetName, AwsOptions]:
    """Create the function; what its target is made of."""
    session = open_session(
        SessionOptions(region=LOOPBACK_REGION, endpoint_url=service.url, keys=service.keys)
    )
    control = ControlPlane(session, options.clock)
    parameters: dict[str, Any] = {
        "FunctionName": function.name,
        "Runtime": function.package.runtime,
        "Handler": function.package.handler,
        "Role": _ROLE,
        "Code": {"ZipFile": function.package.zip_bytes},
        "MemorySize": function.memory_mb,
        "Timeout": function.timeout_s,
        "Environment": {"Variables": dict(function.environment)},
        "Architectures": [_ARCHES.get(platform.machine(), "x86_64")],
    }
    control.send("CreateFunction", function.name, **parameters)
    control.wait(function.name)
    name = TargetName(function.name, Kind.AWS, function=function.name)
    # The function is gone when its service is, so there is nothing to journal.
    own = AwsOptions(journal=None, progress=options.progress, clock=options.clock)
    return control, name, own


def _read(name: TargetName, options: LocalOptions) -> _Function:
    if name.kind is Kind.DEMO:
        with as_file(files("tuner.targets") / "demos" / DEMOS[name.demo]) as folder:
            package = read_package(folder, "app.handler")
        return _function(f"demo-{name.demo}", package, options)
    path = Path(name.path).expanduser()
    if template_files(path, name.logical_id is not None):
        return _from_template(path, name.logical_id, options)
    if name.logical_id is not None:
        fix = "Leave it out, or name the .yaml or .json file."
        raise UsageError(name.text, "only a template takes a name after #", fix)
    if options.parameters:
        raise UsageError("--parameter", "is only for templates", "Leave it out.")
    package = read_package(path, options.handler, options.runtime)
    return replace(_function(path.resolve().stem, package, options), chosen=False)


def _function_name(name: str) -> str:
    """A name as Lambda takes it; addresses of Terraform have dots and brackets."""
    return re.sub(r"[^a-zA-Z0-9_-]+", "-", name)[:64].strip("-") or "function"


def _function(name: str, package: Package, options: LocalOptions) -> _Function:
    return _Function(
        name=_function_name(name),
        package=package,
        memory_mb=DEFAULT_MEMORY_MB,
        timeout_s=options.timeout_s,
        environment=options.environment,
    )


def _from_template(path: Path, logical_id: str | None, options: LocalOptions) -> _Function:
    from tuner.targets.sam import read_function  # YAML takes a while to load and is seldom needed

    template, found = read_function(path, logical_id, options.parameters)
    where = f"{template}#{found.logical_id}"
    guessed = (
        f"environment variable {key} is {what}, known only on AWS; here it is "
        f"{found.environment[key]!r}, unless --env {key}=... says another"
        for key, what in found.unresolved.items()
        if key not in options.environment
    )
    notes = (*found.notes, *guessed)
    for note in notes:
        options.progress(f"{where}: {note}")
    handler, runtime = options.handler or found.handler, options.runtime or found.runtime
    if found.code is not None and not found.code.exists():
        fix = "Check the path, or build it first (sam build, cdk synth)."
        raise UsageError(where, f"its code {found.code} is missing", fix)
    if found.code is not None:
        package = read_package(found.code, handler, runtime, layered=bool(found.layers))
    elif found.source is None or runtime is None:
        raise UsageError(where, "its code cannot be read", "Give CodeUri a local path.")
    else:
        package = package_source(found.source, handler or "index.handler", runtime, where)
    return _Function(
        name=_function_name(found.logical_id),
        package=with_layers(package, found.layers, where),
        memory_mb=found.memory_mb or DEFAULT_MEMORY_MB,
        timeout_s=found.timeout_s or options.timeout_s,
        environment={**found.environment, **options.environment},
        chosen=not any(note.startswith("MemorySize ") for note in found.notes),
        notes=notes,
    )
