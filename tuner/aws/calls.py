"""Calls to AWS: sent with retries that can be seen, checked, and with errors in our words.

Throttles, passing conflicts, server errors and lost answers are retried within a limit; measured
invocations never come this way. Behind a Lambda on loopback there are no other services, unless
the environment names them (``AWS_ENDPOINT_URL``, ``AWS_ENDPOINT_URL_CLOUDWATCH`` and so on), or the
local Lambda answers for its own log.
"""

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from botocore import exceptions as boto
from botocore import xform_name
from botocore.config import Config
from botocore.parsers import ResponseParserError

from tuner.aws.session import AwsSession, is_loopback
from tuner.aws.translate import (
    ApiCall,
    error_code,
    http_status,
    service_message,
    surely_refused,
    translate,
)
from tuner.clock import Clock, WallClock, never
from tuner.errors import Interrupted, TargetError

Answer = TypeVar("Answer")

#: How services other than Lambda say that they throttle.
_THROTTLES = ("ThrottlingException", "ThrottledException", "Throttling", "LimitExceededException")


class HalfAnswerError(TargetError):
    """An answer without what is read of it, as a proxy's or a captive portal's."""


_OF_ANOTHER = (boto.EndpointConnectionError, ResponseParserError, HalfAnswerError)
_LOST = (boto.ConnectionClosedError, boto.ReadTimeoutError, boto.ConnectTimeoutError)
#: Conflicts that are known to pass by themselves, and those that last: an alias exists, or still
#: points at a version. Of any other nobody knows, so it is tried again for a while.
_PASSING_CONFLICTS = re.compile("cannot be performed at this time|concurrent update")
_LASTING_CONFLICTS = re.compile(r"(?i)already exist|\balias(es)?\b")
_ARN = re.compile(r"\barn:\S+")  # names in it are the user's


@dataclass(frozen=True)
class Patience:
    """Exponential backoff with full jitter (AWS Architecture Blog, 2015); waits in seconds.

    Lambda allows 15 control-plane calls a second for all of an account's deployments together
    (Lambda developer guide, "Lambda quotas"), so a throttle there is normal and passes. Chosen: 8
    attempts wait 8 s on average and 16 at most, which outlasts a deployment's burst of calls.
    """

    attempts: int = 8
    first_s: float = 0.2
    longest_s: float = 5.0
    #: Nobody listens, or what answers is not AWS: more than a hiccup, so the user hears soon.
    unreachable_attempts: int = 3
    conflict_attempts: int = 6  # a conflict of which nobody knows if it passes: 3 s on average
    #: Seconds for all of an answer: botocore's own limits (:mod:`tuner.aws.session`: 5 s to connect
    #: and 60 s of silence) end before, and an answer that drips has no silence.
    answer_s: float = 75.0
    total_s: float = 150.0  # after which no further attempt begins: two such answers

    def wait_s(self, attempt: int, rng: random.Random) -> float:
        """How long to wait after this attempt (1 is the first)."""
        return rng.uniform(0.0, min(self.longest_s, self.first_s * 2.0 ** (attempt - 1)))

    def limit(self, error: Exception) -> int:
        """How many attempts this error is worth; 1 is no second one."""
        if isinstance(error, _OF_ANOTHER):
            return self.unreachable_attempts
        status = http_status(error)
        if isinstance(error, _LOST) or (status >= 500 and status != 501):  # 501: not implemented
            return self.attempts
        code = error_code(error)
        if code in ("TooManyRequestsException", "ServiceException", *_THROTTLES):
            return self.attempts
        if code == "ResourceConflictException":
            return self._limit_of_conflict(_ARN.sub("", service_message(error)))
        return 1

    def _limit_of_conflict(self, said: str) -> int:
        if _PASSING_CONFLICTS.search(said):
            return self.attempts
        return 1 if _LASTING_CONFLICTS.search(said) else self.conflict_attempts


