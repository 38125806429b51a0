"""Loads that are not held whole: dealt as they fall due; drops, renewed credentials, their end."""

import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.factories import a_batch, a_variant
from support.servers import good
from tuner.clock import VirtualClock, WallClock
from tuner.engine import wire
from tuner.engine.engine import Batch, BatchPolicy, Call, Mode
from tuner.engine.locust_engine import CredentialRefresh, LocustEngine
from tuner.engine.worker_pool import LocustWorkers, Workers, _Joined
from tuner.errors import Interrupted, TunerError
from tuner.records import Outcome, Purpose
from tuner.targets.seam import Credentials

VARIANT = a_variant()
OLD, NEW = Credentials("OLDKEY", "secret"), Credentials("NEWKEY", "secret", "token")
Make = Callable[..., LocustEngine]


@pytest.fixture
def make(engine_for: Make) -> Make:
    """An engine for a URL, with keys that change or with old ones."""
    return lambda url, keys=lambda: OLD: engine_for(url, keys)


class Asked:
    """An endless schedule that knows how much of it was asked for."""

    def __init__(self, every_s: float | None) -> None:
        self.number = 0
        self._every_s = every_s

    def __iter__(self) -> Iterator[Call]:
        while True:
            due = None if self._every_s is None else self.number * self._every_s
            yield Call(self.number, VARIANT, 0, Purpose.LOAD, due)
            self.number += 1


def batch(calls: Any, concurrency: int, policy: BatchPolicy) -> Batch:
    return a_batch(calls, concurrency, policy)


def test_an_endless_schedule_is_read_a_little_ahead_until_the_cutoff(
    make: Make, serve: Any, answer: Any
) -> None:
    schedule = Asked(0.01)
    samples = list(
        make(serve(good(answer)).url).run(batch(iter(schedule), 8, BatchPolicy(cutoff_s=1)))
    )
    assert sorted(sample.call for sample in samples) == list(range(len(samples)))
    assert 90 <= len(samples) <= 101
    assert schedule.number < 350


@pytest.mark.parametrize("every_s", [0.01, None])
def test_stopping_an_endless_schedule_ends_it_and_counts_only_what_was_due(
    make: Make, serve: Any, answer: Any, every_s: float | None
) -> None:
    engine = make(serve(good(answer, 0.01)).url)
    samples = []
    for sample in engine.run(batch(iter(Asked(every_s)), 4, BatchPolicy())):
        samples.append(sample)
        if len(samples) == 20:
            engine.stop()
    assert 20 <= len(samples) < 60
    assert sum(engine.shortfall().dropped.values()) <= 2


def test_a_schedule_that_fails_stops_the_load_and_its_error_is_passed_on(
    make: Make, serve: Any, answer: Any
) -> None:
    def failing() -> Iterator[Call]:
        yield from (Call(n, VARIANT, 0, Purpose.LOAD, 0.0) for n in range(3))
        yield Call(3, VARIANT, 0, Purpose.LOAD, 1.5)
        raise TunerError("payload file", "has vanished")

    engine = make(serve(good(answer)).url)
    with pytest.raises(TunerError, match="has vanished"):
        list(engine.run(batch(failing(), 2, BatchPolicy())))
    assert len(list(engine.run(batch([Call(0, VARIANT, 0, Purpose.LOAD)], 1, BatchPolicy())))) == 1


def test_a_call_that_finds_no_free_user_in_time_is_dropped_and_counted(
    make: Make, serve: Any, answer: Any
) -> None:
    engine = make(serve(good(answer, 0.2)).url)
    calls = [Call(n, VARIANT, 0, Purpose.LOAD, 0.02 * n) for n in range(50)]
    samples = list(engine.run(batch(calls, 1, BatchPolicy(patience_s=0.1))))
    shortfall = engine.shortfall()
    assert set(shortfall.dropped) == {"no free connection"}
    assert len(samples) + shortfall.dropped["no free connection"] == 50
    assert shortfall.by_second.total() == shortfall.dropped["no free connection"] >= 30
    assert all(sample.lag_ms < 310 for sample in samples)


def test_what_is_due_and_unsent_when_the_load_is_stopped_counts_as_dropped(
    make: Make, serve: Any, answer: Any
) -> None:
    engine = make(serve(good(answer, 0.3)).url)
    calls = [Call(n, VARIANT, 0, Purpose.LOAD, 0.0 if n < 10 else 60.0) for n in range(20)]
    samples = []
    for sample in engine.run(batch(calls, 2, BatchPolicy())):
        samples.append(sample)
        engine.stop()
    assert 2 <= len(samples) <= 4
    assert engine.shortfall().dropped == {"stopped": 10 - len(samples)}


