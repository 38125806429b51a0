"""Several worker processes behind Locust's master: one load, shared, merged, and its faults."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import pytest

import tuner.engine
from support.factories import a_batch, a_variant, an_endpoint
from support.servers import good
from support.waiting import wait_for
from tuner.clock import WallClock
from tuner.engine.engine import Batch, BatchPolicy, Call
from tuner.engine.locust_engine import LocustEngine
from tuner.engine.worker_pool import Workers
from tuner.engine.worker_process import SECRET
from tuner.errors import TunerError
from tuner.records import Outcome, Purpose, Sample

pytestmark = pytest.mark.slow

VARIANT = a_variant()
SECRET_TEXT = "a secret of several machines"


def batch(
    due: Sequence[float | None], concurrency: int, policy: BatchPolicy | None = None
) -> Batch:
    calls = [Call(number, VARIANT, 0, Purpose.LOAD, at) for number, at in enumerate(due)]
    return a_batch(calls, concurrency, policy)


@pytest.fixture(scope="module")
def pair() -> Iterator[LocustEngine]:
    """An engine of two workers, whose start takes the longest."""
    engine = LocustEngine(an_endpoint("http://127.0.0.1:9"), WallClock(), workers=Workers(local=2))
    yield engine
    engine.close()


def test_two_workers_share_one_schedule_and_lose_no_call(
    pair: LocustEngine, serve: Any, answer: Any
) -> None:
    pair.endpoint = an_endpoint(serve(good(answer)).url)
    due = [0.02 * number for number in range(50)]
    samples = sorted(pair.run(batch(due, 8)), key=lambda sample: sample.call)
    assert [sample.call for sample in samples] == list(range(50))
    start = samples[0].due_s
    assert [sample.due_s - start for sample in samples] == pytest.approx(due, abs=1e-6)
    assert all(sample.outcome is Outcome.OK for sample in samples)
    assert not pair.shortfall().dropped
    assert len(pair.pids) == 2


@pytest.mark.parametrize("local", [1, 2])
def test_modules_of_the_working_directory_are_not_taken_for_ours(
    local: int, serve: Any, answer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http", "queue", "locust", "gevent", "msgpack", "tuner", "json"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
    monkeypatch.chdir(tmp_path)
    url = serve(good(answer)).url
    engine = LocustEngine(an_endpoint(url), WallClock(), workers=Workers(local=local))
    try:
        samples = list(engine.run(batch([0.0, 0.0], 2)))
    finally:
        engine.close()
    assert [sample.outcome for sample in samples] == [Outcome.OK, Outcome.OK]


def test_concurrency_bounds_what_all_workers_have_in_flight(
    pair: LocustEngine, serve: Any, answer: Any
) -> None:
    server = serve(good(answer, 0.05))
    pair.endpoint = an_endpoint(server.url)
    samples = list(pair.run(batch([None] * 12, 3)))
    assert len(samples) == 12
    for at in [sample.sent_s + 0.001 for sample in samples]:
        assert sum(sample.sent_s <= at < sample.done_s for sample in samples) <= 3
    assert server.connections == 3


def test_a_closed_load_goes_round_on_all_workers_until_its_cutoff(
    pair: LocustEngine, serve: Any, answer: Any
) -> None:
    pair.endpoint = an_endpoint(serve(good(answer, 0.02)).url)
    samples = list(pair.run(batch([None], 4, BatchPolicy(repeat=True, cutoff_s=0.6))))
    assert len(samples) >= 20
    assert len({sample.call for sample in samples}) == len(samples)
    assert max(s.sent_s for s in samples) - min(s.sent_s for s in samples) < 1.0


def test_stopping_stops_all_workers(pair: LocustEngine, serve: Any, answer: Any) -> None:
    server = serve(good(answer, 0.02))
    pair.endpoint = an_endpoint(server.url)
    samples: list[Sample] = []
    for sample in pair.run(batch([0.05 * n for n in range(200)], 4)):
        samples.append(sample)
        pair.stop()
    assert 1 <= len(samples) == len(server.requests) < 20


def test_a_killed_worker_leaves_a_gap_and_the_rest_goes_on(serve: Any, answer: Any) -> None:
    engine = LocustEngine(
        an_endpoint(serve(good(answer, 0.05)).url), WallClock(), workers=Workers(local=2)
    )
    due = [0.02 * number for number in range(150)]
    samples: list[Sample] = []
    try:
        for sample in engine.run(batch(due, 20)):
            samples.append(sample)
            if len(samples) == 30:
                os.kill(engine.pids[0], signal.SIGKILL)
        shortfall = engine.shortfall()
        [gap] = shortfall.gaps
        assert len(samples) + sum(shortfall.dropped.values()) == 150
        assert set(shortfall.dropped) <= {"worker lost"}
        assert gap.calls == sum(shortfall.dropped.values()) < 40
        assert len({sample.call for sample in samples}) == len(samples)
        last = max(sample.due_s for sample in samples) - min(sample.due_s for sample in samples)
        assert last > 2.5  # until the end of the schedule
        assert len(list(engine.run(batch([None] * 4, 2)))) == 4
    finally:
        engine.close()


def test_when_all_workers_are_lost_the_load_fails_with_words(serve: Any, answer: Any) -> None:
    engine = LocustEngine(
        an_endpoint(serve(good(answer, 0.05)).url), WallClock(), workers=Workers(local=2)
    )
    samples = []
    try:
        with pytest.raises(TunerError, match="load workers: all were lost"):
            for sample in engine.run(batch([0.02 * n for n in range(500)], 8)):
                samples.append(sample)
                for pid in engine.pids if len(samples) == 5 else ():
                    os.kill(pid, signal.SIGKILL)
    finally:
        engine.close()
    assert len(samples) >= 5


def test_workers_of_a_master_that_was_killed_stop_and_invoke_no_more(
    serve: Any, answer: Any
) -> None:
    server = serve(good(answer))
    engine = LocustEngine(an_endpoint(server.url), WallClock(), workers=Workers(local=2))
    with pytest.raises(TunerError):
        for sample in engine.run(batch([0.02 * n for n in range(1000)], 8)):
            if sample.call == 20:
                workers = [psutil.Process(pid) for pid in engine.pids]
                master = workers[0].parent()
                assert master is not None
                master.kill()
    gone, alive = psutil.wait_procs(workers, 10)
    assert len(gone) == 2
    assert not alive
    sent = len(server.requests)
    time.sleep(0.3)
    assert len(server.requests) == sent


LOCUSTFILE = Path(tuner.engine.__file__).parent / "worker" / "locustfile.py"


@pytest.mark.parametrize(
    "command",
    [
        ("-m", "tuner", "worker", "--master", "127.0.0.1:{port}"),
        (
            *("-m", "locust", "-f", str(LOCUSTFILE), "--worker"),
            *("--master-host", "127.0.0.1", "--master-port", "{port}"),
        ),
    ],
    ids=["tuner", "locust"],
)
def test_a_worker_from_elsewhere_joins_and_ends_without_its_master(
    serve: Any, answer: Any, command: Sequence[str]
) -> None:
    """It is of another session and no child of the master's, as on another machine."""
    server = serve(good(answer))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    engine = LocustEngine(
        an_endpoint(server.url),
        WallClock(),
        workers=Workers(local=0, expect=1, port=port, secret=SECRET_TEXT),
    )
    words = [word.replace("{port}", str(port)) for word in command]
    env = {**os.environ, SECRET: SECRET_TEXT}
    other = subprocess.Popen([sys.executable, *words], start_new_session=True, env=env)
    try:
        assert len(list(engine.run(batch([0.01 * n for n in range(20)], 4)))) == 20
        assert engine.pids == [other.pid]
        with pytest.raises(TunerError):
            for sample in engine.run(batch([0.02 * n for n in range(1500)], 8)):
                if sample.call == 20:
                    engine._pool._master._process.kill()  # type: ignore[union-attr]
        other.wait(10)
    finally:
        other.kill()
        other.wait()
        engine.close()


