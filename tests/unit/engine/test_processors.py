"""Pre- and post-processors: what they are given, what they change, and that no call counts them."""

import contextlib
import importlib
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.factories import a_batch, a_variant, an_endpoint
from support.waiting import wait_for
from tuner.clock import WallClock
from tuner.engine.engine import Batch, BatchPolicy, Call
from tuner.engine.locust_engine import LocustEngine
from tuner.engine.processors import (
    Processor,
    ProcessorFailed,
    Processors,
    lambda_of,
    local_processor,
)
from tuner.engine.worker_pool import Workers
from tuner.errors import TunerError, UsageError
from tuner.records import Outcome, Purpose, Sample

pytestmark = pytest.mark.slow

VARIANT = a_variant()
Work = Callable[[bytes, Mapping[str, str]], bytes]


def run(text: str, body: bytes = b'{"n": 1}', **known: str) -> bytes:
    return local_processor("--pre", text).work(body, known)


def test_a_command_gets_the_body_and_what_is_known_and_gives_its_output() -> None:
    assert run('read line; echo "[$line, $TUNER_CALL]"', TUNER_CALL="7") == b'[{"n": 1}, 7]\n'


def test_a_command_that_fails_says_how() -> None:
    with pytest.raises(ProcessorFailed, match="exit code 3: no such shop"):
        run("echo no such shop >&2; exit 3")


def test_a_command_that_does_not_end_is_ended_with_all_that_it_began(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tuner.engine.processors.LONGEST_S", 0.3)
    file = tmp_path / "pid"
    with pytest.raises(ProcessorFailed, match="took longer than"):
        run(f"sleep 60 & echo $! > {file}; wait")
    wait_for(lambda: not _alive(int(file.read_text())), "the end of the command's child")


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except OSError:
        return False


def test_a_function_gets_a_value_and_gives_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source = "def more(event): return {**event, 'more': True}\ndef no(event): return None\n"
    Path("prepare_orders.py").write_text(source + "def bad(event): raise KeyError('shop')\n")
    assert json.loads(run("prepare_orders:more")) == {"n": 1, "more": True}
    assert run("prepare_orders:no") == b""
    with pytest.raises(ProcessorFailed, match="KeyError: 'shop'"):
        run("prepare_orders:bad")


def test_a_function_imports_what_is_beside_it_but_shadows_nothing_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "colorsys", raising=False)
    Path("colorsys.py").write_text("raise SystemExit('the wrong module')")
    Path("beside_prepare.py").write_text("extra = 3")
    source = "def late(event):\n    import beside_prepare\n    return beside_prepare.extra"
    Path("prepare_late.py").write_text(source)
    assert run("prepare_late:late") == b"3"
    assert importlib.import_module("colorsys").hsv_to_rgb(0, 0, 1) == (1, 1, 1)


@pytest.mark.parametrize("text", ["json:no_such", "no_such_module:go", "json:__doc__", " "])
def test_a_function_that_is_not_there_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        local_processor("--post", text)


@pytest.mark.parametrize(
    ("text", "function"),
    [
        ("arn:aws:lambda:us-east-1:000000000000:function:p", ...),
        ("aws:prepare", "prepare"),
        ("./prepare.sh arn:aws:lambda", None),
        ("shop.orders:prepare", None),
    ],
)
def test_only_arns_and_aws_names_are_lambda_functions(text: str, function: Any) -> None:
    assert lambda_of(text) == (text if function is ... else function)


@given(st.text("abc:.-_ arn/", max_size=40))
def test_any_text_is_a_processor_or_a_complaint(text: str) -> None:
    if lambda_of(text) is not None:
        return
    with contextlib.suppress(UsageError):
        assert local_processor("--pre", text).name == text.strip()


class Server:
    """Answers with the number in the request; ``order`` is everything that happened, as it did."""

    def __init__(self, serve: Any) -> None:
        self.order: list[str] = []
        self.prepared: dict[int, float] = {}
        self.looked: dict[int, float] = {}
        self.url: str = serve(self._answer).url

    def _answer(self, server: Any, connection: socket.socket, number: int) -> bool:
        body = server.requests[number].partition(b"\r\n\r\n")[2]
        self.order.append(f"call {body.decode()}")
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)
        return True

    def pre(self, body: bytes, known: Mapping[str, str]) -> bytes:
        self.order.append(f"pre {body.decode()}")
        time.sleep(0.05)
        self.prepared[int(known["TUNER_CALL"])] = time.monotonic()
        return known["TUNER_CALL"].encode()

    def post(self, body: bytes, known: Mapping[str, str]) -> bytes:
        self.looked[int(known["TUNER_CALL"])] = time.monotonic()
        time.sleep(0.05)
        self.order.append(f"post {body.decode()} {known['TUNER_OUTCOME']}")
        return b""


@pytest.fixture(scope="module")
def engines() -> Iterator[dict[int, LocustEngine]]:
    """One engine per number of workers, for all tests here."""
    found = {
        count: LocustEngine(
            an_endpoint("http://127.0.0.1:9"),
            WallClock(),
            workers=Workers(local=count),
        )
        for count in (1, 2)
    }
    yield found
    for engine in found.values():
        engine.close()


def use(engine: LocustEngine, url: str, pre: Work | None, post: Work | None, most: int) -> None:
    engine.endpoint = an_endpoint(url)
    engine._processors = Processors(
        None if pre is None else Processor("prepare", pre),
        None if post is None else Processor("look", post),
        most,
    )


def batch(due: list[float | None], concurrency: int, policy: BatchPolicy | None = None) -> Batch:
    calls = [Call(number, VARIANT, 0, Purpose.LOAD, at) for number, at in enumerate(due)]
    return a_batch(calls, concurrency, policy, payloads=(b'"x"',))


