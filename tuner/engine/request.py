"""Requests: where they go, their heads, and AWS Signature Version 4.

A request invokes a function through Lambda's API, or through an HTTP front (Function URL, API
Gateway), with IAM or without. The signing key is derived once a day, and a head once a second for
equal requests (the date in it has that resolution), so that signing costs microseconds. The time is
an argument.

Source: AWS General Reference, "Create a signed AWS API request".
"""

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from hashlib import sha256
from time import gmtime, strftime
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit

from tuner.engine.engine import Mode
from tuner.targets.seam import Credentials, Endpoint

#: Signed headers of an invocation. Only an answer can carry the log's tail with REPORT.
_TYPES: Mapping[Mode, Mapping[str, str]] = {
    Mode.SYNC: {"x-amz-log-type": "Tail"},
    Mode.ASYNC: {"x-amz-invocation-type": "Event"},
    Mode.DRY_RUN: {"x-amz-invocation-type": "DryRun"},
}
_ALGORITHM = "AWS4-HMAC-SHA256"
_DEFAULT_PORTS = {"http": 80, "https": 443}
_PLAIN = "-._~"  # never escaped (RFC 3986, 2.3)
_CACHED_HEADS = 4096  # more distinct requests than this within one second are simply signed anew
#: Methods whose requests have no body unless one is given. HEAD is never sent.
BODILESS = ("GET", "DELETE", "OPTIONS")
METHODS = ("POST", "PUT", "PATCH", *BODILESS)


class RequestForm(NamedTuple):
    """The form of each request to an address.

    It is signed for ``service`` (``lambda``, ``execute-api``); ``None``: not signed. ``headers``
    are sent unsigned and go before our own; their names are in lower case.
    """

    service: str | None = None
    method: str = "POST"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Front(Endpoint):
    """As :class:`Endpoint`, but ``url`` is the whole address, and ``request`` says how."""

    request: RequestForm = field(default_factory=RequestForm)


IAM, NO_AUTH = "iam", "none"


@dataclass(frozen=True)
class FrontOptions:
    """An HTTP front to load. ``region`` is that of its host name, where it has one."""

    url: str
    request: RequestForm
    region: str | None = None

    @property
    def shown(self) -> str:
        """The address for reports, without its query, which may hold secrets."""
        return urlsplit(self.url)._replace(query="").geturl()

    @property
    def auth(self) -> str:
        """``iam`` or ``none``."""
        return NO_AUTH if self.request.service is None else IAM

    def endpoint(self, function: Endpoint) -> Front:
        """Return where to send, with the CA file of ``function`` and, for IAM, its credentials."""
        unsigned = Credentials("", "")
        keys = function.credentials if self.request.service else lambda: unsigned
        region, tls = self.region or function.region, function.verify_tls
        narrowed = function.narrowed if self.request.service else None
        return Front(self.url, region, function.function, keys, tls, narrowed, self.request)


_INVOCATION = RequestForm("lambda", headers=(("content-type", "application/json"),))


