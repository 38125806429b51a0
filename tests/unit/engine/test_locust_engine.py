"""The engine with its real worker process, against a server that behaves and one that does not."""

import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import Any

import psutil
import pytest

from support.factories import a_batch, a_call, a_variant, an_endpoint
from support.servers import good
from tuner.clock import WallClock
from tuner.engine.engine import Batch
from tuner.engine.locust_engine import LocustEngine
from tuner.errors import TunerError
from tuner.records import Outcome, Purpose, Sample
from tuner.targets.seam import Credentials

SECRET = "wJalrXUtnFEMI-the-secret"
VARIANT = a_variant(128, "m128")
Make = Callable[[str], LocustEngine]


@pytest.fixture
def make(engine_for: Callable[..., LocustEngine]) -> Make:
    """An engine for a URL."""
    return lambda url: engine_for(url, lambda: Credentials("AKID", SECRET))


def batch(
    calls: int = 1,
    concurrency: int = 1,
    due: Sequence[float] | None = None,
    timeout_s: float = 5.0,
    payloads: Sequence[bytes] = (b"{}",),
) -> Batch:
    made = [
        a_call(n, VARIANT, payload=n % len(payloads), purpose=Purpose.WARM, due_s=at)
        for n, at in enumerate(due or [None] * calls)
    ]
    return a_batch(made, concurrency, payloads=payloads, round_number=3, timeout_s=timeout_s)


def reset(connection: socket.socket) -> bool:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def test_a_call_becomes_a_sample_with_all_its_moments_and_figures(
    make: Make, serve: Any, answer: Any
) -> None:
    server = serve(good(answer, 0.02))
    [sample] = make(server.url).run(batch())
    assert sample.outcome is Outcome.OK
    assert (sample.call, sample.round, sample.attempt, sample.qualifier) == (0, 3, 1, "m128")
    assert (sample.duration_ms, sample.billed_ms, sample.max_memory_mb) == (12.5, 13.0, 40.0)
    assert sample.first_byte_s is not None
    assert sample.due_s <= sample.sent_s < sample.first_byte_s <= sample.done_s
    assert sample.service_ms >= 20
    assert not sample.cold


def test_the_request_is_a_signed_invocation_with_its_payload(
    make: Make, serve: Any, answer: Any
) -> None:
    server = serve(good(answer))
    bodies = (b'{"a": 1}', b"x" * 300_000)
    samples = list(make(server.url).run(batch(4, payloads=bodies)))
    assert [sample.payload for sample in samples] == [0, 1, 0, 1]
    path = b"POST /2015-03-31/functions/fn/invocations?Qualifier=m128 HTTP/1.1\r\n"
    for number, request in enumerate(server.requests):
        assert request.startswith(path)
        assert b"AWS4-HMAC-SHA256 Credential=AKID/" in request
        assert b"x-amz-log-type: Tail" in request
        assert request.endswith(b"\r\n\r\n" + bodies[number % 2])
        assert SECRET.encode() not in request


@pytest.mark.parametrize("ends", [False, True])
def test_a_call_that_does_not_end_is_not_waited_for_once_the_user_stops(
    serve: Any, answer: Any, ends: bool
) -> None:
    """Nothing has ended yet when the user stops; what ends within the grace is kept."""
    stopped = Event()

    def script(_server: Any, connection: socket.socket, _number: int) -> bool:
        stopped.set()
        if ends:
            connection.sendall(answer())
            return True
        return bool(connection.recv(1))  # until the client is gone

    server = serve(script)
    engine = LocustEngine(an_endpoint(server.url), WallClock())
    try:
        sent = batch(3, timeout_s=3_600.0)
        grace_s = 600.0 if ends else 0.05
        samples = list(engine.run(replace(sent, stop=stopped.is_set, grace_s=grace_s)))
        assert bool(engine.pids) is ends  # who waits for an answer still is gone
    finally:
        engine.close()
    assert len(samples) == (len(server.requests) if ends else 0)
    assert len(server.requests) in ((1, 2, 3) if ends else (1,))


def test_one_user_calls_one_after_another_over_one_connection(
    make: Make, serve: Any, answer: Any
) -> None:
    server = serve(good(answer))
    samples = list(make(server.url).run(batch(20)))
    assert [sample.call for sample in samples] == list(range(20))
    for before, after in pairwise(samples):
        assert before.done_s <= after.due_s
    assert server.connections == 1