def test_credentials_that_expire_in_the_middle_are_renewed(
    make: Make, serve: Any, answer: Any
) -> None:
    expired = answer(
        b'{"message": "expired"}',
        "403 Forbidden",
        more="x-amzn-ErrorType: ExpiredTokenException\r\n",
    )

    def script(server: Any, connection: socket.socket, number: int) -> bool:
        fresh = b"Credential=NEWKEY/" in server.requests[-1]
        connection.sendall(answer() if fresh or number < 5 else expired)
        return True

    asked = threading.Event()

    def keys() -> Credentials:
        first, _ = not asked.is_set(), asked.set()
        return OLD if first else NEW

    calls = [Call(n, VARIANT, 0, Purpose.LOAD, 0.02 * n) for n in range(100)]
    samples = list(make(serve(script).url, keys).run(batch(calls, 1, BatchPolicy())))
    outcomes = [sample.outcome for sample in sorted(samples, key=lambda sample: sample.call)]
    assert outcomes[:5] == [Outcome.OK] * 5
    assert outcomes[5:10] == [Outcome.SERVICE_ERROR] * 5
    assert outcomes[-10:] == [Outcome.OK] * 10
    assert "ExpiredTokenException" in {sample.reason for sample in samples}


def test_credentials_are_renewed_now_and_then_and_a_failure_keeps_the_old() -> None:
    clock, answers = VirtualClock(), iter([OLD, OSError("no network"), NEW])

    def ask() -> Credentials:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    watch = CredentialRefresh(ask, clock)
    told = []
    for _ in range(6):
        clock.advance(11.0)
        told.append(watch.changed(None))
        if watch._asking is not None:
            watch._asking.join()
    assert watch.current == NEW
    assert [each for each in told if each is not None] == [NEW]


@pytest.mark.parametrize(
    ("mode", "header", "status"),
    [(Mode.ASYNC, b"Event", "202 Accepted"), (Mode.DRY_RUN, b"DryRun", "204 No Content")],
)
def test_the_invocation_type_is_asked_for_and_its_answer_is_ok(
    make: Make, serve: Any, mode: Mode, header: bytes, status: str
) -> None:
    def script(_server: Any, connection: socket.socket, _number: int) -> bool:
        length = b"" if status.startswith("204") else b"Content-Length: 0\r\n"
        connection.sendall(b"HTTP/1.1 %s\r\n%s\r\n" % (status.encode(), length))
        return True

    server = serve(script)
    call = Call(0, VARIANT, 0, Purpose.LOAD)
    [sample] = make(server.url).run(batch([call], 1, BatchPolicy(mode=mode)))
    assert (sample.outcome, sample.status) == (Outcome.OK, int(status[:3]))
    [request] = server.requests
    assert b"x-amz-invocation-type: " + header in request
    assert b"x-amz-log-type" not in request


def test_a_worker_of_another_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Master:
        def __init__(self, *_: object, **__: object) -> None:
            self.messages = [(wire.FROM, "old", wire.pack(wire.READY, "machine", 7))]

        def receive(self) -> tuple[Any, ...]:
            return self.messages.pop()

    monkeypatch.setattr("tuner.engine.worker_pool.WorkerProcess", Master)
    pool = LocustWorkers(Workers(local=0, expect=1), WallClock())
    with pytest.raises(TunerError, match="another version of tuner"):
        pool.ready()


def test_the_wait_for_workers_ends_when_the_user_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    class Master:
        def __init__(self, *_: object, **__: object) -> None: ...

        def receive(self) -> tuple[Any, ...]:
            return (wire.BEAT, 0.0)

    monkeypatch.setattr("tuner.engine.worker_pool.WorkerProcess", Master)
    pool, looks = LocustWorkers(Workers(local=0, expect=2), WallClock()), iter([False, True])
    with pytest.raises(Interrupted, match="stopped while 0 of 2 were there"):
        pool.ready(lambda: next(looks))


@given(
    lead=st.floats(-1e6, 1e6),
    trips=st.lists(st.tuples(st.floats(1e-5, 0.5), st.floats(0, 1)), min_size=8, max_size=8),
)
def test_another_machines_clock_is_known_to_half_the_quickest_round_trip(
    lead: float, trips: list[tuple[float, float]]
) -> None:
    member, now = _Joined(), 100.0
    for trip, there in trips:
        assert not member.ready
        member.pong(now, now + trip * there + lead, now + trip)
        now += trip
    assert member.ready
    assert abs(member.lead_s - lead) <= min(trip for trip, _ in trips) / 2 + 1e-6
