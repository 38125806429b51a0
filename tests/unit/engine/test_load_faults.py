"""A load whose endpoint fails in the middle: counted where it belongs, and nothing is lost."""

import contextlib
import os
import re
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

import pytest

from support.factories import a_batch, a_call, a_variant, an_endpoint
from tuner.clock import WallClock
from tuner.engine.engine import Batch, BatchPolicy, Call
from tuner.engine.locust_engine import LocustEngine
from tuner.errors import TunerError
from tuner.records import Outcome, Purpose

pytestmark = pytest.mark.slow

VARIANT = a_variant()
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture(scope="module")
def engine() -> Iterator[LocustEngine]:
    """One worker for all tests here."""
    engine = LocustEngine(an_endpoint("http://127.0.0.1:9"), WallClock())
    yield engine
    engine.close()


def load(calls: int, every_s: float, policy: BatchPolicy, timeout_s: float = 5.0) -> Batch:
    made = [Call(n, VARIANT, 0, Purpose.LOAD, n * every_s) for n in range(calls)]
    return a_batch(made, 8, policy, timeout_s=timeout_s)


class Mortal:
    """A server that can be killed with all its connections and brought back on the same port."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.port = listener.getsockname()[1]
        self.revive()

    def revive(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._open: list[socket.socket] = [self._listener]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def kill(self) -> None:
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while connection.recv(65536):
                connection.sendall(ANSWER)


def test_an_endpoint_that_dies_and_comes_back_costs_only_the_calls_between(
    engine: LocustEngine,
) -> None:
    server = Mortal()
    engine.endpoint = an_endpoint(f"http://127.0.0.1:{server.port}")
    timers = [threading.Timer(0.5, server.kill), threading.Timer(1.0, server.revive)]
    samples = []
    for sample in engine.run(load(150, 0.01, BatchPolicy())):
        if not samples:
            for timer in timers:
                timer.start()
        samples.append(sample)
    server.kill()
    in_order = sorted(samples, key=lambda sample: sample.call)
    assert [sample.call for sample in in_order] == list(range(150))
    outcomes = [sample.outcome for sample in in_order]
    assert set(outcomes[:30]) == {Outcome.OK} == set(outcomes[-20:])
    failed = [sample for sample in in_order if sample.outcome is not Outcome.OK]
    assert 20 <= len(failed) <= 80
    assert {sample.outcome for sample in failed} == {Outcome.TRANSPORT_ERROR}
    assert "connection refused" in {sample.reason for sample in failed}


def test_with_retries_calls_outlive_a_short_death_of_the_endpoint(engine: LocustEngine) -> None:
    server = Mortal()
    engine.endpoint = an_endpoint(f"http://127.0.0.1:{server.port}")
    server.kill()
    threading.Timer(0.3, server.revive).start()
    last: dict[int, Any] = {}
    for sample in engine.run(load(10, 0.0, BatchPolicy(retry="backoff", seed=3))):
        if sample.backoff_ms is None:
            last[sample.call] = sample
    server.kill()
    assert len(last) == 10
    assert sum(sample.outcome is Outcome.OK for sample in last.values()) >= 5


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_5xx_of_the_service_is_its_error_and_is_retried_only_when_asked(
    engine: LocustEngine, serve: Any, answer: Any, status: int
) -> None:
    def script(_server: Any, connection: socket.socket, number: int) -> bool:
        connection.sendall(answer(b"", f"{status} Whatever") if number < 2 else answer())
        return True

    engine.endpoint = an_endpoint(serve(script).url)
    outcomes = Counter(sample.outcome for sample in engine.run(load(2, 0.0, BatchPolicy())))
    assert outcomes == {Outcome.SERVICE_ERROR: 2}
    engine.endpoint = an_endpoint(serve(script).url)
    samples = list(engine.run(load(1, 0.0, BatchPolicy(retry="decorrelated"))))
    assert [sample.outcome for sample in samples] == [Outcome.SERVICE_ERROR] * 2 + [Outcome.OK]
    assert [sample.backoff_ms is None for sample in samples] == [False, False, True]


def test_answers_that_never_end_hold_their_users_and_are_given_up_in_time(
    engine: LocustEngine, serve: Any, answer: Any
) -> None:
    def script(_server: Any, connection: socket.socket, number: int) -> bool:
        if number % 4 == 0:  # a slow loris: a byte now and then
            with contextlib.suppress(OSError):
                for byte in b"HTTP/1.1 200 OK\r\n" * 20:
                    connection.sendall(bytes([byte]))
                    time.sleep(0.05)
            return False
        connection.sendall(answer())
        return True

    engine.endpoint = an_endpoint(serve(script).url)
    samples = list(engine.run(load(40, 0.02, BatchPolicy(), timeout_s=0.5)))
    outcomes = Counter(sample.outcome for sample in samples)
    assert outcomes == {Outcome.OK: 30, Outcome.TRANSPORT_ERROR: 10}
    slow = [sample for sample in samples if sample.outcome is Outcome.TRANSPORT_ERROR]
    assert {sample.reason for sample in slow} == {"timed out waiting for the answer"}


def test_a_rate_beyond_reach_ends_at_its_cutoff_with_the_rest_counted(
    engine: LocustEngine, serve: Any, answer: Any
) -> None:
    def script(_server: Any, connection: socket.socket, _number: int) -> bool:
        connection.sendall(answer())
        return True

    engine.endpoint = an_endpoint(serve(script).url)
    calls = (Call(n, VARIANT, 0, Purpose.LOAD, n * 1e-9) for n in range(10**9))
    began = time.monotonic()
    # Long enough for a busy machine to send something, though it has 10^9 calls to begin with.
    policy = BatchPolicy(cutoff_s=3.0, patience_s=2.0)
    samples = list(engine.run(a_batch(calls, 8, policy)))
    assert time.monotonic() - began < 60
    assert samples
    assert engine.shortfall().dropped.total() > 10_000


def aws_date(request: bytes) -> float:
    """When a request says that it was signed, in seconds since 1970."""
    [text] = re.findall(rb"x-amz-date: (\w+)", request)
    moment = datetime.strptime(text.decode(), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return moment.timestamp()


def test_a_clock_that_is_an_hour_off_is_noticed_and_corrected_for_signing(
    engine: LocustEngine, serve: Any, answer: Any
) -> None:
    ahead_s = 3600.0
    refusal = b'{"message": "Signature expired"}'

    def script(server: Any, connection: socket.socket, number: int) -> bool:
        theirs = time.time() + (ahead_s if number >= 5 else 0.0)
        if abs(aws_date(server.requests[number]) - theirs) < 300:
            connection.sendall(answer())
        else:
            more = f"Date: {formatdate(theirs, usegmt=True)}\r\n"
            more += "x-amzn-ErrorType: InvalidSignatureException\r\n"
            connection.sendall(answer(refusal, "403 Forbidden", more=more))
        return True

    engine.endpoint = an_endpoint(serve(script).url)
    calls = [Call(n, VARIANT, 0, Purpose.LOAD) for n in range(12)]
    samples = list(engine.run(a_batch(calls, 1)))
    outcomes = [sample.outcome for sample in samples]
    assert outcomes == [Outcome.OK] * 5 + [Outcome.SERVICE_ERROR] + [Outcome.OK] * 6
    assert all(0 <= sample.latency_ms < 5_000 for sample in samples)


def test_a_call_that_cannot_even_be_made_ends_the_batch_with_words(
    engine: LocustEngine, serve: Any, answer: Any
) -> None:
    engine.endpoint = an_endpoint(serve(lambda _server, _connection, _number: False).url)
    with pytest.raises(TunerError, match="load worker: IndexError"):
        list(engine.run(a_batch([a_call(payload=7)])))


def test_the_only_worker_that_is_killed_leaves_a_gap_with_what_was_due(
    serve: Any, answer: Any
) -> None:
    def script(_server: Any, connection: socket.socket, _number: int) -> bool:
        time.sleep(0.2)
        connection.sendall(answer())
        return True

    mortal = LocustEngine(an_endpoint(serve(script).url), WallClock())
    samples = []
    try:
        with pytest.raises(TunerError, match="killed by signal 9"):
            for sample in mortal.run(load(1000, 0.01, BatchPolicy())):
                samples.append(sample)
                if len(samples) == 5:
                    os.kill(mortal.pids[0], signal.SIGKILL)
        [gap] = mortal.shortfall().gaps
        assert gap.calls == mortal.shortfall().dropped["worker lost"]
        assert 1 <= gap.calls < 300  # not those that were not due yet
        assert len(list(mortal.run(load(3, 0.01, BatchPolicy())))) == 3
    finally:
        mortal.close()
