"""What a large load costs the tuner itself: workers side by side, a million samples, merging.

``pytest -m bench tests/bench/test_load_scale.py -s``. Two workers need a core each, besides
nginx's and the tuner's, to show what they can do; the table says how many cores there were.
"""

import json
import os
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from random import Random

import psutil
import pytest

from support.factories import a_batch, a_variant, an_endpoint
from tuner.clock import WallClock
from tuner.engine.engine import Batch, BatchPolicy, Call
from tuner.engine.locust_engine import LocustEngine
from tuner.engine.worker_pool import Workers
from tuner.measure.statistics import Latencies
from tuner.records import Outcome, Purpose
from tuner.targets.seam import Variant

pytestmark = pytest.mark.bench

SECONDS = float(os.environ.get("TUNER_BENCH_SECONDS", "10"))
# The whole way of a million results through the tuner's own process: from the bytes of a worker to
# samples, the load's figures and the choice of what is stored. Only the process is a made-up one.
MILLION = """
    import json, resource, time
    from random import Random
    from tuner.clock import WallClock
    from tuner.engine import wire
    from tuner.engine.engine import Batch, Call, Shortfall
    from tuner.engine.locust_engine import LocustEngine
    from tuner.engine.worker_pool import SingleWorker, WorkerMessage
    from tuner.measure.load_figures import LoadTally
    from tuner.records import Purpose, Setting
    from tuner.store.queries import everything
    from tuner.targets.seam import Credentials, Endpoint, Variant

    N, RATE, random = 1_000_000, 4000.0, Random(1)

    class Made(SingleWorker):
        def __init__(self):
            self.theirs, self.ours = wire.Reader(), wire.Reader()
            self.held, self.said = [], iter(())
        def ready(self, stop): return ["1"]
        def end(self): pass
        def send(self, worker, message):
            [(kind, *fields)] = self.theirs.feed(message)
            if kind == wire.ORDER: self.said = iter([(wire.SET,)])
            elif kind == wire.CALLS: self.held += fields
            elif kind == wire.GO: self.start = fields[0]
            elif kind == wire.LAST: self.said = iter([(wire.END,)])
        def receive(self):
            while True:
                for kind, *fields in self.said:
                    return WorkerMessage("1", kind, fields)
                held, self.held = self.held, []
                self.said = self.ours.feed(b"".join(self.result(*call) for call in held))
        def result(self, number, *_):
            due = self.start + number / RATE
            took = random.lognormvariate(-4, 0.5)
            return wire.pack(wire.RESULT, number, 1, due, due + 1e-4, due + took, due + took, "ok",
                200, None, None, f"94f4a28a-{number:08}", took * 900, 25.0, None, None, None, 60.0)

    endpoint = Endpoint("http://x", "r", "f", lambda: Credentials("a", "b"))
    engine = LocustEngine(endpoint, WallClock()); engine._pool = Made()
    variant = Variant(Setting(128), None)
    calls = (Call(n, variant, 0, Purpose.LOAD, None) for n in range(N))
    tally, chosen = LoadTally(0.0), everything(Random(2)).halved()
    began = time.process_time()
    for sample in engine.run(Batch(calls, (b"{}",), 500, 0, 5.0)):
        tally.add(sample); chosen.takes(sample.call)
    took, began = time.process_time() - began, time.perf_counter()
    figures = tally.figures(N / RATE, float(N), Shortfall(), None)
    summary = time.perf_counter() - began
    assert figures.calls == N
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"peak_mb": peak, "summary_s": summary, "each_us": took / N * 1e6}))
"""


def rate(url: str, workers: int) -> tuple[float, float, float]:
    """Calls per second through so many workers, the largest share of a CPU of one, and how many
    cores of the machine were idle meanwhile."""
    endpoint = an_endpoint(url)
    engine = LocustEngine(endpoint, WallClock(), workers=Workers(local=workers))
    variant = a_variant(1769, "7")
    try:
        list(engine.run(batch(variant, 200)))
        before, began = psutil.cpu_times(), time.monotonic()
        samples = list(engine.run(batch(variant, int(4000 * SECONDS))))
        idle = (psutil.cpu_times().idle - before.idle) / (time.monotonic() - began)
    finally:
        busiest = engine.shortfall().busiest
        engine.close()
    assert all(sample.outcome is Outcome.OK for sample in samples)
    span = max(s.done_s for s in samples) - min(s.due_s for s in samples)
    return len(samples) / span, busiest, idle


