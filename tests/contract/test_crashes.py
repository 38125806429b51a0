"""``kill -9`` anywhere in a measurement: what is in the journal is enough to put all back."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tuner.aws.control import Control
from tuner.aws.journal import pending
from tuner.aws.putback import restore
from tuner.aws.session import AwsSession
from tuner.clock import WallClock

PROCESS = Path(__file__).with_name("measuring_process.py")

Run = Callable[[int], str]


@pytest.fixture(scope="session")
def measuring_process() -> Iterator[subprocess.Popen[str]]:
    """The process that forks measurements."""
    with subprocess.Popen(
        [sys.executable, str(PROCESS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process


@pytest.fixture
def killed_at(
    measuring_process: subprocess.Popen[str], service: Any, function: str, journal: Path
) -> Run:
    """Run a measurement that is killed at a point; gives how it ended."""

    def run(at: int) -> str:
        assert measuring_process.stdin is not None
        assert measuring_process.stdout is not None
        order = {"url": service.url, "function": function, "journal": str(journal), "at": at}
        measuring_process.stdin.write(json.dumps(order) + "\n")
        measuring_process.stdin.flush()
        return measuring_process.stdout.readline().strip()

    return run


PutBack = Callable[[Iterable[int]], tuple[int, bool]]


@pytest.fixture
def put_back_after(
    killed_at: Run,
    service: Any,
    aws_session: AwsSession,
    function: str,
    journal: Path,
    hasty_clock: WallClock,
) -> PutBack:
    """Kill at each point and restore from the journal; gives how many times all was put back,
    and whether the points reached the end of the measurement."""
    before = service.picture(function)

    def run(points: Iterable[int]) -> tuple[int, bool]:
        count = 0
        for at in points:
            ended = killed_at(at)
            assert ended in ("killed", "done")
            for entry in pending(journal):
                assert not entry.running
                assert restore(entry, Control(aws_session, hasty_clock))
            assert pending(journal) == []
            assert service.picture(function) == before, f"killed at point {at}"
            count += 1
            if ended == "done":
                return count, True
        return count, False

    return run


def test_killed_at_points_all_over_a_measurement_everything_is_put_back(
    put_back_after: PutBack, service: Any
) -> None:
    step = {"moto": 9, "local": 5}[service.name]
    count, finished = put_back_after(range(1, 1000, step))
    assert finished
    assert count > 8


@pytest.mark.bench
def test_killed_at_200_points(put_back_after: PutBack, service: Any) -> None:
    count = 0
    while count < 200:
        done, _ = put_back_after(range(200 - count))
        count += done
    sys.stdout.write(f"\n{service.name}: put back after {count} of 200 kills; reach: 200 of 200\n")
