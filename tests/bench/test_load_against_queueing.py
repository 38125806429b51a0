"""A load on a function with reserved concurrency, against what queueing arithmetic gives.

Calls that find all sandboxes busy are throttled and leave: a loss system. With Poisson arrivals the
throttled share is Erlang's B formula, whatever the distribution of service times (Kleinrock,
*Queueing Systems* I, 1975, 3.6); the same arrivals played through a loss system take chance out.
"""

import heapq
import json
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tuner.cli.app import main
from tuner.engine.profiles.pace import Constant, poisson

RESERVED, RATE, SECONDS, SEED = 5, 20.0, 120.0, 11
SLEEP = "import time\ndef handler(event, context):\n    time.sleep(0.5)"

pytestmark = [pytest.mark.bench, pytest.mark.timeout(300)]


def erlang_b(servers: int, offered: float) -> float:
    """Share of calls that find all servers busy: B(n) = aB(n-1) / (n + aB(n-1)), B(0) = 1."""
    steps = accumulate(
        range(1, servers + 1), lambda lost, n: offered * lost / (n + offered * lost), initial=1.0
    )
    return list(steps)[-1]


def accepted(arrivals: list[float], service_s: float) -> int:
    """How many calls a loss system takes, each holding a server for so long."""
    busy: list[float] = []
    taken = 0
    for at_s in arrivals:
        while busy and busy[0] <= at_s:
            heapq.heappop(busy)
        if len(busy) < RESERVED:
            heapq.heappush(busy, at_s + service_s)
            taken += 1
    return taken


def test_throttles_goodput_and_concurrency_are_those_of_a_loss_system(
    new_function: Any,
    lambda_client: Any,
    local_lambda_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = new_function(SLEEP)
    lambda_client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=RESERVED)
    monkeypatch.chdir(tmp_path)
    place = ("--endpoint-url", local_lambda_url, "--region", "eu-west-1", "--json", "load.json")
    load = ("--rate", f"{RATE:g}", "--duration", f"{SECONDS:g}s", "--arrival", "poisson")
    with pytest.raises(SystemExit) as ended:
        main(["load", name, *load, "--seed", str(SEED), *place])
    assert ended.value.code == 0
    told = json.loads(Path("load.json").read_text())

    service_s = told["service_ms"]["mean"] / 1000.0
    arrivals = list(poisson(Constant(RATE), SECONDS, Random(f"{SEED}/due")))
    taken = accepted(arrivals, service_s)
    lost = erlang_b(RESERVED, RATE * service_s)
    wanted = {
        "throttled share": 1.0 - taken / len(arrivals),
        "goodput, calls/s": taken / SECONDS,
        "concurrency": taken * service_s / SECONDS,
    }
    formula = {
        "throttled share": lost,
        "goodput, calls/s": RATE * (1.0 - lost),
        "concurrency": RATE * service_s * (1.0 - lost),
    }
    measured = {
        "throttled share": told["outcomes"]["throttled"] / told["calls"],
        "goodput, calls/s": told["goodput_rps"],
        "concurrency": told["concurrency"]["mean"],
    }
    print(f"\n{len(arrivals)} calls, {RESERVED} reserved, service {service_s * 1000:.1f} ms")
    print(f"{'':>18} {'measured':>10} {'arithmetic':>11} {'off':>7}  {'Erlang B':>9}")
    for key, value in measured.items():
        off = value / wanted[key] - 1.0
        print(f"{key:>18} {value:>10.4f} {wanted[key]:>11.4f} {off:>+7.2%}  {formula[key]:>9.4f}")
    assert told["calls"] == len(arrivals)
    for key, value in measured.items():
        assert value == pytest.approx(wanted[key], rel=0.05), key
