"""Which control-plane calls are tried again, how often, and how long that may take."""

import random
import threading
from types import SimpleNamespace

import pytest
from botocore import exceptions as boto
from botocore.exceptions import ClientError

from tuner.aws import calls
from tuner.aws.calls import Client, Patience, call_patiently
from tuner.clock import VirtualClock
from tuner.errors import Interrupted, TargetError

POLICY = Patience()


def answered(code: str, message: str = "", status: int = 400) -> ClientError:
    answer = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, "GetFunction")


class Failing:
    """Fails with one error a number of times, then answers."""

    def __init__(self, error: Exception, times: int) -> None:
        self.error = error
        self.left = times
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.left:
            self.left -= 1
            raise self.error
        return "answer"


PASSING = [
    answered("TooManyRequestsException", status=429),
    answered("ThrottlingException"),
    answered(
        "ResourceConflictException",
        "The operation cannot be performed at this time. An update is in progress for resource: x",
        409,
    ),
    answered("ServiceException", status=500),
    answered("SomethingElse", status=502),
    boto.ConnectionClosedError(endpoint_url="http://x"),
    boto.ReadTimeoutError(endpoint_url="http://x"),
]
LASTING = [
    answered("ResourceConflictException", "Alias already exists: arn", 409),
    answered("ResourceConflictException", "Function already exist: orders", 409),
    answered(
        "ResourceConflictException",
        "Unable to delete version because the following aliases reference it: [live]",
        409,
    ),
    answered("PreconditionFailedException", status=412),
    answered("ResourceNotFoundException", status=404),
    answered("AccessDeniedException", status=403),
    answered("InvalidParameterValueException"),
    boto.NoCredentialsError(),
    ValueError("ours"),
]


@pytest.mark.parametrize("error", PASSING, ids=str)
def test_what_passes_by_itself_is_tried_again(error: Exception) -> None:
    send = Failing(error, 3)
    assert call_patiently(send, POLICY, VirtualClock(), random.Random(1)) == "answer"
    assert send.calls == 4


@pytest.mark.parametrize("error", LASTING, ids=str)
def test_what_will_not_pass_is_told_at_once(error: Exception) -> None:
    send = Failing(error, 1)
    with pytest.raises(type(error)):
        call_patiently(send, POLICY, VirtualClock(), random.Random(1))
    assert send.calls == 1


@pytest.mark.parametrize("text", ["busy", "arn:aws:lambda:r:1:function:alias is busy", ""])
def test_a_conflict_of_an_unknown_kind_is_tried_again_for_seconds(text: str) -> None:
    clock, send = VirtualClock(), Failing(answered("ResourceConflictException", text, 409), 1000)
    with pytest.raises(ClientError):
        call_patiently(send, POLICY, clock, random.Random(1))
    assert send.calls == POLICY.conflict_attempts
    assert clock.monotonic() < 10.0


def test_patience_has_an_end() -> None:
    clock, send = VirtualClock(), Failing(answered("TooManyRequestsException"), 1000)
    with pytest.raises(ClientError):
        call_patiently(send, POLICY, clock, random.Random(1))
    assert send.calls == POLICY.attempts
    assert clock.monotonic() <= POLICY.attempts * POLICY.longest_s


def test_an_endpoint_where_nobody_listens_is_told_within_a_second() -> None:
    clock = VirtualClock()
    send = Failing(boto.EndpointConnectionError(endpoint_url="http://x"), 1000)
    with pytest.raises(boto.EndpointConnectionError):
        call_patiently(send, POLICY, clock, random.Random(1))
    assert send.calls == POLICY.unreachable_attempts
    assert clock.monotonic() < 1.0


def test_waits_double_up_to_the_longest_and_are_fully_jittered() -> None:
    rng = random.Random(1)
    for attempt, most in ((1, 0.2), (2, 0.4), (4, 1.6), (9, 5.0)):
        waits = [POLICY.wait_s(attempt, rng) for _ in range(400)]
        assert max(waits) <= most
        assert max(waits) > 0.9 * most
        assert min(waits) < 0.1 * most


class Drips:
    """A client whose answers never end."""

    meta = SimpleNamespace(
        service_model=SimpleNamespace(service_name="lambda"),
        region_name="eu-west-1",
        endpoint_url="https://lambda.eu-west-1.amazonaws.com",
    )

    def get_function(self, **_: object) -> None:
        threading.Event().wait()


def test_an_answer_that_drips_ends_at_a_total_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_LOOK_S", 0.01)
    client = Client(Drips(), VirtualClock(), None, Patience(attempts=2, answer_s=0.05))
    with pytest.raises(TargetError, match="cannot be reached"):
        client.send("GetFunction", "orders")
    assert client.calls["GetFunction"] == 2


def test_a_wish_to_stop_is_heard_while_an_answer_drips(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "_STOPPING_S", 0.05)
    monkeypatch.setattr(calls, "_LOOK_S", 0.01)
    client = Client(Drips(), VirtualClock(), None, Patience())
    monkeypatch.setattr(client, "hurries", lambda: True)
    with pytest.raises(Interrupted, match="stopped while GetFunction was answered"):
        client.send("GetFunction", "orders")


def test_what_sending_raises_comes_out_of_its_thread() -> None:
    class Own(BaseException):
        pass

    def fails() -> None:
        raise Own

    with pytest.raises(Own):
        calls.within(fails, 1.0, "u")
    assert calls.within(lambda: 5, 1.0, "u") == 5


def test_no_attempt_begins_after_the_time_for_all_of_them() -> None:
    clock, attempts = VirtualClock(), []

    def slow() -> None:
        attempts.append(clock.monotonic())
        clock.advance(40.0)
        raise boto.ReadTimeoutError(endpoint_url="https://lambda")

    with pytest.raises(boto.ReadTimeoutError):
        call_patiently(slow, Patience(attempts=40, total_s=100.0), clock, random.Random(1))
    assert len(attempts) == 3


def test_all_attempts_wait_eight_seconds_on_average_and_sixteen_at_most() -> None:
    class Share(random.Random):
        """Draws the same share of every range."""

        def __init__(self, share: float) -> None:
            self.share = share

        def uniform(self, a: float, b: float) -> float:
            return a + self.share * (b - a)

    for share, seconds in ((0.5, 8.1), (1.0, 16.2)):
        clock = VirtualClock()
        with pytest.raises(ClientError):
            call_patiently(Failing(PASSING[0], 99), POLICY, clock, Share(share))
        assert clock.monotonic() == pytest.approx(seconds)
