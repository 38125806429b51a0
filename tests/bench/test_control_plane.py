"""How much of Lambda's control plane a sweep of seven sizes takes, and how soon it measures.

Once without forced cold starts, and once with one at each of up to three sizes, on a version of
its own each, made in a pass of its own: on AWS a burst of calls on that version gives all five of
the default. This machine's cores decide how many INITs may run at once here, so five would take
more versions than on AWS.

pytest -m bench -s tests/bench/test_control_plane.py
"""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from support.fault_proxy import FaultProxy

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1800)]

SIZES = "128,256,512,768,1024,1280,1536"
GRID = ("--method", "grid", "--memory", SIZES, "--samples", "5", "--yes", "-q")
#: By cold starts forced per size: each version takes five calls, its pass three.
MOST_CALLS = {0: 40, 1: 40 + 3 * 5 + 3}
MOST_S = 8.0
HANDLER = "def handler(event, context):\n    return sum(range(20_000))\n"


def kinds(seen: list[str]) -> str:
    """How often each call was made, by method and the end of its path."""
    counts = Counter(f"{one.split()[0]} {one.rsplit('/', 1)[-1]}" for one in seen)
    return ", ".join(f"{count} x {what}" for what, count in counts.most_common())


@pytest.mark.parametrize("cold", MOST_CALLS)
def test_calls_and_time_of_a_sweep_of_seven_sizes(
    lambda_client: Any, new_function: Callable[..., str], tmp_path: Path, machine: str, cold: int
) -> None:
    function = new_function(HANDLER, MemorySize=512)
    waits, calls = [], []
    for seed in range(1, 6):
        with FaultProxy(lambda_client.meta.endpoint_url).serving() as proxy:
            began = time.monotonic()
            where = ["--endpoint-url", proxy.url, "--region", "eu-west-1", "--store"]
            where += [f"sqlite:///{tmp_path}/{seed}.db", "--seed", str(seed), "--cold", str(cold)]
            subprocess.run(
                [sys.executable, "-m", "tuner", "sweep", function, *where, *GRID],
                cwd=tmp_path,
                check=True,
                stdout=subprocess.DEVNULL,
            )
        assert proxy.invoked_at is not None
        waits.append(proxy.invoked_at - began)
        calls.append(len(proxy.seen))
    print(
        f"\ncontrol-plane calls of a sweep of 7 sizes, {cold} cold starts each:"
        f" {calls} (<= {MOST_CALLS[cold]})"
    )
    print(f"  {kinds(proxy.seen)}")
    print(
        f"seconds until the first invocation: median {median(waits):.1f} of"
        f" {[round(wait, 1) for wait in waits]} (< {MOST_S:.0f}), {machine}"
    )
    assert max(calls) <= MOST_CALLS[cold], calls
    assert median(waits) < MOST_S
