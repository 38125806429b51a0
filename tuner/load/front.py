"""A function's HTTP front as what is loaded: a Function URL or API Gateway, with IAM or without.

Makes the heads of ``POST`` requests to one URL and reads their answers: an HTTP status is all that
a front tells, so no figure of REPORT is known, and a crash and a bad gateway look alike.

Sources: AWS Lambda developer guide, "Invoking Lambda function URLs"; Amazon API Gateway developer
guide, "Set up gateway responses" (integration failure 502/504, throttled 429).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from time import gmtime, strftime
from urllib.parse import parse_qsl, quote, urlsplit

from tuner.load.answer import Answer, read_answer
from tuner.load.signing import Signature, host_header
from tuner.records import Outcome
from tuner.target.seam import Credentials, Endpoint

IAM, NO_AUTH = "iam", "none"


@dataclass(frozen=True)
class Front(Endpoint):
    """As :class:`Endpoint`, but ``url`` is the whole address; ``auth`` is ``iam`` or ``none``."""

    auth: str = NO_AUTH


class FrontSigner:
    """Request heads for one URL. ``credentials`` are ``None`` for a front without IAM."""

    def __init__(self, url: str, region: str, credentials: Credentials | None) -> None:
        parts = urlsplit(url)
        self._path = quote(parts.path or "/", safe="/~%-._:@!$&'()*+,;=")
        self._query = _canonical_query(parts.query)
        self._host = host_header(url)
        service = "execute-api" if ".execute-api." in self._host else "lambda"
        self._signature = credentials and Signature(credentials, region, service)
        self._token = credentials.token if credentials else None
        self._second = -1
        self._heads: dict[tuple[str, int], bytes] = {}

    def head(self, _qualifier: str | None, body_sha256: str, length: int, now_s: float) -> bytes:
        """Everything before the body; as :meth:`tuner.load.signing.InvokeSigner.head`."""
        second = int(now_s)
        if second != self._second:
            self._heads.clear()
            self._second = second
        key = (body_sha256, length)
        if key not in self._heads:
            self._heads[key] = self._make(body_sha256, length, second)
        return self._heads[key]

    def _make(self, body_sha256: str, length: int, second: int) -> bytes:
        headers = {"host": self._host}
        if self._signature:
            headers["x-amz-date"] = strftime("%Y%m%dT%H%M%SZ", gmtime(second))
            if self._token:
                headers["x-amz-security-token"] = self._token
            path = quote(self._path, safe="/~")
            headers["authorization"] = self._signature.of(path, self._query, headers, body_sha256)
        lines = [
            f"POST {self._path}{'?' if self._query else ''}{self._query} HTTP/1.1",
            *(f"{name}: {value}" for name, value in headers.items()),
            "content-type: application/json",
            f"content-length: {length}",
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def read_front_answer(
    status: int, headers: Mapping[str, str], body: bytes, memory_mb: int
) -> Answer:
    """Classify a front's answer: 502 is the function's fault, 504 its timeout, 429 a throttle."""
    if 300 <= status < 400:  # the function's own redirect
        return Answer(Outcome.OK, status, None, None, headers.get("x-amzn-requestid") or None)
    known = read_answer(status, headers, body, memory_mb)
    if status == 502:
        return Answer(Outcome.FUNCTION_ERROR, status, known.reason, None, known.request_id)
    if status == 504:
        return Answer(Outcome.TIMEOUT, status, known.reason, None, known.request_id)
    return known


def _canonical_query(query: str) -> str:
    pairs = parse_qsl(query, keep_blank_values=True)
    escaped = [(quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in pairs]
    return "&".join(f"{name}={value}" for name, value in sorted(escaped))
