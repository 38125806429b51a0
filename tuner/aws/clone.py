"""Isolation by clone: a temporary copy of the function, so that production is never touched.

The copy has the same code, layers, role, VPC, environment, KMS key, architecture and log group,
but no trigger, alias, policy or dead letter queue. It is journalled before it is made, and
deleting it restores everything. Sizes are versions of the copy (``versions.py``).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from tuner.aws.configuration import Configuration, unqualified
from tuner.aws.control import ControlPlane
from tuner.aws.journal import Before, Journal
from tuner.aws.package import UPLOAD_LIMIT, code_of, refuse_architecture
from tuner.aws.policy import CLONE_PREFIX
from tuner.aws.restore import clone_exists
from tuner.aws.versions import VersionMaker
from tuner.errors import TargetError

#: For a package that is not available.
_FIX = "Use --isolation versions, which copies nothing."
#: Copied unchanged.
_SAME = (
    *("Role", "Handler", "Runtime", "Timeout", "MemorySize", "PackageType", "KMSKeyArn"),
    *("FileSystemConfigs", "Architectures"),
)
#: Copied in part: the keys of an answer that a request takes, too.
_PARTS = {
    "TracingConfig": ("Mode",),
    "EphemeralStorage": ("Size",),
    "SnapStart": ("ApplyOn",),
    "VpcConfig": ("SubnetIds", "SecurityGroupIds", "Ipv6AllowedForDualStack"),
    "LoggingConfig": ("LogFormat", "ApplicationLogLevel", "SystemLogLevel", "LogGroup"),
}


def clone_name(function: str, run: str) -> str:
    """The copy's name, unique by the run's id; at most 64 characters."""
    return f"{CLONE_PREFIX}{run.lower()}-{function.rsplit(':', 1)[-1]}"[:64].rstrip("-_")


def clone_arn(arn: str, name: str) -> str:
    """The ARN of a copy beside the function of this (unqualified) ARN."""
    return f"{arn.rsplit(':', 1)[0]}:{name}"


class OtherCode(Protocol):
    """A package for a copy instead of the function's own; ``None``: as the function has it."""

    @property
    def zip_bytes(self) -> bytes: ...
    @property
    def handler(self) -> str | None: ...
    @property
    def runtime(self) -> str | None: ...


def make_clone(
    control: ControlPlane,
    journal: Journal,
    tags: Mapping[str, str],
    other: OtherCode | None = None,
    arch: str | None = None,
) -> VersionMaker:
    """Create the copy that the journal was opened for; returns the maker of its versions.

    ``arch``: another architecture than the function's own. Raises :class:`TargetError` for a
    package that cannot be copied, or that does not run on it.
    """
    header = journal.header
    assert header.clone is not None, "opened for a copy"
    found = control.get(header.function)
    parameters = clone_parameters(found["Configuration"], header.function)
    code = code_of(found, header.function, _FIX) if other is None else _other(other, parameters)
    if arch is not None:
        refuse_architecture(control, found["Configuration"], code, arch, header.function)
        parameters["Architectures"] = [arch]
    description = f"{header.mark}copy of {header.function} for a measurement"[:256]
    journal.will("create", function=header.clone)
    before = control.calls["CreateFunction"]
    try:
        control.send(
            "CreateFunction",
            header.function,
            FunctionName=header.clone.rsplit(":", 1)[-1],
            Description=description,
            Code=code,
            Tags=dict(tags),
            **parameters,
        )
    except TargetError as error:
        if not clone_exists(control, header):
            if error.refused:
                journal.refused()  # nothing of it can appear later
            raise
    start = control.wait(header.clone)
    journal.did(attempts=control.calls["CreateFunction"] - before)
    arn = unqualified(start["FunctionArn"])
    own = replace(header, function=header.clone, arn=arn, before=Before.of(start), clone=None)
    return VersionMaker(control, Journal(None, own), start)


def clone_parameters(configuration: Configuration, thing: str) -> dict[str, Any]:
    """CreateFunction's parameters for the same function, without name, code and description."""
    environment = configuration.get("Environment") or {}
    if environment.get("Error"):
        reason = "its environment variables cannot be read, so it cannot be copied"
        fix = "Allow kms:Decrypt on the function's key, or use --isolation versions."
        raise TargetError(thing, reason, fix)
    made = {key: configuration[key] for key in _SAME if configuration.get(key)}
    for key, wanted in _PARTS.items():
        part = {k: v for k, v in (configuration.get(key) or {}).items() if k in wanted and v}
        if part and not (key == "VpcConfig" and not part.get("SubnetIds")):
            made[key] = part
    if environment.get("Variables"):
        made["Environment"] = {"Variables": environment["Variables"]}
    if configuration.get("Layers"):
        made["Layers"] = [layer["Arn"] for layer in configuration["Layers"]]
    image = (configuration.get("ImageConfigResponse") or {}).get("ImageConfig")
    if image:
        made["ImageConfig"] = image
    return made


def _other(other: OtherCode, parameters: dict[str, Any]) -> dict[str, Any]:
    """The other code; removes from ``parameters`` what only fits the function's own."""
    if len(other.zip_bytes) > UPLOAD_LIMIT:
        raise TargetError("the other code", "is above 50 MB, the limit of an upload")
    if other.runtime is not None and other.runtime != parameters.get("Runtime"):
        for name in ("Layers", "SnapStart", "ImageConfig"):
            parameters.pop(name, None)
    parameters.update(PackageType="Zip")
    for name, value in (("Handler", other.handler), ("Runtime", other.runtime)):
        if value is not None:
            parameters[name] = value
    return {"ZipFile": other.zip_bytes}