def call_patiently(
    send: Callable[[], Answer],
    patience: Patience,
    clock: Clock,
    rng: random.Random,
    gives_up: Callable[[float], bool] = lambda _began_s: False,
    done: Callable[[], Answer | None] = lambda: None,
) -> Answer:
    """Send until it succeeds or is not worth another attempt; then the last error is raised.

    ``gives_up`` gets the moment of the first attempt after each that failed.
    A request may have been acted on although its answer was lost, so what is sent here must be
    harmless when repeated (reads, and changes guarded by RevisionId). ``done`` is asked after
    attempts that may have been, from the second one on or after seconds; what it gives is the
    answer.
    """
    attempt, began = 1, clock.monotonic()
    while True:
        try:
            return send()
        except Exception as error:
            waited_s = clock.monotonic() - began
            again = attempt > 1 or waited_s > _SLOW_S
            if again and not surely_refused(error) and (found := done()) is not None:
                return found
            over = clock.monotonic() - began >= patience.total_s
            if over or gives_up(began) or attempt >= patience.limit(error):
                raise
        clock.sleep(patience.wait_s(attempt, rng))
        attempt += 1


#: Seconds after which an attempt without an answer is a long one.
_SLOW_S = 5.0

#: How often somebody else may get in between reading and changing, and by how many seconds the
#: pause grows each time. Chosen: 7.5 s in all, longer than a deployment's few changes take.
_TRIES, _PAUSE_S = 6, 0.5

#: How most services name the next page; Lambda names it otherwise.
NEXT_TOKEN, MARKER = ("NextToken", "NextToken"), ("Marker", "NextMarker")


#: Seconds for all of an answer to a package of up to 50 MB, and after the user wants to stop.
UPLOAD_S, _STOPPING_S, _LOOK_S = 600.0, 5.0, 0.5
_UPLOADS = ("CreateFunction", "UpdateFunctionCode")


def within(
    send: Callable[[], Answer], limit_s: float, url: str, stop: Callable[[], bool] = never
) -> Answer:
    """Send in a thread of its own, so that Ctrl-C is heard while the answer drips.

    Raises what sending raises, and ReadTimeoutError once the limit (seconds) is over, which is
    nearer once ``stop`` is true. What was sent may have been acted on.
    """
    ended: list[tuple[Answer | None, BaseException | None]] = []

    def run() -> None:
        try:
            ended.append((send(), None))
        except BaseException as error:
            ended.append((None, error))

    thread = threading.Thread(target=run, daemon=True)
    until = time.monotonic() + limit_s
    thread.start()
    while not ended:
        thread.join(_LOOK_S)
        if stop():
            until = min(until, time.monotonic() + _STOPPING_S)
            stop = never  # heard
        if not ended and time.monotonic() > until:
            raise boto.ReadTimeoutError(endpoint_url=url)
    answer, error = ended[0]
    if error is not None:
        raise error
    return cast(Answer, answer)


Done = Callable[[], Mapping[str, Any] | None]


class Client:
    """A botocore client that is patient; ``calls`` counts what was sent, attempts included."""

    def __init__(
        self, client: Any, clock: Clock | None, rng: random.Random | None, patience: Patience
    ) -> None:
        self.client = client
        self.clock = clock or WallClock()
        self.calls: Counter[str] = Counter()
        self._rng = rng or random.Random()
        self.patience = patience

    def send(
        self, operation: str, thing: str, done: Done = lambda: None, /, **parameters: Any
    ) -> Mapping[str, Any]:
        """Send one operation of the service model; raises our errors, which name ``thing`` and say
        if every attempt was refused. ``done`` gives an answer if what was asked is done although
        no answer says so."""
        method = getattr(self.client, xform_name(operation))

        meta = self.client.meta
        limit_s = UPLOAD_S if operation in _UPLOADS else self.patience.answer_s

        refused: list[bool] = []
        began_s = self.clock.monotonic()

        def once() -> Mapping[str, Any]:
            self.calls[operation] += 1
            url = meta.endpoint_url
            try:
                answer: Mapping[str, Any] = within(
                    lambda: method(**parameters), limit_s, url, self.stops
                )
                _check(answer, call)
            except Exception as error:
                refused.append(surely_refused(error))
                self.failed(call, error, began_s)
                if isinstance(error, boto.ReadTimeoutError) and self.hurries():
                    raise Interrupted(thing, f"stopped while {operation} was answered") from None
                raise
            return answer

        service = meta.service_model.service_name
        call = ApiCall(operation, thing, meta.region_name, meta.endpoint_url, service)
        try:
            return call_patiently(once, self.patience, self.clock, self._rng, self.gives_up, done)
        except Interrupted:
            raise
        except Exception as error:
            told = translate(error, call)
            if self.hurries() and self.patience.limit(error) > 1:
                told = Interrupted(thing, f"stopped while {operation} was tried again")
            told.refused = operation if all(refused) else ""
            raise told from error

    def stops(self) -> bool:
        """Tell if the user wants to stop, so that no answer is waited for long."""
        return False

    def hurries(self) -> bool:
        """Tell if what is being done ends because the user wants to stop."""
        return self.stops()

    def gives_up(self, began_s: float) -> bool:
        """Tell if a call that failed, and was first sent then, is not sent again."""
        return self.hurries()

    def failed(self, call: ApiCall, error: Exception, began_s: float) -> None:
        """Take note of an attempt that failed; the first of its call began then."""

    def tries(self) -> Iterator[None]:
        """Pause before each try of a change that somebody else may get in between."""
        for attempt in range(_TRIES):
            self.clock.sleep(attempt * _PAUSE_S)
            yield

    def pages(
        self, operation: str, thing: str, tokens: tuple[str, str] = NEXT_TOKEN, **parameters: Any
    ) -> Iterator[Mapping[str, Any]]:
        """Every page of an operation; ``tokens`` name the next one, in requests and in answers."""
        more: dict[str, Any] = {}
        while True:
            page = self.send(operation, thing, **parameters, **more)
            yield page
            token = page.get(tokens[1])
            if not token:
                return
            more = {tokens[0]: token}


