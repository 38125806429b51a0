"""What the control plane's calls share: the request, what they act on, and paging."""

import asyncio
import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tuner.clock import Clock
from tuner.locallambda.answers import ApiError, invalid, too_large
from tuner.locallambda.functions import Function
from tuner.locallambda.names import FunctionRef, read_reference
from tuner.locallambda.packages import Package, PackageStore
from tuner.locallambda.provisioning import Provisioning
from tuner.locallambda.registry import Registry
from tuner.locallambda.validation import read_body

MAX_REQUEST = 70_167_211


@dataclass(frozen=True, slots=True)
class Call:
    """One request to the control plane; ``words`` are the variable parts of its path."""

    operation: str
    region: str
    base_url: str
    words: tuple[str, ...]
    query: Mapping[str, str]
    raw: bytes
    tag_keys: tuple[str, ...] = ()

    def body(self) -> dict[str, Any]:
        """The JSON object in it."""
        if len(self.raw) >= MAX_REQUEST:
            raise too_large(
                f"Request must be smaller than {MAX_REQUEST} bytes for the {self.operation} "
                "operation"
            )
        return read_body(self.raw)

    def ref(self) -> FunctionRef:
        """The function (and qualifier) that the path names."""
        return read_reference(self.words[0], self.region, self.query.get("Qualifier"))


@dataclass(frozen=True)
class Control:
    """What calls act on. ``reserve`` tells the fleet of a function's reserved concurrency."""

    registry: Registry
    packages: PackageStore
    clock: Clock
    account_concurrency: int
    reserve: Callable[[Function, int | None], None]
    forget: Callable[[Function], None]
    provisioning: Provisioning

    async def package(self, code: Mapping[str, Any]) -> Package:
        """Unpack what a request uploads, off the event loop."""
        if code.get("ZipFile") is None:
            if code.get("S3Bucket") or code.get("ImageUri"):
                raise invalid(
                    "The local Lambda has neither S3 nor container images. "
                    "Upload the package itself as ZipFile."
                )
            raise invalid("Please provide a source for function code.")
        try:
            archive = base64.b64decode(code["ZipFile"], validate=True)
        except (binascii.Error, ValueError, TypeError) as error:
            raise invalid(f"ZipFile is not base64: {error}") from error
        return await asyncio.to_thread(self.packages.add, archive)


def page(items: Sequence[Any], key: str, query: Mapping[str, str]) -> dict[str, Any]:
    """A page of a list as Lambda pages: ``Marker`` in, ``NextMarker`` out."""
    try:
        start = int(query.get("Marker") or 0)
        size = int(query.get("MaxItems") or 10_000)
    except ValueError as error:
        raise invalid("The provided Marker or MaxItems is not a number.") from error
    if start < 0 or not 1 <= size <= 10_000:
        raise ApiError(
            400,
            "ValidationException",
            f"1 validation error detected: Value '{size}' at 'maxItems' failed to satisfy "
            "constraint: Member must have value between 1 and 10000",
        )
    told: dict[str, Any] = {key: list(items[start : start + size])}
    if start + size < len(items):
        told["NextMarker"] = str(start + size)
    return told
