"""Loads in which something breaks in the middle: figures and report all the same, and why."""

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from support.commands import Run
from tuner.store.runs import Store
from tuner.targets.aws import AwsTarget

pytestmark = pytest.mark.slow

Script = Callable[[Any, socket.socket, int], bool]


@pytest.fixture
def answering(
    tuner: Run,
    serve: Any,
    new_function: Any,
    local_lambda_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[..., Any]:
    """Load a function whose Invoke API is a script; every other call of it is the local Lambda's.
    Gives the exit code, the document and stderr."""
    name = new_function("def handler(e, c): pass", MemorySize=128)  # as the scripts report
    endpoint = AwsTarget.endpoint

    def load(script: Script, *words: str) -> tuple[int, dict[str, Any], str]:
        server = serve(script)
        monkeypatch.setattr(
            AwsTarget, "endpoint", lambda self: replace(endpoint(self), url=server.url)
        )
        place = ("--endpoint-url", local_lambda_url, "--region", "eu-west-1", "--json", "-")
        code, out, err = tuner("load", name, *place, *words)
        return code, json.loads(out) if out else {}, err

    return load


def good(answer: Any) -> Script:
    def script(_server: Any, connection: socket.socket, _number: int) -> bool:
        time.sleep(0.02)
        connection.sendall(answer())
        return True

    return script


def workers() -> list[psutil.Process]:
    """The processes that send."""
    children = psutil.Process().children(recursive=True)
    return [each for each in children if "tuner.engine.worker.locust_worker" in each.cmdline()]


def killing(script: Script, at: int) -> Script:
    """The script, but a worker is killed as the request of this number comes."""

    def deadly(server: Any, connection: socket.socket, number: int) -> bool:
        if number == at:
            os.kill(workers()[0].pid, signal.SIGKILL)
        return script(server, connection, number)

    return deadly


def test_a_killed_worker_ends_the_load_with_what_was_measured(answering: Any, answer: Any) -> None:
    script = killing(good(answer), 20)
    code, told, err = answering(script, "--rate", "50", "--duration", "1m")
    assert code == 3, err
    assert told["note"] == "load worker was killed by signal 9"
    assert 10 <= told["outcomes"]["ok"] <= 60
    assert told["seconds"] < 10
    assert {each["code"] for each in told["warnings"]} >= {"ended-early", "worker-lost"}
    assert Path(told["report"]).is_file()
    with Store.open(create=False) as store:
        assert len(store.samples(told["run"])) == told["attempts"]


def test_one_of_two_workers_goes_on_when_the_other_is_killed_with_a_gap(
    answering: Any, answer: Any
) -> None:
    script = killing(good(answer), 20)
    load = ("--rate", "50", "--duration", "3s", "--workers", "2")
    code, told, err = answering(script, *load)
    assert code == 0, err
    assert told["calls"] + told["unknown"] == 150
    assert told["dropped"] == 0  # whether those were sent is not known
    assert told["outcomes"]["ok"] >= 100
    assert "worker-lost" in {each["code"] for each in told["warnings"]}
    assert told["timeline"][-1]["ok"] > 0


def test_calls_of_a_pool_that_hangs_are_of_unknown_fate_and_not_never_sent(
    answering: Any, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tuner.engine.worker_process._SILENCE_S", 2.0)
    stopped: list[psutil.Process] = []

    def hanging(server: Any, connection: socket.socket, number: int) -> bool:
        if number == 20:
            master = workers()[0].parent()
            assert master is not None
            master.suspend()
            stopped.append(master)
        return good(answer)(server, connection, number)

    try:
        load = ("--rate", "50", "--duration", "20s", "--workers", "2")
        code, told, err = answering(hanging, *load)
    finally:
        for each in stopped:
            if each.is_running():
                each.resume()
    assert code == 3, err
    assert told["unknown"] >= 20
    assert told["dropped"] == 0
    assert "fate-unknown" in {each["code"] for each in told["warnings"]}
    page = Path(told["report"]).read_text()
    assert "of unknown fate" in page


def test_a_service_that_asks_for_an_hour_does_not_keep_a_load_from_ending(
    answering: Any, answer: Any
) -> None:
    throttle = answer(b"{}", "429 Too Many Requests", more="Retry-After: 3600\r\n")

    def script(_server: Any, connection: socket.socket, _number: int) -> bool:
        connection.sendall(throttle)
        return True

    load = ("--rate", "40", "--duration", "2s", "--retry", "adaptive")
    code, told, err = answering(script, *load)
    assert code == 1, err  # nothing succeeded
    assert told["calls"] + told["dropped"] == 80
    assert told["outcomes"]["throttled"] == told["calls"]
    assert told["seconds"] < 90
    [warning] = [each for each in told["warnings"] if each["code"] == "retry-after-capped"]
    assert "asked to wait up to 1 h (Retry-After)" in warning["text"]
    assert "20 s at most" in warning["text"]


def test_users_of_a_locustfile_on_another_worker_go_on_as_well(answering: Any, answer: Any) -> None:
    Path("users.py").write_text(
        "from locust import constant, task\n"
        "from tuner.engine.worker import LambdaUser\n\n"
        "class Caller(LambdaUser):\n"
        "    wait_time = constant(0.05)\n\n"
        "    @task\n"
        "    def call(self):\n"
        "        self.invoke()\n"
    )
    load = ("--locustfile", "users.py", "--users", "4", "--duration", "2s", "--workers", "2")
    code, told, err = answering(killing(good(answer), 20), *load)
    assert code == 0, err
    assert told["outcomes"]["ok"] >= 30
    assert "worker-lost" in {each["code"] for each in told["warnings"]}
    assert told["timeline"][-1]["ok"] > 0


def refusing(answer: Any, kind: str, after: int, until: float = float("inf")) -> Script:
    """Refuses with 403 after so many requests, for so many seconds."""
    refused = answer(b"{}", "403 Forbidden", more=f"x-amzn-ErrorType: {kind}\r\n")
    since: list[float] = []

    def script(_server: Any, connection: socket.socket, number: int) -> bool:
        if number == after:
            since.append(time.monotonic())
        fails = bool(since) and time.monotonic() - since[0] < until
        connection.sendall(refused if fails else answer())
        return True

    return script


def test_credentials_that_expire_cost_only_the_calls_until_renewed(
    answering: Any, answer: Any
) -> None:
    script = refusing(answer, "ExpiredTokenException", 10, until=0.5)
    code, told, err = answering(script, "--rate", "20", "--duration", "2s")
    assert code == 0, err
    assert told["calls"] == 40
    assert 1 <= told["outcomes"]["service_error"] <= 20
    assert told["outcomes"]["ok"] + told["outcomes"]["service_error"] == 40


@pytest.mark.parametrize(
    ("kind", "advice"),
    [
        ("ExpiredTokenException", "Check the credentials"),
        ("AccessDeniedException", "Allow lambda:InvokeFunction"),
    ],
)
def test_a_refusal_that_lasts_ends_the_load_with_what_was_measured(
    answering: Any, answer: Any, monkeypatch: pytest.MonkeyPatch, kind: str, advice: str
) -> None:
    monkeypatch.setattr("tuner.measure.failures.RENEWAL_S", 0.5)
    code, told, err = answering(refusing(answer, kind, 10), "--rate", "20", "--duration", "1m")
    assert code == 3, err
    assert f"invoking it was refused ({kind})" in told["note"]
    assert told["outcomes"]["ok"] == 10
    [warning] = [each for each in told["warnings"] if each["code"] == "ended-early"]
    assert advice in warning["text"]


def test_a_refusal_of_the_very_first_request_is_an_error(answering: Any, answer: Any) -> None:
    code, told, err = answering(refusing(answer, "AccessDeniedException", 0), "--rate", "20")
    assert (code, told) == (1, {})
    assert "Allow lambda:InvokeFunction" in err
    assert len(err.splitlines()) == 2


def test_a_wall_clock_that_jumps_changes_no_figure(
    answering: Any, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    jumps = [0.0]
    clocks = SimpleNamespace(
        monotonic=time.monotonic, sleep=time.sleep, time=lambda: time.time() + jumps[0]
    )
    monkeypatch.setattr("tuner.clock.time", clocks)

    def script(_server: Any, connection: socket.socket, number: int) -> bool:
        jumps[0] = -7200.0 if number % 20 < 10 else 7200.0
        connection.sendall(answer())
        return True

    code, told, err = answering(script, "--rate", "20", "--duration", "2s")
    assert code == 0, err
    assert (told["calls"], told["outcomes"]["ok"]) == (40, 40)
    assert 1.9 <= told["seconds"] < 10
    assert told["latency_ms"]["max"] < 10_000
    assert sum(row["asked"] for row in told["timeline"]) == 40


def test_an_endpoint_that_dies_and_comes_back_does_not_end_the_load(
    answering: Any, answer: Any
) -> None:
    def script(_server: Any, connection: socket.socket, number: int) -> bool:
        if 10 <= number < 20:
            return False
        connection.sendall(answer())
        return True

    code, told, err = answering(script, "--rate", "20", "--duration", "2s")
    assert code == 0, err
    assert told["outcomes"]["transport_error"] == 10
    assert told["outcomes"]["ok"] == 30


def test_a_payload_file_may_vanish_once_the_load_has_begun_but_not_before(
    answering: Any, answer: Any
) -> None:
    file = Path("event.json")
    file.write_text('{"n": 1}')

    def script(server: Any, connection: socket.socket, number: int) -> bool:
        file.unlink(missing_ok=True)
        assert server.requests[number].endswith(b'{"n": 1}')
        return good(answer)(server, connection, number)

    load = ("--rate", "20", "--duration", "1s", "--payload", "@event.json")
    code, told, _ = answering(script, *load)
    assert (code, told["outcomes"]["ok"]) == (0, 20)
    code, _, err = answering(script, *load)
    assert code == 2
    assert "--payload event.json" in err
    assert "No such file" in err
    code, _, err = answering(script, "--rate", "20", "--payloads", "gone.json")
    assert (code, "--payloads gone.json" in err) == (2, True)


def test_a_load_that_is_killed_leaves_nobody_who_invokes(
    serve: Any, answer: Any, tmp_path: Path
) -> None:
    """The master is the tuner itself here, with two workers behind it."""
    import subprocess
    import sys

    program = """
import sys
sys.path.insert(0, sys.argv[2])
from support.factories import a_batch, an_endpoint, some_calls
from tuner.clock import WallClock
from tuner.engine.locust_engine import LocustEngine
from tuner.engine.worker_pool import Workers

engine = LocustEngine(an_endpoint(sys.argv[1]), WallClock(), workers=Workers(local=2))
for sample in engine.run(a_batch(some_calls([0.02 * n for n in range(3000)]), 8)):
    print(sample.call, flush=True)
"""
    server = serve(good(answer))
    command = [sys.executable, "-c", program, server.url, str(Path(__file__).parents[1])]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout is not None
        for _ in range(10):
            assert child.stdout.readline()
        others = psutil.Process(child.pid).children(recursive=True)
        assert len(others) == 3
    finally:
        child.kill()
        child.communicate()
    gone, alive = psutil.wait_procs(others, 10)
    assert (len(gone), alive) == (3, [])
    sent = len(server.requests)
    threading.Event().wait(0.3)
    assert len(server.requests) == sent