class AwsService(Client):
    """Another service than Lambda, such as ``cloudwatch``.

    ``beside``: where nothing else is named, a Lambda on loopback is taken to answer for it, too.
    """

    def __init__(
        self, session: AwsSession, name: str, clock: Clock | None = None, *, beside: bool = False
    ) -> None:
        client = _service_client(session, name, None)
        if beside and session.loopback and not is_loopback(client.meta.endpoint_url):
            client = _service_client(session, name, session.endpoint_url)
        super().__init__(client, clock, None, Patience(attempts=4))
        #: False behind a Lambda on loopback that has no such service beside it.
        self.available = is_loopback(client.meta.endpoint_url) or not session.loopback

    def same_place(self, endpoint_url: str) -> bool:
        """True if it would be asked at this URL, as where one service is named for all."""
        return str(self.client.meta.endpoint_url).rstrip("/") == endpoint_url.rstrip("/")


def _service_client(session: AwsSession, name: str, url: str | None) -> Any:
    return session.boto.create_client(
        name,
        region_name=session.region,
        endpoint_url=url,
        config=Config(
            connect_timeout=5,
            read_timeout=30,
            retries={"total_max_attempts": 1},
            proxies={} if url and is_loopback(url) else None,
        ),
    )


_CONFIGURATION = {"FunctionArn": str, "MemorySize": int, "CodeSha256": str}
_ALIAS = {"Name": str, "FunctionVersion": str}

#: Operation -> the keys that are read, each with its type, its own keys, or those of each item. A
#: captive portal, a proxy's page or another service answers 200, too, and botocore takes whatever
#: it is for an answer with nothing in it.
_READ: Mapping[str, Mapping[str, Any]] = {
    "GetFunction": {"Configuration": _CONFIGURATION},
    "CreateFunction": {"FunctionArn": str},
    "UpdateFunctionConfiguration": _CONFIGURATION,
    "UpdateFunctionCode": _CONFIGURATION,
    "PublishVersion": {**_CONFIGURATION, "Version": str},
    "ListVersionsByFunction": {"Versions": [{"Version": str}]},
    "ListFunctions": {"Functions": [{"FunctionName": str, "FunctionArn": str}]},
    "GetAlias": _ALIAS,
    "UpdateAlias": _ALIAS,
    "GetProvisionedConcurrencyConfig": {"Status": str},
    "ListProvisionedConcurrencyConfigs": {"ProvisionedConcurrencyConfigs": list},
    "GetAccountSettings": {"AccountLimit": {"ConcurrentExecutions": int}},
    "ListEventSourceMappings": {"EventSourceMappings": list},
    "GetMetricData": {"MetricDataResults": [{"Id": str, "Values": list}]},
    "GetCallerIdentity": {"Account": str, "Arn": str},
}


def _check(answer: Mapping[str, Any], call: ApiCall) -> None:
    """Raise :class:`HalfAnswerError` for an answer that lacks what is read of it."""
    missing = _missing(answer, _READ.get(call.operation, {}))
    if missing:
        raise HalfAnswerError(
            call.thing,
            f"{call.endpoint_url} does not answer as AWS does ({call.operation} without {missing})",
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