def test_concurrency_bounds_how_many_calls_are_in_flight(
    make: Make, serve: Any, answer: Any
) -> None:
    server = serve(good(answer, 0.05))
    samples = list(make(server.url).run(batch(9, concurrency=3)))
    for at in [sample.sent_s + 0.001 for sample in samples]:
        assert sum(sample.sent_s <= at < sample.done_s for sample in samples) <= 3
    assert server.connections == 3
    assert any(later.sent_s < earlier.done_s for earlier, later in pairwise(samples))


def test_calls_that_are_due_do_not_wait_for_answers(make: Make, serve: Any, answer: Any) -> None:
    server = serve(good(answer, 0.3))
    due = [0.0, 0.02, 0.04, 0.06]
    samples = sorted(make(server.url).run(batch(4, 4, due)), key=lambda s: s.call)
    assert [s.due_s - samples[0].due_s for s in samples] == pytest.approx(due, abs=1e-6)
    assert samples[3].sent_s < samples[0].done_s
    assert all(s.sent_s >= s.due_s for s in samples)


def test_calls_leave_once_each_and_never_early_however_close_they_are(
    make: Make, serve: Any, answer: Any
) -> None:
    server = serve(good(answer))
    due = [round(group * 0.02 + near, 6) for group in range(20) for near in (0.0, 0.0, 3e-5, 2e-4)]
    bodies = (b'{"a": 1}', b"x" * 100_000)  # the second is too large to be sent at a stroke
    samples = list(make(server.url).run(batch(len(due), 8, due, payloads=bodies)))
    assert {sample.outcome for sample in samples} == {Outcome.OK}
    assert sorted(sample.call for sample in samples) == list(range(len(due)))
    assert all(sample.sent_s >= sample.due_s for sample in samples)
    ends = [request.rpartition(b"\r\n\r\n")[2] for request in server.requests]
    assert sorted(ends) == sorted(bodies * (len(due) // 2))


def test_a_small_call_to_a_server_that_hangs_up_is_its_own_failure(
    make: Make, serve: Any, answer: Any
) -> None:
    def script(_server: Any, connection: socket.socket, number: int) -> bool:
        if number % 3 == 2:
            return reset(connection)
        connection.sendall(answer())
        return True

    due = [number / 50.0 for number in range(12)]
    samples = list(make(serve(script).url).run(batch(12, 2, due)))
    found = [s.outcome for s in sorted(samples, key=lambda s: s.call)]
    assert found.count(Outcome.TRANSPORT_ERROR) == 4
    assert found.count(Outcome.OK) == 8


TIMER = """
import gevent
from time import monotonic
from tuner.engine.worker.timer import Timer

timer, early = Timer(), []
for wait in (0.0, 1e-6, 1e-5, 3e-5, 1e-4, 5e-4, 2e-3, 1e-2) * 20:
    moment = monotonic() + wait
    timer.wait_until(moment)
    early.append(monotonic() < moment)
gevent.spawn_later(0.05, timer.wake)
began = monotonic()
timer.wait_until(began + 60)
print(any(early), monotonic() - began < 30)
"""


def test_a_timer_is_never_early_and_can_be_woken() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TIMER], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == ["False", "True"]


def test_a_call_that_finds_no_free_user_says_how_late_it_was(
    make: Make, serve: Any, answer: Any
) -> None:
    server = serve(good(answer, 0.1))
    first, second = make(server.url).run(batch(2, 1, [0.0, 0.01]))
    assert second.lag_ms > 80
    assert second.latency_ms > second.service_ms
    assert second.sent_s >= first.done_s


def faulty(fault: Callable[[socket.socket], bool]) -> Callable[..., bool]:
    return lambda _server, connection, _number: fault(connection)


def say(data: bytes) -> Callable[[socket.socket], bool]:
    def fault(connection: socket.socket) -> bool:
        connection.sendall(data)
        return False

    return fault


def drip(connection: socket.socket) -> bool:
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" + b"x" * 900:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)
    return False


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (lambda c: False, "connection closed before an answer"),
        (reset, "connection reset while waiting for the answer"),
        (say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), "connection closed within"),
        (say(b"HTTP/1.1 200 OK\r\nContent-Le"), "connection closed within"),
        (say(b"SSH-2.0-OpenSSH\r\n\r\n"), "the answer is not valid HTTP"),
        (lambda c: bool(time.sleep(1.5)), "timed out waiting for the answer"),
        (drip, "timed out waiting for the answer"),
    ],
    ids=["closed", "reset", "half-body", "half-head", "not-http", "silent", "dripping"],
)
def test_a_broken_answer_is_a_transport_error_and_never_sent_again(
    make: Make, serve: Any, fault: Callable[[socket.socket], bool], words: str
) -> None:
    server = serve(faulty(fault))
    samples = list(make(server.url).run(batch(2, timeout_s=0.5)))
    assert len(server.requests) == 2
    for sample in samples:
        assert sample.outcome is Outcome.TRANSPORT_ERROR
        assert sample.reason is not None
        assert sample.reason.startswith(words)