def check_times(engine: LocustEngine, server: Server, samples: list[Sample]) -> None:
    """All of a call's times lie between the end of its pre-processor and the begin of the other."""
    for sample in samples:
        assert server.prepared[sample.call] <= sample.due_s + engine._origin
        assert sample.done_s + engine._origin <= server.looked[sample.call]


def test_one_user_prepares_and_processes_calls_in_turn_and_times_only_them(
    engines: dict[int, LocustEngine], serve: Any
) -> None:
    server = Server(serve)
    use(engines[1], server.url, server.pre, server.post, 1)
    samples = list(engines[1].run(batch([None] * 4, 1)))
    assert server.order == [
        word for n in range(4) for word in ('pre "x"', f"call {n}", f"post {n} ok")
    ]
    assert [sample.outcome for sample in samples] == [Outcome.OK] * 4
    check_times(engines[1], server, samples)
    counts = engines[1].shortfall().processors
    assert [(each.kind, each.name, each.runs, each.failed) for each in counts] == [
        ("pre", "prepare", 4, 0), ("post", "look", 4, 0),
    ]  # fmt: skip


@pytest.mark.parametrize("workers", [1, 2])
def test_calls_that_are_due_are_prepared_before_and_sent_in_time(
    engines: dict[int, LocustEngine], serve: Any, workers: int
) -> None:
    server, engine = Server(serve), engines[workers]
    use(engine, server.url, server.pre, server.post, 10)
    due = [0.02 * number for number in range(40)]
    samples = sorted(engine.run(batch(list(due), 16)), key=lambda sample: sample.call)
    check_times(engine, server, samples)
    begun = samples[0].due_s - due[0]
    assert all(sample.due_s - begun >= at - 1e-6 for sample, at in zip(samples, due, strict=True))
    assert sorted(server.order) == sorted(
        [f"call {n}" for n in range(40)] + [f"post {n} ok" for n in range(40)] + ['pre "x"'] * 40
    )
    pre, post = engine.shortfall().processors
    assert (pre.runs, post.runs, pre.failed, post.failed) == (40, 40, 0, 0)


def test_a_call_whose_pre_processor_fails_is_not_sent_but_counted(
    engines: dict[int, LocustEngine], serve: Any
) -> None:
    server = Server(serve)

    def pre(_body: bytes, known: Mapping[str, str]) -> bytes:
        if int(known["TUNER_CALL"]) % 3 == 0:
            raise ProcessorFailed("no more orders")
        return b""

    use(engines[1], server.url, pre, None, 10)
    for due in ([0.02 * number for number in range(9)], [None] * 9):
        samples = list(engines[1].run(batch(list(due), 4)))
        assert {sample.call for sample in samples} == {1, 2, 4, 5, 7, 8}
        assert engines[1].shortfall().dropped == {"pre-processor failed": 3}
        [count] = engines[1].shortfall().processors
        assert (count.runs, count.failed, count.reason) == (9, 3, "no more orders")


def test_a_payload_that_is_no_json_fails(engines: dict[int, LocustEngine], serve: Any) -> None:
    use(engines[1], Server(serve).url, lambda _body, _known: b"hello", None, 1)
    with pytest.raises(TunerError, match="pre-processor prepare: failed: gave no valid JSON"):
        list(engines[1].run(batch([None], 1)))


@pytest.mark.parametrize("kind", ["pre", "post"])
def test_a_processor_that_always_fails_ends_the_batch_and_is_named(
    engines: dict[int, LocustEngine], serve: Any, kind: str
) -> None:
    def bad(_body: bytes, _known: Mapping[str, str]) -> bytes:
        raise ProcessorFailed("broken")

    server = Server(serve)
    given = (bad, None) if kind == "pre" else (None, bad)
    use(engines[1], server.url, *given, 3)
    with pytest.raises(TunerError) as ended:
        list(engines[1].run(batch([None], 1, BatchPolicy(repeat=True, cutoff_s=30.0))))
    assert f"{kind}-processor " in str(ended.value)
    assert "failed 3 times in a row: broken" in str(ended.value)
    assert len(server.order) == 0 if kind == "pre" else len(server.order) >= 3


def test_a_slow_pre_processor_makes_calls_late_and_that_is_counted(
    engines: dict[int, LocustEngine], serve: Any
) -> None:
    server = Server(serve)

    def slow(body: bytes, known: Mapping[str, str]) -> bytes:
        time.sleep(0.3)
        return server.pre(body, known)

    use(engines[1], server.url, slow, None, 1)
    # One at a time, so that the last is ready some three seconds after it was due.
    samples = list(engines[1].run(batch([1.0 + 0.001 * n for n in range(12)], 1)))
    assert len(samples) == 12
    for sample in samples:
        assert server.prepared[sample.call] <= sample.due_s + engines[1]._origin
    [count] = engines[1].shortfall().processors
    assert 5 <= count.late <= 12


def test_stopping_still_lets_the_answers_be_looked_at(
    engines: dict[int, LocustEngine], serve: Any
) -> None:
    server = Server(serve)
    use(engines[1], server.url, None, server.post, 1)
    samples = []
    for sample in engines[1].run(batch([0.02 * n for n in range(200)], 4)):
        samples.append(sample)
        engines[1].stop()
    posts = [word for word in server.order if word.startswith("post")]
    assert len(posts) == len(samples) < 60
    assert engines[1].shortfall().processors[0].runs == len(samples)


def test_every_process_of_a_command_sees_the_users_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SHOP", "zürich")
    assert run("printf %s $SHOP") == os.environ["SHOP"].encode()
