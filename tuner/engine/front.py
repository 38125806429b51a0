"""A function's HTTP front under load: a Function URL or API Gateway, with IAM or without.

Says where to send, and reads the answers. A front tells nothing but an HTTP status, so no figure of
REPORT is known, and a crash and a bad gateway look alike.

Sources: AWS Lambda developer guide, "Invoking Lambda function URLs"; Amazon API Gateway developer
guide, "Set up gateway responses" (integration failure 502/504, throttled 429).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tuner.engine.answer import Answer, read_answer
from tuner.engine.signing import RequestForm
from tuner.records import Outcome
from tuner.targets.seam import Credentials, Endpoint

IAM, NO_AUTH = "iam", "none"


@dataclass(frozen=True)
class Front(Endpoint):
    """As :class:`Endpoint`, but ``url`` is the whole address, and ``request`` says how."""

    request: RequestForm = field(default_factory=RequestForm)


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
        return Front(self.url, region, function.function, keys, tls, self.request)
