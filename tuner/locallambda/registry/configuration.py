"""The configuration of a function: one immutable value, its JSON form, and its changes.

Accepts what AWS accepts and shows it again; sandboxes use only runtime, handler, memory, timeout,
environment and log format.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tuner.locallambda.registry.validation import (
    check_environment,
    check_loggable,
    check_one_of,
    check_runtime,
    check_settings,
)
from tuner.locallambda.responses import invalid

#: Request key -> attribute, for everything with an attribute of its own.
_PLAIN = {
    "Runtime": "runtime",
    "Handler": "handler",
    "Role": "role",
    "Description": "description",
    "MemorySize": "memory_mb",
    "Timeout": "timeout_s",
}
#: Accepted, kept and shown, without effect here.
_SHOWN_ONLY = ("VpcConfig", "DeadLetterConfig", "KMSKeyArn", "FileSystemConfigs")
#: Keys with a default that AWS always shows.
_DEFAULTED: Mapping[str, Mapping[str, Any]] = {
    "TracingConfig": {"Mode": "PassThrough"},
    "EphemeralStorage": {"Size": 512},
}
#: There is no VPC here to look an id up in.
_VPC = {"SubnetIds": [], "SecurityGroupIds": [], "VpcId": "", "Ipv6AllowedForDualStack": False}


@dataclass(frozen=True, slots=True)
class CodePackage:
    """One deployment package by its content: SHA-256 in base64, and bytes as uploaded."""

    sha256: str
    size: int

    @property
    def folder(self) -> str:
        return base64.b64decode(self.sha256).hex()


def describe(archive: bytes) -> CodePackage:
    digest = hashlib.sha256(archive).digest()
    return CodePackage(base64.b64encode(digest).decode(), len(archive))


@dataclass(frozen=True, slots=True)
class LayerUse:
    """A layer version of a function: its ARN, bytes as uploaded, and the folder of its package."""

    arn: str
    size: int
    folder: str


@dataclass(frozen=True)
class Configuration:
    """One configuration of a function with its code."""

    code: CodePackage
    runtime: str = ""
    handler: str = ""
    role: str = ""
    description: str = ""
    memory_mb: int = 128
    timeout_s: int = 3
    architectures: tuple[str, ...] = ("x86_64",)
    environment: Mapping[str, str] | None = None
    logging: Mapping[str, str] = field(default_factory=dict)
    other: Mapping[str, Any] = field(default_factory=dict)
    layers: tuple[LayerUse, ...] = ()

    def with_settings(self, body: Mapping[str, Any]) -> "Configuration":
        """The configuration after UpdateFunctionConfiguration; raises the ApiError of AWS."""
        check_settings(body)
        changes: dict[str, Any] = {
            attribute: body[key] for key, attribute in _PLAIN.items() if body.get(key) is not None
        }
        if body.get("Runtime") is not None:
            check_runtime(body["Runtime"])
        if body.get("Environment") is not None:
            changes["environment"] = check_environment(body["Environment"])
        if body.get("LoggingConfig") is not None:
            changes["logging"] = self._changed_logging(body["LoggingConfig"])
        if (body.get("SnapStart") or {}).get("ApplyOn", "None") != "None":
            raise invalid(
                "The local Lambda takes no snapshots of a running sandbox, so it has no SnapStart. "
                "Measure SnapStart on AWS."
            )
        letters = str((body.get("DeadLetterConfig") or {}).get("TargetArn") or "")
        if letters and letters.split(":")[2:3] != ["sqs"]:
            raise invalid(
                f"The local Lambda delivers dead letters to SQS queues only, not to {letters}."
            )
        if letters.endswith(".fifo"):
            raise invalid(f"Lambda sends dead letters to standard queues only, not to {letters}.")
        other = dict(self.other)
        for key in (*_SHOWN_ONLY, *_DEFAULTED):
            if body.get(key) is not None:
                other[key] = body[key]
        if body.get("VpcConfig") is not None:
            other["VpcConfig"] = {**_VPC, **body["VpcConfig"]}
        return replace(self, **changes, other=other)

    def _changed_logging(self, changes: Mapping[str, Any]) -> dict[str, str]:
        kept = dict(self.logging)
        if changes.get("LogFormat") == "Text":  # levels belong to JSON and go with it
            kept.pop("ApplicationLogLevel", None)
            kept.pop("SystemLogLevel", None)
        return check_loggable({**kept, **changes})

    def document(self, function_name: str, region: str) -> dict[str, Any]:
        """Its part of AWS's FunctionConfiguration."""
        shown: dict[str, Any] = {
            **{key: getattr(self, attribute) for key, attribute in _PLAIN.items()},
            "CodeSize": self.code.size,
            "CodeSha256": self.code.sha256,
            "PackageType": "Zip",
            "Architectures": list(self.architectures),
            "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
            "LoggingConfig": {
                "LogFormat": "Text",
                **self.logging,
                "LogGroup": self.log_group(function_name),
            },
            "RuntimeVersionConfig": {
                "RuntimeVersionArn": f"arn:aws:lambda:{region}::runtime:"
                + hashlib.sha256(self.runtime.encode()).hexdigest()
            },
            **_DEFAULTED,
            **self.other,
        }
        if self.layers:
            shown["Layers"] = [{"Arn": one.arn, "CodeSize": one.size} for one in self.layers]
        if self.environment is not None:
            shown["Environment"] = {"Variables": dict(self.environment)}
        return shown

    def log_group(self, function_name: str) -> str:
        return self.logging.get("LogGroup") or f"/aws/lambda/{function_name}"

    @property
    def folder(self) -> str:
        """The folder of its code with its layers, by their content."""
        if not self.layers:
            return self.code.folder
        parts = " ".join((self.code.folder, *(one.folder for one in self.layers)))
        return hashlib.sha256(parts.encode()).hexdigest()

    @property
    def ephemeral_mb(self) -> int:
        return int((self.other.get("EphemeralStorage") or {}).get("Size") or 512)

    @property
    def log_format(self) -> str:
        return self.logging.get("LogFormat", "Text")


def created(body: Mapping[str, Any], code: CodePackage) -> Configuration:
    """The first configuration of a function, from CreateFunction's body."""
    check_settings(body, required=("Role",))
    check_one_of(body, "PackageType", ("Image", "Zip"))
    if body.get("PackageType", "Zip") != "Zip":
        raise invalid(
            "The local Lambda runs zip packages only; a container image runs on AWS. "
            "Send Code.ZipFile with PackageType Zip."
        )
    if not body.get("Runtime") or not body.get("Handler"):
        raise invalid(
            "Runtime and Handler are mandatory parameters for functions created with "
            "deployment packages."
        )
    architectures = tuple(body.get("Architectures") or ("x86_64",))
    return Configuration(code, architectures=architectures).with_settings(body)


def restored(kept: Mapping[str, Any]) -> Configuration:
    """A configuration that :func:`dataclasses.asdict` took apart."""
    code, architectures = CodePackage(**kept["code"]), tuple(kept["architectures"])
    layers = tuple(LayerUse(**one) for one in kept.get("layers", ()))
    read = {"code": code, "architectures": architectures, "layers": layers}
    return Configuration(**{**kept, **read})
