"""Who is asking: the region from a request's signature, and no web page from elsewhere.

Any credentials are good, but there have to be some: a page in a browser can send requests to
loopback, and creating a function runs code. It cannot sign them, nor name a loopback host.
"""

import ipaddress
from functools import lru_cache

from tuner.locallambda.answers import ApiError

_LOCAL_NAMES = ("localhost", "host.docker.internal")


def region_of(authorization: str) -> str:
    """The region in a SigV4 ``Authorization``; the signature itself is not checked."""
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
    return scope[-3]


@lru_cache(maxsize=64)
def _is_local(host: str) -> bool:
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    name = name.strip("[]").lower()
    if name in _LOCAL_NAMES or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def check_host(header: str, listening: str) -> None:
    """Refuse a ``Host`` that is a foreign name, unless the service listens beyond loopback.

    A page whose name was made to resolve to loopback still sends its own name.
    """
    if not _is_local(header) and _is_local(listening) and _is_loopback(listening):
        raise ApiError(
            403,
            "AccessDeniedException",
            f"The local Lambda answers to 127.0.0.1 and localhost, not to {header!r}.",
        )


@lru_cache(maxsize=8)
def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