def test_a_refused_connection_is_a_transport_error(make: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    [sample] = make(f"http://127.0.0.1:{port}").run(batch())
    assert (sample.outcome, sample.reason) == (Outcome.TRANSPORT_ERROR, "connection refused")
    assert sample.first_byte_s is None
    assert sample.due_s <= sample.sent_s <= sample.done_s


def test_an_unknown_host_is_a_transport_error(make: Make) -> None:
    [sample] = make("http://no-such-host.invalid:1").run(batch())
    assert (sample.outcome, sample.reason) == (Outcome.TRANSPORT_ERROR, "host name not found")


def test_a_server_without_tls_is_a_transport_error(make: Make, serve: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.listen()
        port = listener.getsockname()[1]
        [sample] = make(f"https://127.0.0.1:{port}").run(batch(timeout_s=0.4))
    assert sample.outcome is Outcome.TRANSPORT_ERROR


def test_a_connection_that_the_server_closed_while_idle_is_opened_anew(
    make: Make, serve: Any, answer: Any
) -> None:
    def script(_server: Any, connection: socket.socket, _number: int) -> bool:
        connection.sendall(answer())
        return False  # no word of it in the answer

    server = serve(script)
    engine = make(server.url)
    for _ in range(3):
        [sample] = engine.run(batch())
        assert sample.outcome is Outcome.OK
        time.sleep(0.05)
    assert server.connections == 3
    assert len(server.requests) == 3


def test_an_answer_may_come_in_chunks_after_an_interim_one_or_to_the_end(
    make: Make, serve: Any
) -> None:
    body = b'{"errorType": "Chunky"}'
    head = b"HTTP/1.1 200 OK\r\nX-Amz-Function-Error: Unhandled\r\n"
    answers = [
        b"HTTP/1.1 100 Continue\r\n\r\n" + head + b"Content-Length: 23\r\n\r\n" + body,
        head + b"Transfer-Encoding: chunked\r\n\r\n17\r\n" + body + b"\r\n0\r\n\r\n",
        head + b"Connection: close\r\n\r\n" + body,
    ]

    def script(_server: Any, connection: socket.socket, number: int) -> bool:
        for at in range(0, len(answers[number]), 30):
            connection.sendall(answers[number][at : at + 30])
            time.sleep(0.001)
        return number != 2

    samples = list(make(serve(script).url).run(batch(3)))
    assert [s.reason for s in samples] == ["Chunky"] * 3


def test_throttles_and_failures_are_samples_with_their_reasons(
    make: Make, serve: Any, answer: Any
) -> None:
    answers = [
        answer(b'{"Reason":"CallerRateLimitExceeded"}', "429 Too Many Requests"),
        answer(b'{"errorType":"KeyError"}', more="X-Amz-Function-Error: Unhandled\r\n"),
        answer(b"", "503 Service Unavailable"),
        answer(),
    ]

    def script(_server: Any, connection: socket.socket, number: int) -> bool:
        connection.sendall(answers[number])
        return True

    samples = list(make(serve(script).url).run(batch(4)))
    assert [(s.outcome, s.status, s.reason) for s in samples] == [
        (Outcome.THROTTLED, 429, "CallerRateLimitExceeded"),
        (Outcome.FUNCTION_ERROR, 200, "KeyError"),
        (Outcome.SERVICE_ERROR, 503, "HTTP 503"),
        (Outcome.OK, 200, None),
    ]


@pytest.mark.parametrize("due", [None, [0.1 * n for n in range(50)]], ids=["closed", "open"])
def test_stop_sends_nothing_more_and_loses_nothing_in_flight(
    make: Make, serve: Any, answer: Any, due: list[float] | None
) -> None:
    server = serve(good(answer, 0.05))
    engine = make(server.url)
    samples: list[Sample] = []
    for sample in engine.run(batch(50, 2, due)):
        samples.append(sample)
        engine.stop()
    assert 1 <= len(samples) == len(server.requests) < 8
    assert len(list(engine.run(batch(2)))) == 2


def test_leaving_the_loop_early_waits_for_what_is_in_flight(
    make: Make, serve: Any, answer: Any
) -> None:
    server = serve(good(answer, 0.05))
    engine = make(server.url)
    for _ in engine.run(batch(50, 2)):
        break
    sent = len(server.requests)
    assert sent < 8
    assert len(list(engine.run(batch(2)))) == 2
    assert len(server.requests) == sent + 2


def test_samples_count_from_the_runs_origin(serve: Any, answer: Any) -> None:
    server = serve(good(answer))
    endpoint = an_endpoint(server.url)
    before = time.monotonic()
    engine = LocustEngine(endpoint, WallClock(), origin_s=before - 1000.0)
    try:
        [sample] = engine.run(batch())
    finally:
        engine.close()
    assert 1000.0 <= sample.due_s <= 1000.0 + (time.monotonic() - before)


class TestWorkerProcess:
    """The process itself; each test has its own."""

    @pytest.fixture
    def started(self, serve: Any, answer: Any) -> Iterator[tuple[LocustEngine, psutil.Process]]:
        server = serve(good(answer, 0.05))
        endpoint = an_endpoint(server.url, lambda: Credentials("AKID", SECRET))
        engine = LocustEngine(endpoint, WallClock())
        before = set(psutil.Process().children())
        engine.start()
        [process] = set(psutil.Process().children()) - before
        yield engine, process
        engine.close()
        assert not process.is_running()

    def test_its_death_is_told_and_what_was_measured_has_been_passed_on(
        self, started: tuple[LocustEngine, psutil.Process]
    ) -> None:
        engine, process = started
        samples = []
        with pytest.raises(TunerError, match="load worker: was killed by signal 9"):
            for sample in engine.run(batch(100)):
                samples.append(sample)
                if len(samples) == 3:
                    process.kill()
        assert 3 <= len(samples) < 100
        assert len(list(engine.run(batch(2)))) == 2  # by a new one

    def test_an_interrupted_wait_gives_up_what_is_in_flight(
        self, started: tuple[LocustEngine, psutil.Process]
    ) -> None:
        engine, process = started
        samples = engine.run(batch(100))
        next(samples)
        with pytest.raises(KeyboardInterrupt):
            samples.throw(KeyboardInterrupt)  # type: ignore[attr-defined]
        assert not process.is_running()

    def test_ctrl_c_in_the_terminal_does_not_reach_it(
        self, started: tuple[LocustEngine, psutil.Process]
    ) -> None:
        engine, process = started
        list(engine.run(batch(1)))
        assert os.getpgid(process.pid) != os.getpgid(0)
        process.send_signal(signal.SIGTERM)  # a real one, while its parent lives, is not for it
        assert len(list(engine.run(batch(2)))) == 2

    def test_it_shows_no_secret_to_those_who_list_processes(
        self, started: tuple[LocustEngine, psutil.Process]
    ) -> None:
        engine, process = started
        list(engine.run(batch(1)))
        shown = " ".join([*process.cmdline(), *process.environ().values()])
        assert SECRET not in shown


def test_the_worker_dies_with_a_parent_that_was_killed() -> None:
    import subprocess
    import sys

    program = (
        "import time;from tuner.engine.locust_engine import LocustEngine;"
        "from tuner.clock import WallClock;from tuner.targets.seam import *;"
        "e=LocustEngine(Endpoint('http://127.0.0.1:9','r','f',lambda:Credentials('a','b')),"
        "WallClock());e.start();print(e.pids[0],flush=True);time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    worker = psutil.Process(int(parent.stdout.readline()))
    time.sleep(0.3)
    parent.kill()
    parent.wait()
    worker.wait(10)
    assert not worker.is_running()


def test_a_worker_takes_short_turns_on_the_cpu_where_the_system_can(
    make: Make, serve: Any, answer: Any
) -> None:
    def slice_ns(pid: int) -> int | None:
        try:
            lines = Path(f"/proc/{pid}/sched").read_text().splitlines()
        except OSError:
            return None
        found = [line.split(":")[1] for line in lines if line.startswith("se.slice ")]
        return int(found[0]) if found else None

    before = slice_ns(os.getpid())
    if before is None:
        pytest.skip("the system does not tell the length of turns (/proc/PID/sched)")
    engine = make(serve(good(answer)).url)
    list(engine.run(batch()))
    granted = slice_ns(engine.pids[0])
    assert granted is not None
    assert granted <= before
    assert os.getpriority(os.PRIO_PROCESS, engine.pids[0]) == os.getpriority(os.PRIO_PROCESS, 0)
