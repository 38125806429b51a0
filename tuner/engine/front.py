"""A function's HTTP front under load: a Function URL or API Gateway, with IAM or without.

Makes the heads of requests to one URL and reads their answers. A front tells nothing but an HTTP
status, so no figure of REPORT is known, and a crash and a bad gateway look alike.

Sources: AWS Lambda developer guide, "Invoking Lambda function URLs"; Amazon API Gateway developer
guide, "Set up gateway responses" (integration failure 502/504, throttled 429).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from time import gmtime, strftime
from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlsplit

from tuner.engine.answer import Answer, read_answer
from tuner.engine.signing import HeadCache, Signature, host_header
from tuner.records import Outcome
from tuner.targets.seam import Credentials, Endpoint

IAM, NO_AUTH = "iam", "none"


class FrontRequest(NamedTuple):
    """The form of each request to a front, beside its URL.

    With IAM it is signed for ``service`` (``lambda``, ``execute-api``); ``None``: not signed.
    Names of ``headers`` are in lower case.
    """

    service: str | None = None
    method: str = "POST"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Front(Endpoint):
    """As :class:`Endpoint`, but ``url`` is the whole address, and ``request`` says how."""

    request: FrontRequest = field(default_factory=FrontRequest)


class FrontSigner(HeadCache):
    """Request heads for one URL. ``credentials`` are not used for a front without IAM."""

    def __init__(
        self, url: str, region: str, credentials: Credentials, request: FrontRequest
    ) -> None:
        super().__init__()
        parts = urlsplit(url)
        self._path = quote(parts.path or "/", safe="/~%-._:@!$&'()*+,;=")
        self._query = _canonical_query(parts.query)
        self._host = host_header(url)
        self._asking = request
        self._signature: Signature | None = None
        if request.service is not None:
            self._signature = Signature(credentials, region, request.service, request.method)
        self._token = credentials.token

    def _make(self, qualifier: str | None, body_sha256: str, length: int, second: int) -> bytes:
        method, given = self._asking.method, dict(self._asking.headers)
        headers = {"host": self._host}
        if self._signature:
            headers["x-amz-date"] = strftime("%Y%m%dT%H%M%SZ", gmtime(second))
            if self._token:
                headers["x-amz-security-token"] = self._token
            path = quote(self._path, safe="/~")
            headers["authorization"] = self._signature.of(path, self._query, headers, body_sha256)
        if length:
            headers["content-type"] = "application/json"
        if length or method not in BODILESS:  # RFC 9110, 8.6
            headers["content-length"] = str(length)
        lines = [
            f"{method} {self._path}{'?' if self._query else ''}{self._query} HTTP/1.1",
            *(f"{name}: {value}" for name, value in {**headers, **given}.items()),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


#: Methods whose requests have no body unless one is given. HEAD is never sent.
BODILESS = ("GET", "DELETE", "OPTIONS")
METHODS = ("POST", "PUT", "PATCH", *BODILESS)


def read_front_answer(
    status: int, headers: Mapping[str, str], body: bytes, memory_mb: int
) -> Answer:
    """Classify a front's answer: 502 is the function's fault, 504 its timeout, 429 a throttle."""
    if 300 <= status < 400:  # the function's own redirect
        return Answer(Outcome.OK, status, None, None, headers.get("x-amzn-requestid") or None)
    known = read_answer(status, headers, body, memory_mb)
    if status == 502:
        return known._replace(outcome=Outcome.FUNCTION_ERROR, retry_after_s=None)
    if status == 504:
        return known._replace(outcome=Outcome.TIMEOUT, retry_after_s=None)
    return known


def _canonical_query(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    escaped = [(quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(escaped))


@dataclass(frozen=True)
class FrontOptions:
    """An HTTP front to load. ``region`` is that of its host name, where it has one."""

    url: str
    request: FrontRequest
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
        return Front(
            url=self.url,
            region=self.region or function.region,
            function=function.function,
            credentials=function.credentials if self.request.service else lambda: unsigned,
            verify_tls=function.verify_tls,
            request=self.request,
        )
