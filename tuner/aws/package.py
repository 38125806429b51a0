"""The code of a function as it was deployed, and which architectures it can run on.

Lambda gives an address that is good for ten minutes; the bytes are those that were uploaded.
Nothing is unpacked or kept.
"""

import io
import struct
import urllib.error
import urllib.request
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ReadTimeoutError

from tuner.aws.calls import UPLOAD_S, within
from tuner.aws.configuration import Configuration
from tuner.aws.control import ControlPlane
from tuner.errors import AccessDenied, NotFound, TargetError

#: What CreateFunction and UpdateFunctionCode take as bytes (Lambda quotas, "deployment package":
#: 50 MB zipped).
UPLOAD_LIMIT = 50 * 2**20


def code_of(found: Mapping[str, Any], thing: str, fix: str) -> dict[str, Any]:
    """The code in an answer of GetFunction, as a request takes it: an image, or the zip's bytes.

    Raises :class:`TargetError`, with ``fix``, where it is not available.
    """
    code = found.get("Code") or {}
    if code.get("RepositoryType") == "ECR":
        return {"ImageUri": code.get("ResolvedImageUri") or code["ImageUri"]}
    return {"ZipFile": _download(str(code.get("Location", "")), thing, fix)}


def _download(url: str, thing: str, fix: str) -> bytes:
    if not url.startswith(("https://", "http://127.0.0.1", "http://localhost", "http://[::1]")):
        raise TargetError(thing, "Lambda gives no address to download its package from", fix)

    def read() -> bytes:
        with urllib.request.urlopen(url, timeout=60) as answer:
            return bytes(answer.read(UPLOAD_LIMIT + 1))

    try:
        package = within(read, UPLOAD_S, url.split("?", maxsplit=1)[0])
    except (OSError, urllib.error.URLError, ReadTimeoutError) as error:
        raise TargetError(thing, f"its package cannot be downloaded ({error})", fix) from error
    if len(package) > UPLOAD_LIMIT:
        raise TargetError(thing, "its package is above 50 MB, the limit of an upload", fix)
    return package


#: ``e_machine`` of the ELF header, by Lambda's name (System V ABI, "ELF header").
_MACHINES = {0x3E: "x86_64", 0xB7: "arm64"}
_HEADER_BYTES = 20
#: What zipfile raises for a file that is none, is cut off, or is locked by a password.
_UNREADABLE = (zipfile.BadZipFile, zlib.error, RuntimeError, EOFError, OSError, ValueError)


def machine_of(header: bytes) -> str | None:
    """The architecture in the first 20 bytes of a file; ``None`` for no ELF or another machine."""
    if len(header) < _HEADER_BYTES or not header.startswith(b"\x7fELF"):
        return None
    order = ">" if header[5] == 2 else "<"
    return _MACHINES.get(struct.unpack_from(f"{order}H", header, 18)[0])


def native_files(package: bytes) -> dict[str, list[str]]:
    """Architecture -> the files of a zip with machine code for it; empty for what is no zip."""
    found: dict[str, list[str]] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as files:
            for entry in files.infolist():
                with files.open(entry) as stream:
                    machine = machine_of(stream.read(_HEADER_BYTES))
                if machine is not None:
                    found.setdefault(machine, []).append(entry.filename)
    except _UNREADABLE:
        return {}
    return found


def built_for_another(package: bytes, arch: str) -> str | None:
    """Why a package does not run on an architecture, as far as its files show.

    One that has machine code for several chooses by itself, so only one that has none for ``arch``
    and some for another is reported.
    """
    found = native_files(package)
    others = [name for machine, names in found.items() if machine != arch for name in names]
    if not others or arch in found:
        return None
    machine = next(machine for machine in found if machine != arch)
    count = "a file" if len(others) == 1 else f"{len(others):,} files"
    return f"its package has {count} built for {machine} and none for {arch} ({others[0][:80]})"


def refuse_architecture(
    control: ControlPlane,
    configuration: Configuration,
    code: Mapping[str, Any],
    arch: str,
    thing: str,
) -> None:
    """Raise :class:`TargetError` where the function surely cannot run on ``arch``.

    ``code`` is CreateFunction's: the zip, or an image. What its kind, its layers and its machine
    code do not show, shows when a copy is made or invoked.
    """
    if arch in (configuration.get("Architectures") or ["x86_64"]):
        return
    if "ImageUri" in code:
        reason = f"it is a container image, which was built for one architecture and not for {arch}"
        fix = f"Build an image for {arch}, create a function from it and measure that."
        raise TargetError(thing, reason, fix)
    for layer in configuration.get("Layers") or ():
        _refuse_layer(control, layer["Arn"], arch, thing)
    why = built_for_another(code.get("ZipFile", b""), arch)
    if why is not None:
        raise TargetError(thing, why, f"Build the package for {arch}, or leave {arch} out.")


def _refuse_layer(control: ControlPlane, arn: str, arch: str, thing: str) -> None:
    """A layer may be used without the right to read it; one that is gone fails by itself."""
    try:
        name, _, version = arn.rpartition(":")
        layer = control.send("GetLayerVersion", arn, LayerName=name, VersionNumber=int(version))
    except (AccessDenied, NotFound):
        return
    suits = layer.get("CompatibleArchitectures")
    if suits and arch not in suits:
        reason = f"its layer {':'.join(arn.split(':')[-2:])} is for {', '.join(suits)} only"
        raise TargetError(thing, reason, f"Publish the layer for {arch}, or leave {arch} out.")
