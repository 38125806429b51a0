"""Batches that go on by themselves: retries, closed loads that go round, and their end."""

import socket
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from support.factories import a_batch, a_variant
from tuner.engine.engine import Batch, BatchPolicy, Call
from tuner.engine.locust_engine import LocustEngine
from tuner.engine.replay_engine import ReplayEngine
from tuner.recording import RecordedRow, Recording
from tuner.records import Outcome, Part, Purpose

VARIANT = a_variant()
REASON = b'{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded"}'
THROTTLE = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: %d\r\n\r\n" % len(REASON) + REASON
Make = Callable[[str], LocustEngine]


@pytest.fixture
def make(engine_for: Make) -> Make:
    """An engine for a URL."""
    return engine_for


def batch(calls: int, concurrency: int, policy: BatchPolicy, every_s: float | None = 0.0) -> Batch:
    due = [None if every_s is None else number * every_s for number in range(calls)]
    made = [Call(number, VARIANT, 0, Purpose.LOAD, due[number]) for number in range(calls)]
    return a_batch(made, concurrency, policy)


def refusing(answer: Any, refusals: int, answered: bytes = THROTTLE) -> Callable[..., bool]:
    def script(_server: Any, connection: socket.socket, number: int) -> bool:
        connection.sendall(answered if number < refusals else answer())
        return True

    return script


@pytest.mark.parametrize("policy", ["backoff", "decorrelated", "adaptive"])
def test_a_refused_call_is_sent_again_and_each_attempt_is_a_sample(
    make: Make, serve: Any, answer: Any, policy: str
) -> None:
    server = serve(refusing(answer, 2))
    samples = list(make(server.url).run(batch(1, 2, BatchPolicy(retry=policy, seed=2))))
    assert [(s.call, s.attempt) for s in samples] == [(0, 1), (0, 2), (0, 3)]
    outcomes = [sample.outcome for sample in samples]
    assert outcomes == [Outcome.THROTTLED, Outcome.THROTTLED, Outcome.OK]
    assert samples[0].reason == "ReservedFunctionConcurrentInvocationLimitExceeded"
    for earlier, later in pairwise(samples):
        assert later.due_s >= earlier.done_s
        assert later.sent_s >= later.due_s


def test_a_call_has_its_policys_attempts_and_one_without_a_policy(
    make: Make, serve: Any, answer: Any
) -> None:
    server = serve(refusing(answer, 1000))
    engine = make(server.url)
    again = list(engine.run(batch(2, 2, BatchPolicy(retry="decorrelated"))))
    assert sorted((s.call, s.attempt) for s in again) == [(c, a) for c in (0, 1) for a in (1, 2, 3)]
    assert [s.attempt for s in engine.run(batch(2, 2, BatchPolicy()))] == [1, 1]


def test_a_request_that_itself_is_refused_is_not_repeated(
    make: Make, serve: Any, answer: Any
) -> None:
    server = serve(refusing(answer, 9, b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))
    samples = list(make(server.url).run(batch(1, 1, BatchPolicy(retry="backoff"))))
    assert [sample.outcome for sample in samples] == [Outcome.SERVICE_ERROR]


def test_stopping_gives_up_retries_that_are_not_due_yet(
    make: Make, serve: Any, answer: Any
) -> None:
    late = THROTTLE.replace(b"Content-Length", b"Retry-After: 60\r\nContent-Length")
    engine = make(serve(refusing(answer, 9, late)).url)
    samples = []
    for sample in engine.run(batch(1, 1, BatchPolicy(retry="backoff"))):
        samples.append(sample)
        engine.stop()
    assert [sample.attempt for sample in samples] == [1]


def test_users_of_a_closed_load_call_again_and_again_until_its_end(
    make: Make, serve: Any, answer: Any
) -> None:
    def slow(_server: Any, connection: socket.socket, _number: int) -> bool:
        time.sleep(0.03)
        connection.sendall(answer())
        return True

    server = serve(slow)
    policy = BatchPolicy(repeat=True, cutoff_s=0.5)
    samples = list(make(server.url).run(batch(2, 3, policy, every_s=None)))
    numbers = sorted(sample.call for sample in samples)
    assert numbers == list(range(len(samples)))
    assert 9 <= len(samples) <= 3 * 17
    assert server.connections == 3
    first = min(sample.due_s for sample in samples)
    assert max(sample.sent_s for sample in samples) - first < 1.0


def test_users_think_between_calls(make: Make, serve: Any, answer: Any) -> None:
    server = serve(refusing(answer, 0))
    policy = BatchPolicy(repeat=True, cutoff_s=0.5, think_s=0.2)
    samples = list(make(server.url).run(batch(1, 1, policy, every_s=None)))
    assert 1 <= len(samples) <= 3
    for earlier, later in pairwise(samples):
        assert later.sent_s - earlier.done_s >= 0.199


def test_stopping_a_closed_load_does_not_wait_for_a_thinking_user(
    make: Make, serve: Any, answer: Any
) -> None:
    engine = make(serve(refusing(answer, 0)).url)
    policy = BatchPolicy(repeat=True, think_s=3600.0)
    samples = []
    for sample in engine.run(batch(1, 1, policy, every_s=None)):
        samples.append(sample)
        engine.stop()
    assert len(samples) == 1


def test_nothing_new_is_sent_after_the_cutoff(make: Make, serve: Any, answer: Any) -> None:
    server = serve(refusing(answer, 0))
    samples = list(make(server.url).run(batch(200, 4, BatchPolicy(cutoff_s=0.3), every_s=0.05)))
    assert 1 <= len(samples) < 200


def test_a_recording_answers_a_closed_load_in_virtual_time() -> None:
    row = RecordedRow(memory_mb=128, duration_ms=100.0, billed_ms=100.0)
    engine = ReplayEngine({Part(): Recording("rec.csv", None, (), by_size={128: (row,)})}, seed=1)
    policy = BatchPolicy(repeat=True, cutoff_s=9.95, think_s=0.1)
    samples = list(engine.run(batch(1, 2, policy, every_s=None)))
    assert len(samples) == 2 * 50
    assert [sample.call for sample in samples] == list(range(100))


@pytest.mark.parametrize("every_s", [0.001, None])
def test_no_attempt_is_sent_before_it_is_due(
    make: Make, serve: Any, answer: Any, every_s: float | None
) -> None:
    server = serve(refusing(answer, 200))
    policy = BatchPolicy(retry="decorrelated", seed=2)
    samples = list(make(server.url).run(batch(100, 100, policy, every_s)))
    again = [sample for sample in samples if sample.attempt > 1]
    assert len(again) >= 100
    assert [s for s in again if s.sent_s < s.due_s] == []
