"""Every control-plane call of a measurement fails in turn, in every way: all is put back.

Faults are injected between boto3 and the service, before a request is sent or after it was
answered; the service itself is real.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore import exceptions as boto
from botocore.exceptions import ClientError

from tuner.aws.control import Control
from tuner.aws.journal import pending
from tuner.aws.putback import restore
from tuner.aws.retry import RetryPolicy
from tuner.aws.session import AwsSession
from tuner.clock import WallClock
from tuner.errors import AccessDenied, TargetError
from tuner.target.aws import AwsOptions, AwsTarget
from tuner.target.names import parse_target

QUICK = RetryPolicy(first_s=0.001, longest_s=0.002)
URL = "http://127.0.0.1"

Act = Callable[..., object]


def breaks(error: Exception) -> Act:
    def act(**_: object) -> object:
        raise error

    return act


def answers(status: int, code: str, message: str) -> Act:
    parsed = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }

    def act(**_: object) -> object:
        return SimpleNamespace(status_code=status), parsed

    return act


def fails_after(status: int, code: str) -> Act:
    answer = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return breaks(ClientError(answer, "any"))


IN_PROGRESS = "The operation cannot be performed at this time. An update is in progress"
#: Faults that pass: when they strike, and what they do.
PASSING: dict[str, tuple[str, Act]] = {
    "never arrived": ("before-call", breaks(boto.ConnectionClosedError(endpoint_url=URL))),
    "throttled": ("before-call", answers(429, "TooManyRequestsException", "Rate exceeded")),
    "conflict": ("before-call", answers(409, "ResourceConflictException", IN_PROGRESS)),
    "answer lost after it acted": (
        "after-call",
        breaks(boto.ConnectionClosedError(endpoint_url=URL)),
    ),
    "500 after it acted": ("after-call", fails_after(500, "ServiceException")),
}
#: Faults that stay from then on.
LASTING: dict[str, tuple[str, Act, type[TargetError]]] = {
    "token expired": (
        "before-call",
        answers(403, "ExpiredTokenException", "expired"),
        AccessDenied,
    ),
    "service gone": (
        "before-call",
        breaks(boto.EndpointConnectionError(endpoint_url=URL)),
        TargetError,
    ),
    "answers lost": (
        "after-call",
        breaks(boto.ReadTimeoutError(endpoint_url=URL)),
        TargetError,
    ),
}


@contextmanager
def fault(session: AwsSession, at: int, when: str, act: Act, lasting: bool) -> Iterator[list[str]]:
    """Let the call number ``at`` (from 0) fail, or all from there on; gives the calls made."""
    seen: list[str] = []

    def strike(event_name: str, **more: object) -> object:
        number = len(seen)
        seen.append(event_name.rsplit(".", 1)[1])
        if number == at or (lasting and number > at):
            return act(**more)
        return None

    events = session.client.meta.events
    events.register(f"{when}.lambda", strike)
    try:
        yield seen
    finally:
        events.unregister(f"{when}.lambda", strike)


#: moto answers slowly in this process, and has no RevisionId: the hardest kinds are enough there.
ON_MOTO = ("answer lost after it acted", "token expired")


def on_services(kinds: Iterable[str]) -> list[tuple[str, str]]:
    """Every kind on the local Lambda, a few on moto."""
    return [("local", kind) for kind in kinds] + [("moto", k) for k in kinds if k in ON_MOTO]


@pytest.fixture
def measure(
    aws_session: AwsSession, function: str, journal: Path, hasty_clock: WallClock
) -> Callable[[], None]:
    """What a measurement changes, from beginning to end, on the user's function."""

    def run() -> None:
        control = Control(aws_session, hasty_clock, random.Random(1), QUICK)
        target = AwsTarget(control, parse_target(function), AwsOptions(journal=journal))
        try:
            target.describe()
            target.prepare(512)
            target.restore()
        finally:
            target.close()

    return run


def calls_of(aws_session: AwsSession, measure: Callable[[], None]) -> int:
    with fault(aws_session, -1, "before-call", lambda **_: None, False) as seen:
        measure()
    assert {"GetFunction", "UpdateFunctionConfiguration", "PublishVersion"} < set(seen)
    assert {"DeleteFunction", "ListVersionsByFunction"} < set(seen)
    return len(seen)


@pytest.mark.parametrize(("service", "kind"), on_services(PASSING), indirect=["service"])
def test_a_fault_that_passes_is_not_noticed_whichever_call_it_strikes(
    kind: str,
    service: Any,
    aws_session: AwsSession,
    function: str,
    journal: Path,
    measure: Callable[[], None],
) -> None:
    when, act = PASSING[kind]
    before = service.picture(function)
    for at in range(calls_of(aws_session, measure)):
        with fault(aws_session, at, when, act, lasting=False) as seen:
            measure()
        assert service.picture(function) == before, f"call {at}, {seen[at]}"
        assert pending(journal) == []


@pytest.mark.parametrize(("service", "kind"), on_services(LASTING), indirect=["service"])
def test_a_fault_that_stays_is_told_and_everything_can_be_put_back_afterwards(
    kind: str,
    service: Any,
    aws_session: AwsSession,
    function: str,
    journal: Path,
    measure: Callable[[], None],
    hasty_clock: WallClock,
) -> None:
    when, act, error = LASTING[kind]
    before = service.picture(function)
    for at in range(calls_of(aws_session, measure)):
        struck = fault(aws_session, at, when, act, lasting=True)
        with struck as seen, pytest.raises(error) as caught:
            measure()
        assert len(str(caught.value).splitlines()) == 2
        for entry in pending(journal):
            assert restore(entry, Control(aws_session, hasty_clock))
        assert service.picture(function) == before, f"call {at}, {seen[at]}"
        assert pending(journal) == []
