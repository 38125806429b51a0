"""A request to the control plane: its parts, its origin, and pages of lists.

There have to be credentials: a page in a browser can send requests to loopback, and creating a
function runs code. It cannot sign them, nor name a loopback host. Any credentials are good unless
the local Lambda has keys of its own.
"""

import contextlib
import ipaddress
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from tuner.locallambda.api.signatures import Keys
from tuner.locallambda.registry.names import READING, FunctionRef, NameRule, read_reference
from tuner.locallambda.registry.validation import read_body
from tuner.locallambda.responses import ApiError, invalid, too_large, unsatisfied, violated

MAX_REQUEST = 70_167_211


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request to the control plane; ``words`` are the variable parts of its path."""

    operation: str
    region: str
    base_url: str
    words: tuple[str, ...]
    query: Mapping[str, str]
    raw: bytes
    tag_keys: tuple[str, ...] = ()
    keys: Keys | None = None

    def package_url(self, folder: str) -> str:
        """Where a package is; as on AWS, who knows the address may read it."""
        url = f"{self.base_url}/tuner/packages/{folder}.zip"
        return f"{url}?pass={self.keys.pass_for(folder)}" if self.keys else url

    def body(self) -> dict[str, Any]:
        if len(self.raw) >= MAX_REQUEST:
            raise too_large(
                f"Request must be smaller than {MAX_REQUEST} bytes for the {self.operation} "
                "operation"
            )
        return read_body(self.raw)

    def ref(self, rule: NameRule = READING) -> FunctionRef:
        return read_reference(self.words[0], self.region, self.query.get("Qualifier"), rule)


def page(
    items: Sequence[Any], key: str, query: Mapping[str, str], most: int = 50
) -> dict[str, Any]:
    """A page of a list as Lambda has it: ``Marker`` in, ``NextMarker`` out.

    ``most`` is what it holds however many are asked for (botocore's model, 2026-11).
    """
    try:
        start = int(query.get("Marker") or 0)
        size = int(query.get("MaxItems") or most)
    except ValueError as error:
        raise invalid("The provided Marker or MaxItems is not a number.") from error
    if start < 0 or not 1 <= size <= 10_000:
        constraint = "Member must have value between 1 and 10000"
        raise violated([unsatisfied(size, "maxItems", constraint)])
    size = min(size, most)
    listed: dict[str, Any] = {key: list(items[start : start + size])}
    if start + size < len(items):
        listed["NextMarker"] = str(start + size)
    return listed


_REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
_LOCAL_NAMES = ("localhost", "host.docker.internal")


def region_of(authorization: str) -> str:
    """The region in a SigV4 ``Authorization``; the signature itself is not checked here."""
    at = authorization.find("Credential=")
    if not authorization.startswith("AWS4-HMAC-SHA256") or at < 0:
        raise ApiError(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    scope = authorization[at + 11 :].split(",", 1)[0].strip().split("/")
    if len(scope) < 5 or not scope[-3]:
        raise ApiError(
            403,
            "IncompleteSignatureException",
            "Credential must have the form KEY/DATE/REGION/lambda/aws4_request.",
        )
    if not _REGION.fullmatch(scope[-3]):  # it becomes part of ARNs, and of the names of files
        raise ApiError(
            400, "IncompleteSignatureException", "The region in Credential is not a region's name."
        )
    return scope[-3]


@lru_cache(maxsize=64)
def _is_local(host: str, listening: str) -> bool:
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    name = name.strip("[]").lower()
    if name in _LOCAL_NAMES or name.endswith(".localhost") or _address(name) is not None:
        return True
    return not is_loopback(listening) and name in (listening.lower(), *_own_names())


def _own_names() -> set[str]:
    """The names of this machine, for a service that other machines reach."""
    name = socket.gethostname().lower()
    return {name, name.partition(".")[0]} - {""}


def check_host(header: str, listening: str) -> None:
    """Refuse a ``Host`` that is a foreign name.

    A page whose name was made to resolve to this machine still sends its own name.
    """
    if not _is_local(header, listening):
        raise ApiError(
            403,
            "AccessDeniedException",
            "The local Lambda answers to addresses, localhost and the name of its machine, not to "
            f"{header!r}.",
        )


def is_loopback(host: str) -> bool:
    """True if only this machine reaches a service that listens there."""
    address = _address(host)
    return host == "localhost" or (address is not None and address.is_loopback)


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host)
    return None
