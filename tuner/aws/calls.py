"""Other services of AWS that a command asks: STS, CloudWatch, CloudWatch Logs.

A client per service from the session's credentials; calls are tried again like the control
plane's, and errors become ours. Behind a Lambda on loopback there are no such services, unless
the environment names them (``AWS_ENDPOINT_URL`` or ``AWS_ENDPOINT_URL_CLOUDWATCH`` and so on), or
they are looked for at Lambda's own address, where the local Lambda answers for its log.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from botocore import exceptions as boto
from botocore.config import Config

from tuner.aws.session import AwsSession, is_loopback
from tuner.aws.translate import ApiCall, error_code, http_status, service_message, translate
from tuner.clock import Clock, WallClock
from tuner.errors import TargetError


class Service:
    """One service, such as ``cloudwatch``; ``calls`` counts what was sent, attempts included.

    ``beside``: where nothing else is named, a Lambda on loopback is taken to answer for it, too.
    """

    def __init__(
        self, session: AwsSession, name: str, clock: Clock | None = None, *, beside: bool = False
    ) -> None:
        self.calls: Counter[str] = Counter()
        self._name = name
        self._region = session.region
        self._clock = clock or WallClock()
        self._client = _service_client(session, name, None)
        if beside and session.loopback and not is_loopback(self._client.meta.endpoint_url):
            self._client = _service_client(session, name, session.endpoint_url)
        self._rng = random.Random()
        url = self._client.meta.endpoint_url
        #: Whether there is such a service beside this Lambda.
        self.available = is_loopback(url) or not session.loopback

    def same_place(self, endpoint_url: str) -> bool:
        """Whether it would be asked at this URL, as where one service is named for all."""
        return str(self._client.meta.endpoint_url).rstrip("/") == endpoint_url.rstrip("/")

    def send(self, operation: str, thing: str, **parameters: Any) -> Mapping[str, Any]:
        """Send one operation, patiently; raises our errors."""
        method = "".join(f"_{c.lower()}" if c.isupper() else c for c in operation).lstrip("_")
        call = getattr(self._client, method)

        def once() -> Mapping[str, Any]:
            self.calls[operation] += 1
            answer: Mapping[str, Any] = call(**parameters)
            return answer

        asked = ApiCall(operation, thing, self._region, service=self._name)
        try:
            answer = call_patiently(once, RetryPolicy(attempts=4), self._clock, self._rng)
        except Exception as error:
            raise translate(error, asked) from error
        check_answer(answer, asked)
        return answer


def _service_client(session: AwsSession, name: str, url: str | None) -> Any:
    return session.boto.create_client(
        name,
        region_name=session.region,
        endpoint_url=url,
        config=Config(connect_timeout=5, read_timeout=30, retries={"total_max_attempts": 1}),
    )


Answer = TypeVar("Answer")

_BROKEN = (boto.ConnectionClosedError, boto.ReadTimeoutError, boto.ConnectTimeoutError)
#: The two conflicts that pass by themselves; other conflicts (an alias exists) stay.
_PASSING_CONFLICTS = ("cannot be performed at this time", "concurrent update")


@dataclass(frozen=True)
class RetryPolicy:
    """Exponential backoff with full jitter (AWS Architecture Blog, 2015); waits in seconds.

    Lambda allows 15 control-plane calls a second for all of an account's deployments together,
    so a throttle there is normal and passes.
    """

    attempts: int = 8
    first_s: float = 0.2
    longest_s: float = 5.0
    unreachable_attempts: int = 3  # nobody listens: more than a hiccup, so the user hears soon

    def wait_s(self, attempt: int, rng: random.Random) -> float:
        """How long to wait after this attempt (1 is the first)."""
        return rng.uniform(0.0, min(self.longest_s, self.first_s * 2.0 ** (attempt - 1)))

    def limit(self, error: Exception) -> int:
        """How many attempts this error is worth; 1 is no second one."""
        if isinstance(error, boto.EndpointConnectionError):
            return self.unreachable_attempts
        if isinstance(error, _BROKEN) or http_status(error) >= 500:
            return self.attempts
        code = error_code(error)
        if code in ("TooManyRequestsException", "ServiceException"):
            return self.attempts
        if code == "ResourceConflictException":
            said = service_message(error)
            return self.attempts if any(text in said for text in _PASSING_CONFLICTS) else 1
        return 1


def call_patiently(
    send: Callable[[], Answer], policy: RetryPolicy, clock: Clock, rng: random.Random
) -> Answer:
    """Send until it succeeds or is not worth another attempt; then the last error is raised.

    A request may have been acted on although its answer was lost, so what is sent here must be
    harmless when repeated (reads, and changes guarded by RevisionId).
    """
    attempt = 1
    while True:
        try:
            return send()
        except Exception as error:
            if attempt >= policy.limit(error):
                raise
        clock.sleep(policy.wait_s(attempt, rng))
        attempt += 1


_CONFIGURATION_KEYS = {"FunctionArn": str, "MemorySize": int, "CodeSha256": str}
_VERSION_KEYS = {**_CONFIGURATION_KEYS, "Version": str}
_ALIAS_KEYS = {"Name": str, "FunctionVersion": str}

#: Operation -> the keys that are read, each with its type, its own keys, or those of each item.
EXPECTED: Mapping[str, Mapping[str, Any]] = {
    "GetFunction": {"Configuration": _CONFIGURATION_KEYS},
    "CreateFunction": {"FunctionArn": str},
    "UpdateFunctionConfiguration": _CONFIGURATION_KEYS,
    "PublishVersion": _VERSION_KEYS,
    "ListVersionsByFunction": {"Versions": [{"Version": str}]},
    "GetAlias": _ALIAS_KEYS,
    "CreateAlias": _ALIAS_KEYS,
    "UpdateAlias": _ALIAS_KEYS,
    "ListAliases": {"Aliases": [_ALIAS_KEYS]},
    "GetAccountSettings": {"AccountLimit": {"ConcurrentExecutions": int}},
    "ListEventSourceMappings": {"EventSourceMappings": list},
    "GetMetricData": {"MetricDataResults": [{"Id": str, "Values": list}]},
    "GetCallerIdentity": {"Account": str, "Arn": str},
}


def check_answer(answer: Mapping[str, Any], asked: ApiCall) -> None:
    """Raise :class:`TargetError` for an answer that lacks what is read of it."""
    missing = _missing(answer, EXPECTED.get(asked.operation, {}))
    if missing:
        raise TargetError(
            asked.thing,
            f"{asked.endpoint_url or 'AWS'} does not answer as AWS does "
            f"({asked.operation} without {missing})",
            "Check --endpoint-url, and whether a proxy answers in its place.",
        )


def _missing(found: Any, wanted: Any) -> str:
    """The first thing that is not there as it should be; empty if all is."""
    if isinstance(wanted, type):
        return "" if isinstance(found, wanted) else "the right kind of value"
    if isinstance(wanted, list):
        if not isinstance(found, list):
            return "a list"
        return next(filter(None, (_missing(item, wanted[0]) for item in found)), "")
    if not isinstance(found, Mapping):
        return "an object"
    for key, part in wanted.items():
        if key not in found or _missing(found[key], part):
            return str(key)
    return ""
