"""``kill -9`` anywhere in a measurement or an application: what is on disk puts all back.

Points are every write to the journal or record (before, halfway, after), every API call (before
it is sent, after it was answered), and moments at random. A share of them is an ordinary test;

    pytest -m bench -s tests/contract/test_crashes.py

kills 200 times each way.
"""

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tuner.api.left import look
from tuner.aws.applied import read_record, record_path
from tuner.aws.apply import Application
from tuner.aws.control import ControlPlane
from tuner.aws.session import AwsSession
from tuner.clock import WallClock

PROCESS = Path(__file__).parents[1] / "support" / "measuring_process.py"
RUN = "01JZZZZZZZZZZZZZZZZZZZZZZZ"
#: moto keeps no package that could be copied.
WAYS = [
    *(("local", what) for what in ("versions", "clone", "architectures", "in-place")),
    *(("local", what) for what in ("apply", "apply-architecture")),
    *(("moto", what) for what in ("versions", "in-place", "apply")),
]
each_way = pytest.mark.parametrize(("service", "what"), WAYS, indirect=["service"])


@pytest.fixture(scope="session")
def measuring_process() -> Iterator[subprocess.Popen[str]]:
    """The process that forks what is killed."""
    with subprocess.Popen(
        [sys.executable, str(PROCESS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process


@dataclass
class Crashes:
    """Kills one way of changing a function, puts it back, and compares."""

    process: "subprocess.Popen[str]"
    service: Any
    function: str
    journal: Path
    what: str
    control: ControlPlane
    count: int = 0
    points: int = 0
    wrong: list[str] = field(default_factory=list)

    def picture(self) -> dict[str, Any]:
        """The function, and which others there are: a copy must be gone."""
        names = {f["FunctionName"] for f in self.service.client.list_functions()["Functions"]}
        return {**self.service.picture(self.function), "functions": names}

    def kill(self, before: dict[str, Any], **when: float) -> tuple[str, float]:
        """Kill once, restore, compare; gives how it ended and how long it took in seconds."""
        order = {
            "url": self.service.url,
            "function": self.function,
            "journal": str(self.journal),
            "what": self.what,
            **when,
        }
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        ended, took = self.process.stdout.readline().split()
        assert ended in ("killed", "done"), when
        if self.service.name == "moto" and "after_s" in when:
            # It has no RevisionId to make a request stale that was under way at the kill.
            time.sleep(0.1)
        self._restore()
        self._undo()
        self.count += 1
        now = self.picture()
        self.wrong += [f"{when}: {now[k]}, was {before[k]}" for k in now if now[k] != before[k]]
        return ended, float(took)

    def at_points(self, step: int, limit: int = 1000) -> None:
        """Kill at every ``step``-th point until one lies behind the end, or ``limit`` times."""
        before = self.picture()
        for at in range(0, step * limit, step):
            ended, _ = self.kill(before, at=at)
            if ended == "done":
                self.points = at
                return

    def at_random(self, times: int, seed: int) -> None:
        """Kill at random moments of a run."""
        before = self.picture()
        _, whole_s = self.kill(before, at=10**6)
        rng = random.Random(seed)
        for _ in range(times - 1):
            self.kill(before, after_s=rng.uniform(0.0, whole_s))

    def _restore(self) -> None:
        """What ``tuner restore`` does."""
        left, problems = look(self.journal, self.journal)
        mine = [one for one in left if one.running is None]
        assert not problems
        assert len(mine) == len(left)
        for one in mine:
            assert one.back(self.control, lambda _text: None)
        assert look(self.journal, self.journal) == ([], [])

    def _undo(self) -> None:
        """Take back what was applied whole, which ``tuner restore`` leaves as it is."""
        path = record_path(self.journal, RUN)
        if path.exists():
            done = read_record(path)
            assert done.complete
            Application(self.control, self.function, self.journal, lambda _text: None).undo(done)
        assert not path.exists()


@pytest.fixture
def crashes(
    measuring_process: subprocess.Popen[str],
    service: Any,
    what: str,
    function: str,
    journal: Path,
    aws_session: AwsSession,
    hasty_clock: WallClock,
) -> Crashes:
    """On the user's function, which has a version, an alias and reserved concurrency."""
    control = ControlPlane(aws_session, hasty_clock)
    return Crashes(measuring_process, service, function, journal, what, control)


@each_way
def test_killed_at_points_all_over_everything_is_put_back(crashes: Crashes) -> None:
    crashes.at_points(step=7 if crashes.service.name == "local" else 11)
    crashes.at_random(3, seed=1)
    assert crashes.wrong == []
    assert crashes.points > 30  # writes and calls, and the last one lies behind the end
    assert crashes.count >= 6


@pytest.mark.bench
@pytest.mark.timeout(1800)
@each_way
def test_killed_at_200_points(crashes: Crashes, request: pytest.FixtureRequest) -> None:
    crashes.at_points(step=1, limit=150)
    seed = 0
    while crashes.count < 200:
        seed += 1
        crashes.at_random(min(50, 200 - crashes.count), seed)
    right = crashes.count - len(crashes.wrong)
    sys.stdout.write(
        f"\n{crashes.service.name:<6} {crashes.what:<9} put back after {right} of {crashes.count}"
        f" kills, {crashes.points or 150} of them at writes and calls in turn; reach: all\n"
    )
    assert crashes.wrong == []
