"""Workers that have no secret, or lie: nobody is let in, and no lie is believed or ends a load."""

import json
import math
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.factories import a_batch, a_variant, an_endpoint
from support.servers import good
from tuner.clock import WallClock
from tuner.engine import wire
from tuner.engine.credible import fault_of
from tuner.engine.engine import Call
from tuner.engine.locust_engine import LocustEngine
from tuner.engine.worker_pool import Workers
from tuner.engine.worker_process import SECRET
from tuner.measure.load_figures import LoadTally
from tuner.measure.load_health import load_advice
from tuner.records import Outcome, Purpose

KNOWN = "a secret of several machines"
PROGRAM = Path(__file__).parents[2] / "support" / "rogue_worker.py"
RESULT = wire.Result(4, 1, 5.0, 5.1, 5.2, 5.3, "ok", 200, None, None, "id", 12.5, 13, *(None,) * 7)


def test_an_honest_result_has_no_fault() -> None:
    assert fault_of(wire.RESULT, tuple(RESULT)) is None
    lost = RESULT._replace(
        outcome="transport_error", status=None, reason="refused", first_byte=None
    )
    assert fault_of(wire.RESULT, tuple(lost)) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("duration_ms", math.nan),
        ("billed_ms", math.inf),
        ("init_ms", -1.0),
        ("done", -math.inf),
        ("sent", 1e300),
        ("number", 1.5),
        ("number", True),
        ("attempt", None),
        ("status", "200"),
        ("outcome", "splendid"),
        ("reason", "x" * 100_000),
        ("message", b"bytes"),
        ("done", 5.0),
    ],
)
def test_a_result_that_cannot_be_is_a_fault(field: str, value: object) -> None:
    assert fault_of(wire.RESULT, tuple(RESULT._replace(**{field: value}))) is not None


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=4,
)


@given(st.one_of(st.sampled_from([*vars(wire).values()]).filter(lambda v: type(v) is str), VALUES))
def test_a_message_without_its_fields_is_a_fault(kind: object) -> None:
    if kind not in (wire.SET, wire.END, wire.MISTAKES):
        assert fault_of(kind, ()) is not None


@given(st.sampled_from([wire.BEAT, wire.PONG, wire.DROPPED, wire.RESULT, wire.HOOK]), st.data())
def test_whatever_fields_a_message_has_it_is_judged(kind: str, data: st.DataObject) -> None:
    fields = tuple(data.draw(st.lists(VALUES, max_size=21)))
    if fault_of(kind, fields) is None:
        for value in fields:
            assert type(value) is not float or math.isfinite(value)


@contextmanager
def rogue(port: int, kind: str, secret: str = "") -> Iterator["subprocess.Popen[bytes]"]:
    env = {**os.environ, SECRET: secret}
    started = subprocess.Popen(
        [sys.executable, str(PROGRAM), str(port), kind], stdout=subprocess.PIPE, env=env
    )
    try:
        yield started
    finally:
        started.kill()
        started.communicate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def calls(count: int) -> Any:
    due = [Call(n, a_variant(), 0, Purpose.LOAD, 0.03 * n) for n in range(count)]
    return a_batch(due, 4)


@pytest.mark.slow
@pytest.mark.parametrize("secret", ["", "another secret of machines"])
def test_who_lacks_the_secret_gets_nothing_at_all(serve: Any, answer: Any, secret: str) -> None:
    port = free_port()
    engine = LocustEngine(
        an_endpoint(serve(good(answer)).url), WallClock(), workers=Workers(local=2, port=port)
    )
    engine.start()
    with rogue(port, "nan", secret) as other:
        try:
            samples = list(engine.run(calls(60)))
        finally:
            engine.close()
        assert json.loads(other.communicate(timeout=30)[0]) == []
    assert [sample.outcome for sample in samples] == [Outcome.OK] * 60
    assert not engine.shortfall().gaps


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["nan", "inf", "types", "outcome", "another-time", "short"])
def test_a_worker_that_lies_is_dropped_by_name_and_the_load_goes_on(
    serve: Any, answer: Any, kind: str
) -> None:
    port = free_port()
    workers = Workers(local=1, expect=1, port=port, secret=KNOWN)
    engine = LocustEngine(an_endpoint(serve(good(answer)).url), WallClock(), workers=workers)
    tally = LoadTally()
    with rogue(port, kind, KNOWN) as other:
        try:
            for sample in engine.run(calls(120)):
                assert sample.outcome is Outcome.OK
                tally.add(sample)
        finally:
            engine.close()
        assert "quit" in json.loads(other.communicate(timeout=30)[0])
    shortfall = engine.shortfall()
    [gap] = shortfall.gaps
    assert (gap.worker, bool(gap.reason)) == ("rogue", True)
    assert tally.calls + sum(shortfall.dropped.values()) == 120
    assert tally.calls >= 50
    figures = tally.figures(4.0, 120, shortfall, None)
    [told] = [a for a in load_advice(figures, shortfall, 4, adaptive=False) if "lost" in a.code]
    assert "worker rogue was dropped" in told.text


@pytest.mark.slow
def test_a_master_that_got_junk_still_hears_honest_workers(serve: Any, answer: Any) -> None:
    port = free_port()
    workers = Workers(local=0, expect=1, port=port, secret=KNOWN)
    engine = LocustEngine(an_endpoint(serve(good(answer)).url), WallClock(), workers=workers)
    engine.start()
    command = [sys.executable, "-m", "tuner", "worker", "--master", f"127.0.0.1:{port}"]
    with rogue(port, "junk", KNOWN):
        honest = subprocess.Popen(command, env={**os.environ, SECRET: KNOWN})
        try:
            samples = list(engine.run(calls(30)))
        finally:
            engine.close()
            honest.wait(20)
    assert [sample.outcome for sample in samples] == [Outcome.OK] * 30