@pytest.mark.parametrize("joining", [False, True], ids=["loading", "joining"])
def test_a_ctrl_c_of_a_worker_that_has_no_load_is_a_line(joining: bool) -> None:
    words = ("-m", "tuner", "worker", "--master", "127.0.0.1:9")
    worker = subprocess.Popen(
        [sys.executable, *words],
        stderr=subprocess.PIPE, text=True, env={**os.environ, SECRET: SECRET_TEXT},
    )  # fmt: skip
    try:
        process = psutil.Process(worker.pid)
        wait_for(lambda: "tuner.engine.worker.locust_worker" in process.cmdline(), "a worker")
        if joining:
            wait_for(lambda: any("zmq" in one.path for one in process.memory_maps()), "its socket")
        worker.send_signal(signal.SIGINT)
        said = worker.communicate(timeout=60)[1]
    finally:
        worker.kill()
        worker.wait()
    assert (worker.returncode, said) == (130, "tuner: interrupted\n")


def test_a_port_that_is_taken_is_an_error_with_words() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        engine = LocustEngine(
            an_endpoint("http://127.0.0.1:9"), WallClock(), workers=Workers(2, 0, port=port)
        )
        try:
            with pytest.raises(TunerError, match=f"cannot listen on 127.0.0.1:{port}"):
                list(engine.run(batch([None], 1)))
        finally:
            engine.close()


def test_attempts_of_a_call_stay_in_order_whoever_makes_them(
    pair: LocustEngine, serve: Any, answer: Any
) -> None:
    def script(_server: Any, connection: socket.socket, number: int) -> bool:
        connection.sendall(answer(b"", "503 Service Unavailable") if number < 4 else answer())
        return True

    pair.endpoint = an_endpoint(serve(script).url)
    policy = BatchPolicy(retry="decorrelated", seed=1)
    samples = list(pair.run(batch([0.0] * 6, 4, policy)))
    assert sum(sample.backoff_ms is None for sample in samples) == 6
    for call in range(6):
        mine = [sample for sample in samples if sample.call == call]
        assert [sample.attempt for sample in mine] == list(range(1, len(mine) + 1))
        for earlier, later in pairwise(mine):
            assert earlier.backoff_ms is not None
            waited = (later.due_s - earlier.done_s) * 1000.0
            assert waited == pytest.approx(earlier.backoff_ms, abs=0.01)
