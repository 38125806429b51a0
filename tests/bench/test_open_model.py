"""Whether an open load is what was asked for: its gaps, and its tail when the endpoint stalls.

``pytest -m bench tests/bench/test_open_model.py -s``; on a machine that is otherwise idle.
"""

import math
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from scipy.stats import kstest

from support.factories import a_batch, a_variant, an_endpoint
from tuner.clock import WallClock
from tuner.engine.engine import Call
from tuner.engine.locust_engine import LocustEngine
from tuner.engine.profiles.pace import Constant, evenly, poisson
from tuner.records import Outcome, Purpose, Sample

pytestmark = pytest.mark.bench

SECONDS = float(os.environ.get("TUNER_BENCH_SECONDS", "10"))
# Holds every answer back during the sixth second of every ten, counted from its start.
STALLING = """
    import asyncio, time
    ANSWER = b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}"
    began = time.monotonic()

    async def serve(reader, writer):
        while not reader.at_eof():
            try:
                await reader.readuntil(b"\\r\\n\\r\\n{}")
            except (asyncio.IncompleteReadError, ConnectionError):
                return writer.close()
            phase = (time.monotonic() - began) % 10
            if 5 <= phase < 6:
                await asyncio.sleep(6 - phase)
            writer.write(ANSWER)

    async def main():
        server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1000)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()

    asyncio.run(main())
"""


@pytest.fixture
def stalling(tmp_path: Path) -> Iterator[str]:
    """The URL of an endpoint that stalls for a second in every ten."""
    program = tmp_path / "server.py"
    program.write_text(textwrap.dedent(STALLING))
    server = subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    server.terminate()
    server.wait(10)


def send(url: str, due: list[float], concurrency: int) -> list[Sample]:
    endpoint = an_endpoint(url)
    engine = LocustEngine(endpoint, WallClock())
    variant = a_variant()
    calls = [Call(number, variant, 0, Purpose.LOAD, at) for number, at in enumerate(due)]
    try:
        samples = list(engine.run(a_batch(calls, concurrency, timeout_s=30.0)))
    finally:
        engine.close()
    assert all(sample.outcome is Outcome.OK for sample in samples)
    return sorted(samples, key=lambda sample: sample.sent_s)


#: Samples of a distribution itself stay below this over the root of their number in 99 of 100
#: tests (Kolmogorov's limit distribution).
CRITICAL = 1.63


def told(title: str, gaps: Sequence[float], rate: float) -> float:
    """Hold gaps against an exponential distribution and say so; the p-value."""
    test = kstest(gaps, "expon", args=(0, 1 / rate))
    most = CRITICAL / len(gaps) ** 0.5
    print(
        f"  {title:<16} D {test.statistic:.4f} (below {most:.4f}), p {test.pvalue:.3f} (above 0.01)"
    )
    return float(test.pvalue)


def middle_and_tail(ordered: Sequence[float]) -> str:
    """Of times in ms."""
    return (
        f"p50 {ordered[len(ordered) // 2]:.3f} ms, p99 {ordered[len(ordered) * 99 // 100]:.3f} ms"
    )


@pytest.mark.parametrize("rate", [50, 500, 3000])
def test_arrivals_of_a_poisson_load_are_poisson(nginx: str, machine: str, rate: int) -> None:
    due = list(poisson(Constant(rate), SECONDS, Random(1)))
    samples = send(nginx, due, 64)
    span = samples[-1].sent_s - samples[0].sent_s
    asked = (due[-1] - due[0]) / span
    gaps = [b.sent_s - a.sent_s for a, b in pairwise(samples)]
    lag = sorted(sample.lag_ms for sample in samples)
    print(f"\nPoisson at {rate}/s, {len(due)} calls; {machine}")
    print(f"  achieved/asked   {asked:.4f} (within 1 %)")
    assert told("due", [b - a for a, b in pairwise(due)], rate) > 0.01
    told("sent", gaps, rate)
    # Two requests leave one after the other: no gap is shorter than sending takes. Kolmogorov and
    # Smirnov see that as soon as its share of all gaps is above D.
    floor = -math.expm1(-min(gaps) * rate)
    print(f"  shortest gap     {min(gaps) * 1e6:.0f} µs; {floor:.4f} of all are due sooner")
    print(f"  lag              {middle_and_tail(lag)}")
    assert abs(asked - 1) < 0.01


@pytest.mark.parametrize("rate", [50, 500, 3000])
def test_arrivals_of_a_constant_load_are_even(nginx: str, machine: str, rate: int) -> None:
    due = list(evenly(Constant(rate), SECONDS))
    samples = send(nginx, due, 64)
    first, last = samples[0].sent_s, samples[-1].sent_s
    asked = (due[-1] - due[0]) / (last - first)
    test = kstest([sample.sent_s for sample in samples], "uniform", args=(first, last - first))
    off = sorted(abs(b.sent_s - a.sent_s - 1 / rate) * 1e3 for a, b in pairwise(samples))
    print(f"\nConstant at {rate}/s, {len(due)} calls; {machine}")
    print(f"  achieved/asked   {asked:.4f} (within 1 %)")
    print(f"  sent, over time  D {test.statistic:.4f}, p {test.pvalue:.3f} (above 0.01)")
    print(f"  gap off by       {middle_and_tail(off)}")
    assert abs(asked - 1) < 0.01
    assert test.pvalue > 0.01


def test_a_stall_is_felt_by_every_call_that_was_due_in_it(stalling: str, machine: str) -> None:
    rate, seconds = 200, 40.0
    samples = send(stalling, list(evenly(Constant(rate), seconds)), rate + 100)
    latency = sorted(sample.latency_ms for sample in samples)
    # A tenth of the calls is due in a stall and waits for the rest of it: 0 to 1 s, evenly.
    print(f"\nStalls of 1 s in every 10 at {rate}/s, {len(latency)} calls; {machine}")
    for percent, expected in ((95.0, 500.0), (99.0, 900.0), (99.9, 990.0)):
        found = latency[int(percent / 100 * len(latency))]
        print(f"  p{percent:<5g} {found:7.1f} ms, analytically {expected:.0f} (within 5 %)")
        assert found == pytest.approx(expected, rel=0.05)
