"""Long loads at an nginx that is reloaded, killed and refuses: equal to its log, in flat memory.

TUNER_BENCH_SECONDS=300 pytest -m bench -s tests/bench/test_load_endurance.py

`tuner load` is a process of its own; nginx answers the invocations, and passes what else there is
to a local Lambda. 2,000 calls a second need a core for the tuner's worker and half a one for nginx.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from support.nginx import Nginx

pytestmark = [pytest.mark.bench, pytest.mark.timeout(0)]

SECONDS = float(os.environ.get("TUNER_BENCH_SECONDS", "300"))
RATE = 2000
USERS, THINK_S = 10_000, 5
AWAY_S = 2.0
REFUSAL = "add_header x-amzn-ErrorType {} always; return {} '{{}}';"
THROTTLES = REFUSAL.format("TooManyRequestsException", 429)
FAILS = REFUSAL.format("ServiceException", 503)
HANDLER = "def handler(event, context):\n    return 1\n"
#: Megabytes that all processes of a load may have more in the end than after its first fifth.
GROWTH_MB = 40

Act = Callable[[Nginx], None]


@pytest.fixture
def counting(tmp_path: Path, local_lambda_url: str) -> Iterator[Nginx]:
    """An nginx that counts invocations in a log, before the local Lambda."""
    server = Nginx(tmp_path, local_lambda_url, counted=True)
    yield server
    server.close()


def killed(server: Nginx) -> None:
    """Killed, away, and back."""
    server.kill()
    time.sleep(AWAY_S)
    server.start()


def refusing(answer: str) -> Act:
    """Every call is refused, for as long."""

    def act(server: Nginx) -> None:
        server.reload(answer)
        time.sleep(AWAY_S)
        server.reload()

    return act


#: What happens, and after which part of the load.
EVENTS: tuple[tuple[float, Act], ...] = (
    (0.25, Nginx.reload),
    (0.35, killed),
    (0.45, refusing(THROTTLES)),
    (0.55, refusing(FAILS)),
    (0.65, Nginx.reload),
    (0.75, killed),
)


class Load:
    """`tuner load`, how it ended, and what its processes had of memory, MB, at which second."""

    def __init__(self, words: Sequence[str], folder: Path) -> None:
        self._folder = folder
        self._child = subprocess.Popen(
            [sys.executable, "-m", "tuner", "load", *words, "--json", "out.json", "--yes", "-q"],
            cwd=folder,
            stdout=subprocess.DEVNULL,
        )
        self.memory: list[tuple[float, float]] = []

    def run(self, server: Nginx, events: Sequence[tuple[float, Act]]) -> dict[str, Any]:
        """Let it run to its end, with the events at their parts of it; gives its document."""
        while not (server.log.exists() and server.log.stat().st_size):
            assert self._child.poll() is None
            time.sleep(0.1)
        began, left = time.monotonic(), list(events)
        root = psutil.Process(self._child.pid)
        while self._child.poll() is None:
            since = time.monotonic() - began
            if left and since >= left[0][0] * SECONDS:
                left.pop(0)[1](server)
            held = _held_mb(root)
            if held and since < SECONDS:
                self.memory.append((since, held))
            time.sleep(min(1.0, SECONDS / 60))
        assert left == []
        assert self._child.returncode in (0, 1), self._child.returncode
        return dict(json.loads((self._folder / "out.json").read_text()))

    def memory_mb(self) -> tuple[float, float, float]:
        """What it had after a fifth of the load, at most from then on, and at its end."""
        later = [held for since, held in self.memory if since >= SECONDS / 5]
        return later[0], max(later), later[-1]


def _held_mb(root: psutil.Process) -> float:
    """Memory of a process and of all it started."""
    total = 0.0
    for each in (root, *root.children(recursive=True)):
        try:
            total += each.memory_info().rss / 2**20
        except psutil.NoSuchProcess:
            continue
    return total


def place(server: Nginx) -> tuple[str, ...]:
    return ("--endpoint-url", server.url, "--region", "eu-west-1", "--duration", f"{SECONDS:.0f}s")


def show(load: Load, told: dict[str, Any], log: Counter[int], machine: str) -> None:
    """One table: what the tuner counted beside what nginx did, and the memory of it."""
    counted = Counter(told["outcomes"])
    rows = (("answered", "ok", 200), ("throttled", "throttled", 429), ("5xx", "service_error", 503))
    print(f"\n{SECONDS:.0f} s of `tuner load`, {told['attempts']:,} calls ({machine})")
    print(f"  {'':<12}{'tuner':>10}{'nginx log':>12}")
    for name, outcome, status in rows:
        print(f"  {name:<12}{counted[outcome]:>10,}{log[status]:>12,}")
    print(f"  {'no answer':<12}{counted['transport_error']:>10,}{'':>12}")
    print(f"  never sent {told['dropped']:,}, of unknown fate {told['unknown']:,}; ", end="")
    print(f"{told['achieved_rps']:,.0f}/s")
    first, most, last = load.memory_mb()
    print(f"  memory at {SECONDS / 5:.0f} s {first:.0f} MB, most {most:.0f} MB, end {last:.0f} MB")


def held_against(told: dict[str, Any], log: Counter[int], kills: int) -> None:
    """The document and the log count alike, but for a call that a kill cut from its line."""
    counted = Counter(told["outcomes"])
    assert sum(counted.values()) == told["attempts"]
    assert told["unknown"] == 0
    for outcome, status in (("ok", 200), ("throttled", 429), ("service_error", 503)):
        assert abs(counted[outcome] - log[status]) <= kills, outcome


def test_a_load_at_a_server_that_is_reloaded_killed_and_refuses(
    counting: Nginx, new_function: Callable[..., str], tmp_path: Path, machine: str
) -> None:
    name = new_function(HANDLER, Timeout=60)  # on a busy machine nobody gives up
    load = Load((name, *place(counting), "--rate", str(RATE)), tmp_path)
    told = load.run(counting, EVENTS)
    log, _ = counting.counts()
    show(load, told, log, machine)
    held_against(told, log, kills=2)
    assert told["attempts"] + told["dropped"] == RATE * SECONDS
    assert log[429]
    assert log[503]
    assert told["outcomes"]["transport_error"]
    first, _, last = load.memory_mb()
    assert last - first < GROWTH_MB


def test_ten_thousand_connections(
    counting: Nginx, new_function: Callable[..., str], tmp_path: Path, machine: str
) -> None:
    name = new_function(HANDLER, Timeout=60)  # on a busy machine nobody gives up
    users = ("--users", str(USERS), "--think", f"{THINK_S}s")
    load = Load((name, *place(counting), *users), tmp_path)
    told = load.run(counting, ())
    log, connections = counting.counts()
    show(load, told, log, machine)
    print(f"  connections {connections:,} of {USERS:,} users")
    held_against(told, log, kills=0)
    assert connections == USERS
    assert told["outcomes"]["ok"] == told["attempts"]
    first, _, last = load.memory_mb()
    assert last - first < GROWTH_MB
