"""AWS Signature Version 4, checked: who may call a local Lambda that has keys of its own.

Without keys any signature is good. With keys, a request is answered if its method, path, query,
signed headers and body are what the holder of the keys has signed, less than five minutes ago.
Source: AWS General Reference, "Create a signed AWS API request".
"""

import hmac
import re
import secrets
import time
from calendar import timegm
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from urllib.parse import parse_qsl, quote

from tuner.locallambda.responses import ApiError

ALGORITHM = "AWS4-HMAC-SHA256"
#: Seconds that a signature is good for, in either direction (IAM user guide, "Elements of an AWS
#: API request signature").
SKEW_S = 300.0
_PLAIN = "-._~"  # never escaped (RFC 3986, 2.3)
_FIELDS = re.compile(
    ALGORITHM + r"\s+Credential=(?P<access>[^/,\s]+)/(?P<day>\d{8})/(?P<region>[^/,\s]+)/"
    r"(?P<service>[a-z0-9-]+)/aws4_request,\s*SignedHeaders=(?P<headers>[a-z0-9;-]+),\s*"
    r"Signature=(?P<signature>[0-9a-f]{64})",
    re.ASCII,
)


@dataclass(frozen=True)
class Keys:
    """The only credentials that a local Lambda then takes."""

    access_key: str
    secret_key: str = field(repr=False)

    def pass_for(self, thing: str) -> str:
        """A word that opens one thing, for addresses that clients get without signing."""
        return hmac.digest(self.secret_key.encode(), thing.encode(), "sha256").hex()


def new_keys() -> Keys:
    return Keys("tuner", secrets.token_urlsafe(30))


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What of a request is signed: the path and the query are as they were sent."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]  # names in any case if the mapping knows none, as aiohttp's
    body: bytes


def check_signature(
    request: SignedRequest, keys: Keys, now: Callable[[], float] = time.time
) -> None:
    """Raise the ApiError of AWS unless the request is signed with these keys."""
    found = _FIELDS.fullmatch(request.headers.get("Authorization", "").strip())
    if found is None:
        raise ApiError(
            403,
            "IncompleteSignatureException",
            "Authorization must have the form AWS4-HMAC-SHA256 Credential=.., SignedHeaders=.., "
            "Signature=..",
        )
    date = request.headers.get("X-Amz-Date", "")
    names = found["headers"].split(";")
    if not hmac.compare_digest(found["access"].encode(), keys.access_key.encode()):
        raise ApiError(
            403,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
        )
    if not {"host", "x-amz-date"} <= set(names) or not date.startswith(found["day"]):
        raise _mismatch()
    _check_time(date, now())
    scope = f"{found['day']}/{found['region']}/{found['service']}/aws4_request"
    signed = tuple((name, " ".join(request.headers.get(name, "").split())) for name in names)
    digest = sha256(request.body).hexdigest()
    expected = _signature(
        keys.secret_key, scope, date, request.method, request.path, request.query, signed, digest
    )
    if not hmac.compare_digest(expected, found["signature"]):
        raise _mismatch()


def _check_time(date: str, now: float) -> None:
    try:
        signed_at = timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        raise _mismatch() from None
    if abs(now - signed_at) > SKEW_S:
        there = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        text = f"Signature expired: {date} is more than 5 min. from {there}."
        raise ApiError(403, "InvalidSignatureException", text)


@lru_cache(maxsize=1024)  # a client signs equal requests of one second alike
def _signature(
    secret_key: str,
    scope: str,
    date: str,
    method: str,
    path: str,
    query: str,
    headers: tuple[tuple[str, str], ...],
    body_sha256: str,
) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    escaped = [(quote(name, safe=_PLAIN), quote(value, safe=_PLAIN)) for name, value in pairs]
    canonical = "\n".join(
        (
            method,
            quote(path, safe="/~"),  # once more: it is escaped already
            "&".join(f"{name}={value}" for name, value in sorted(escaped)),
            *(f"{name}:{value}" for name, value in headers),
            "",
            ";".join(name for name, _ in headers),
            body_sha256,
        )
    )
    text = "\n".join((ALGORITHM, date, scope, sha256(canonical.encode()).hexdigest()))
    return hmac.digest(_signing_key(secret_key, scope), text.encode(), "sha256").hex()


@lru_cache(maxsize=64)
def _signing_key(secret_key: str, scope: str) -> bytes:
    key = f"AWS4{secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def _mismatch() -> ApiError:
    return ApiError(
        403,
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided. Check "
        "your AWS Secret Access Key and signing method. Consult the service documentation for "
        "details.",
    )