class RequestSigner:
    """Request heads for one URL and set of credentials, made once a second for equal requests.

    ``signed`` are further headers, signed too, with lower-case names. The credentials of a form
    without service are not used.
    """

    def __init__(
        self,
        url: str,
        region: str,
        credentials: Credentials,
        form: RequestForm,
        signed: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        parts = urlsplit(url)
        # Each segment is escaped once in the request and once more where it is signed.
        self._path = quote(parts.path or "/", safe="/~%-._:@!$&'()*+,;=")
        self._canonical_path = quote(self._path, safe="/~")
        self._query = _canonical_query(parts.query)
        self._form, self._credentials = form, credentials
        headers = {"host": host_header(url), **signed}
        if form.service is not None:
            headers["x-amz-date"] = ""  # that of each second
            if credentials.token:
                headers["x-amz-security-token"] = credentials.token
        #: In the order and form in which they are signed.
        self._headers = {name: " ".join(headers[name].split()) for name in sorted(headers)}
        self._signed = ";".join(self._headers)
        self._scope = f"{region}/{form.service}/aws4_request"
        self._day, self._key = "", b""
        self._second = -1
        self._heads: dict[tuple[str | None, str, int], bytes] = {}

    def head(self, qualifier: str | None, body_sha256: str, length: int, now_s: float) -> bytes:
        """Return everything of the request before its body, which has ``length`` bytes.

        ``body_sha256`` is the body's digest in hex; ``now_s`` is seconds since 1970 in UTC.
        """
        second = int(now_s)
        if second != self._second:
            self._heads.clear()
            self._second = second
        key = (qualifier, body_sha256, length)
        head = self._heads.get(key)
        if head is None:
            head = self._make(qualifier, body_sha256, length)
            if len(self._heads) < _CACHED_HEADS:
                self._heads[key] = head
        return head

    def _make(self, qualifier: str | None, body_sha256: str, length: int) -> bytes:
        method, headers = self._form.method, dict(self._headers)
        query = self._query if qualifier is None else f"Qualifier={quote(qualifier, safe=_PLAIN)}"
        if self._form.service is not None:
            headers["x-amz-date"] = strftime("%Y%m%dT%H%M%SZ", gmtime(self._second))
            headers["authorization"] = self._authorization(query, headers, body_sha256)
        if length:
            headers["content-type"] = "application/json"
        if length or method not in BODILESS:  # RFC 9110, 8.6
            headers["content-length"] = str(length)
        headers.update(self._form.headers)
        lines = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        place = f"{self._path}?{query}" if query else self._path
        return f"{method} {place} HTTP/1.1\r\n{lines}\r\n".encode("latin-1")

    def _authorization(self, query: str, headers: Mapping[str, str], body_sha256: str) -> str:
        """Return the value of Authorization."""
        lines = "".join([f"{name}:{value}\n" for name, value in headers.items()])
        asked = f"{self._form.method}\n{self._canonical_path}\n{query}"
        canonical = f"{asked}\n{lines}\n{self._signed}\n{body_sha256}"
        date = headers["x-amz-date"]
        scope = f"{date[:8]}/{self._scope}"
        digest = sha256(canonical.encode()).hexdigest()
        text = f"{_ALGORITHM}\n{date}\n{scope}\n{digest}"
        signature = hmac.digest(self._key_of(date[:8]), text.encode(), "sha256").hex()
        return (
            f"{_ALGORITHM} Credential={self._credentials.access_key}/{scope}, "
            f"SignedHeaders={self._signed}, Signature={signature}"
        )

    def _key_of(self, day: str) -> bytes:
        if day != self._day:
            key = f"AWS4{self._credentials.secret_key}".encode()
            for part in (day, *self._scope.split("/")):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key, self._day = key, day
        return self._key


def invoke_signer(
    url: str,
    region: str,
    function: str,
    credentials: Credentials,
    mode: Mode = Mode.SYNC,
) -> RequestSigner:
    """Return the signer for invocations of a function, by name or ARN.

    ``url`` is scheme, host and port of the Invoke API, optionally with a path in front of it.
    """
    name = quote(function, safe=_PLAIN)
    address = f"{url.rstrip('/')}/2015-03-31/functions/{name}/invocations"
    return RequestSigner(address, region, credentials, _INVOCATION, _TYPES[mode])


def _canonical_query(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    escaped = [(quote(name, safe=_PLAIN), quote(value, safe=_PLAIN)) for name, value in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(escaped))


def host_header(url: str) -> str:
    """Return the Host header of an endpoint: without the port where it is the scheme's own."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{host}]"
    port = parts.port
    return host if port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f"{host}:{port}"


#: An answer's Date has whole seconds, and was under way for some.
_FAR_S = 60.0


class SigningTime:
    """The time to sign with: the wall clock, corrected where it is far from the service's.

    AWS accepts signatures that are up to five minutes off (IAM user guide, "Elements of an AWS API
    request signature"), and its refusal says what time it is there. No figure depends on this
    clock. ``wall`` gives seconds since 1970 as this machine knows them.
    """

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._ahead_s = 0.0

    def now_s(self) -> float:
        """Seconds since 1970; follows the wall clock wherever it jumps."""
        return self._wall() + self._ahead_s

    def correct(self, date: str) -> None:
        """Go by the service from now on; ``date`` is that header of an answer that refused."""
        try:
            ahead_s = parsedate_to_datetime(date).timestamp() - self._wall()
        except (TypeError, ValueError, OverflowError):
            return
        self._ahead_s = ahead_s if abs(ahead_s) > _FAR_S else 0.0
