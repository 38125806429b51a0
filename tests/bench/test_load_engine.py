"""What the load engine adds: invocations per second and latency, on an endpoint that costs nothing.

``pytest -m bench tests/bench/test_load_engine.py -s``. nginx (Debian's, on PATH or in /usr/sbin)
answers with the headers of a real invocation. The peers, in the same run, are Locust with boto3 in
a User, and hey at the same rate. All share the machine's cores, so the figures say how many there
are, and mean something only on a machine that is otherwise idle.
"""

import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.factories import a_batch, a_variant, an_endpoint, some_calls
from tuner.clock import WallClock
from tuner.engine.engine import Batch
from tuner.engine.locust_engine import LocustEngine
from tuner.engine.profiles.pace import Constant, evenly
from tuner.records import Outcome, Sample

pytestmark = pytest.mark.bench

SECONDS = float(os.environ.get("TUNER_BENCH_SECONDS", "10"))
LOCUST_BOTO3 = """
    import sys, json, time
    import gevent.monkey; gevent.monkey.patch_all()
    import gevent, boto3
    from botocore.config import Config
    from locust import User, task
    from locust.env import Environment

    class Boto3User(User):
        def __init__(self, environment):
            super().__init__(environment)
            self.client = boto3.client(
                "lambda", endpoint_url=sys.argv[1], region_name="us-east-1",
                aws_access_key_id="AKID", aws_secret_access_key="secret",
                config=Config(retries={"total_max_attempts": 1}))
        @task
        def invoke(self):
            with self.environment.events.request.measure("Invoke", "fn"):
                answer = self.client.invoke(FunctionName="fn", LogType="Tail", Payload=b"{}")
                assert answer["LogResult"] and answer["Payload"].read()

    environment = Environment(user_classes=[Boto3User])
    runner = environment.create_local_runner()
    runner.start(int(sys.argv[3]), spawn_rate=int(sys.argv[3]))
    gevent.sleep(3)
    environment.stats.reset_all()
    began = time.monotonic(); gevent.sleep(float(sys.argv[2]))
    total = environment.stats.total
    print(json.dumps({"rate": total.num_requests / (time.monotonic() - began),
                      "p50": total.get_response_time_percentile(0.5),
                      "p99": total.get_response_time_percentile(0.99)}), flush=True)
    import os; os._exit(0)
"""


@pytest.fixture(scope="module")
def engine(nginx: str) -> Iterator[LocustEngine]:
    endpoint = an_endpoint(nginx)
    engine = LocustEngine(endpoint, WallClock())
    list(engine.run(batch(200, 8)))
    yield engine
    engine.close()


def batch(calls: int, concurrency: int, due: list[float] | None = None) -> Batch:
    variant = a_variant(1769, "7")
    made = some_calls(due or calls, variant)
    return a_batch(made, concurrency, payloads=[b'{"key": "value"}'], timeout_s=30.0)


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def show(title: str, rows: list[tuple[str, str, str]], machine: str) -> None:
    print(f"\n{title} ({machine})")
    for name, value, target in rows:
        print(f"  {name:<52}{value:>16}  {target}")


def measured(run: Callable[[], list[Sample]]) -> tuple[float, list[Sample]]:
    samples = run()
    span = max(s.done_s for s in samples) - min(s.due_s for s in samples)
    assert all(s.outcome is Outcome.OK and s.duration_ms == 155.51 for s in samples)
    return len(samples) / span, samples


def test_signed_invocations_per_second_against_locust_with_boto3(
    engine: LocustEngine, nginx: str, tmp_path: Path, machine: str
) -> None:
    concurrency = 8
    calls = int(5000 * SECONDS)
    rate, _ = measured(lambda: list(engine.run(batch(calls, concurrency))))
    alone, one_user = measured(lambda: list(engine.run(batch(calls // 3, 1))))
    program = tmp_path / "peer.py"
    program.write_text(textwrap.dedent(LOCUST_BOTO3))
    peer = subprocess.run(
        [sys.executable, str(program), nginx, str(SECONDS), str(concurrency)],
        stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    boto3 = json.loads(peer.stdout)
    show(
        "One worker, signed, REPORT parsed, statistics and samples included",
        [
            (f"invocations/s, {concurrency} users", f"{rate:,.0f}", "above 4,500"),
            ("invocations/s, 1 user", f"{alone:,.0f}", ""),
            ("service time p50, 1 user", f"{ms(one_user, 0.5):.3f} ms", ""),
            ("service time p99, 1 user", f"{ms(one_user, 0.99):.3f} ms", ""),
            (f"Locust + boto3, {concurrency} users", f"{boto3['rate']:,.0f}", ""),
            ("Locust + boto3 p50 / p99", f"{boto3['p50']} / {boto3['p99']} ms", ""),
            ("ratio", f"{rate / boto3['rate']:.1f}", "at least 6"),
        ],
        machine,
    )
    assert rate > 4500
    assert rate / boto3["rate"] >= 6


def ms(samples: list[Sample], share: float) -> float:
    return quantile([sample.service_ms for sample in samples], share)


@pytest.mark.parametrize("rate", [50, 500, 3000])
def test_latency_and_lag_of_an_open_load(
    engine: LocustEngine, nginx: str, machine: str, rate: int
) -> None:
    due = list(evenly(Constant(rate), SECONDS))
    achieved, samples = measured(lambda: list(engine.run(batch(len(due), 64, due))))
    latency = [sample.latency_ms for sample in samples]
    lag = [sample.lag_ms for sample in samples]
    rows = [
        ("achieved / asked", f"{achieved / rate:.4f}", "within 1 %"),
        ("latency from due p50", f"{quantile(latency, 0.5):.3f} ms", ""),
        ("latency from due p99", f"{quantile(latency, 0.99):.3f} ms", ""),
        ("lag p50", f"{quantile(lag, 0.5):.3f} ms", ""),
        ("lag p99", f"{quantile(lag, 0.99):.3f} ms", ""),
    ]
    peer = hey_at(nginx, rate)
    if peer is not None:
        rows += [
            ("hey at the same rate, p50 / p99", f"{peer[0]:.1f} / {peer[1]:.1f} ms", ""),
            ("added p50", f"{quantile(latency, 0.5) - peer[0]:.2f} ms", "below 0.6 at 500/s"),
            ("added p99", f"{quantile(latency, 0.99) - peer[1]:.2f} ms", "below 3 at 500/s"),
        ]
    show(f"Open load at {rate}/s", rows, machine)
    assert abs(achieved / rate - 1) < 0.01


def hey_at(url: str, rate: int) -> tuple[float, float] | None:
    """p50 and p99 in ms of hey (Debian's) at this rate; ``None`` without it. It tells 0.1 ms."""
    program = shutil.which("hey")
    if program is None:
        return None
    clients = max(1, rate // 500)
    told = subprocess.run(
        [
            *(program, "-z", f"{SECONDS:.0f}s", "-c", str(clients), "-q", str(rate // clients)),
            *("-m", "POST", "-d", "{}", "-o", "csv", f"{url}/2015-03-31/functions/fn/invocations"),
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    times = [float(line.split(",")[0]) * 1000.0 for line in told.splitlines()[1:]]
    return quantile(times, 0.5), quantile(times, 0.99)