def batch(variant: Variant, calls: int) -> Batch:
    made = [Call(number, variant, 0, Purpose.LOAD) for number in range(calls)]
    return a_batch(made, 16, timeout_s=30.0)


def test_two_workers_against_one(nginx: str, machine: str) -> None:
    one, busy_one, idle_one = rate(nginx, 1)
    two, busy_two, idle_two = rate(nginx, 2)
    print(f"\nWorkers side by side, with nginx and the tuner beside them ({machine})")
    print(f"  one worker   {one:8,.0f}/s, {busy_one:.2f} of a core; {idle_one:.2f} cores idle")
    print(f"  two workers  {two:8,.0f}/s, busiest {busy_two:.2f} of a core; {idle_two:.2f} idle")
    # What was left idle beside one worker is all that a second one, nginx and the tuner can get.
    allowed = 1 + idle_one / ((os.cpu_count() or 1) - idle_one)
    print(f"  ratio        {two / one:8.2f}    at least 1.7; these cores allow {allowed:.2f}")


def test_judging_answers_costs_little(nginx: str, machine: str) -> None:
    """Expectations of every kind beside none, in turn, since the machine drifts."""
    expect = ("status<500", "json.answer == 42", "body contains answer", "duration<10s")
    kinds = {"none": (), "one": ("json.answer == 42",), "four": expect}
    engine, variant = LocustEngine(an_endpoint(nginx), WallClock()), a_variant(1769, "7")
    spans: dict[str, list[float]] = {kind: [] for kind in kinds}
    try:
        list(engine.run(batch(variant, 200)))
        for _ in range(3):
            for kind, texts in kinds.items():
                policy = BatchPolicy(expect=texts)
                samples = list(engine.run(replace(batch(variant, 8000), policy=policy)))
                assert {sample.outcome for sample in samples} == {Outcome.OK}
                done = [sample.done_s for sample in samples]
                spans[kind].append(8000 / (max(done) - min(s.due_s for s in samples)))
    finally:
        engine.close()
    best = {kind: max(rates) for kind, rates in spans.items()}
    print(f"\nCalls per second of one worker, answers judged or not ({machine})")
    for kind, per_s in best.items():
        print(f"  {kind:5}  {per_s:8,.0f}/s   {per_s / best['none']:.2f} of that without")


def test_a_million_samples_fit_and_are_summarised_quickly() -> None:
    told = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(MILLION)], stdout=subprocess.PIPE, check=True
    )
    found = json.loads(told.stdout)
    print("\nOne million samples through the tuner's process")
    print(f"  peak memory        {found['peak_mb']:8.0f} MB  below 600")
    print(f"  time to summarise  {found['summary_s']:8.2f} s   below 5")
    print(f"  CPU per sample     {found['each_us']:8.1f} µs")
    assert found["peak_mb"] < 600
    assert found["summary_s"] < 5


def test_percentiles_of_many_samples_equal_those_of_a_list() -> None:
    random = Random(4)
    values = [random.lognormvariate(3, 1) for _ in range(200_000)]
    counted, in_order = Latencies(), sorted(values)
    for value in values:
        counted.record(value)
    print("\nPercentiles of a histogram against a list (to three significant digits)")
    for percent in (50.0, 90.0, 95.0, 99.0, 99.9, 100.0):
        found = counted.percentile_ms(percent)
        exact = in_order[min(len(values), round(percent / 100 * len(values))) - 1]
        print(f"  p{percent:<5g} {found:9.3f} ms  {exact:9.3f} ms")
        assert found == pytest.approx(exact, rel=1e-3)
