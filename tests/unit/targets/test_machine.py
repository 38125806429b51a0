"""A machine that other programs keep busy is said to be, and one that is our own is not."""

import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest

from tuner.targets.machine import CpuUse, Neighbours, cpu_use


def watched(*uses: CpuUse) -> Neighbours:
    left = iter(uses)
    return Neighbours(lambda: next(left))


def test_what_others_used_is_all_that_was_not_ours() -> None:
    seen = watched(CpuUse(100.0, 10.0, 0.0), CpuUse(118.0, 15.0, 10.0))
    assert seen.cores() == pytest.approx(1.3)


def test_a_busy_machine_is_said_with_what_to_do() -> None:
    [advice] = watched(CpuUse(0.0, 0.0, 0.0), CpuUse(16.0, 1.0, 10.0)).advice(2)
    assert advice.code == "machine-busy"
    assert "1.5 of this machine's 2 cores" in advice.text
    assert advice.text.endswith("run it again.")


def test_a_machine_that_only_we_use_is_not_busy() -> None:
    assert watched(CpuUse(0.0, 0.0, 0.0), CpuUse(20.0, 19.0, 10.0)).advice(2) == ()


def test_our_own_processes_are_ours_while_they_run_and_after() -> None:
    first = cpu_use()
    work = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    child = subprocess.Popen(
        [sys.executable, "-c", f"{work}\nprint(flush=True)\ninput()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    child.stdout.readline()
    running = cpu_use()
    child.communicate(b"\n")
    ended = cpu_use()
    assert running.own_s - first.own_s >= 0.28
    assert ended.own_s >= running.own_s - 0.05
    assert running.all_s - first.all_s >= 0.2
    assert time.monotonic() >= ended.at_s > first.at_s


@pytest.fixture
def stranger() -> Iterator[psutil.Process]:
    """A process that works for 0.3 s and is no child of ours."""
    work = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    start = (
        "import subprocess as s, sys; "
        "print(s.Popen([sys.executable, '-c', sys.argv[1]], stdout=s.DEVNULL).pid)"
    )
    command = [sys.executable, "-c", start, f"{work}\ntime.sleep(30)"]
    found = psutil.Process(int(subprocess.run(command, stdout=-1, check=True, text=True).stdout))
    yield found
    found.kill()


def test_a_service_that_we_did_not_start_is_ours_too(stranger: psutil.Process) -> None:
    while sum(stranger.cpu_times()[:2]) < 0.28:
        time.sleep(0.02)
    alone, both = cpu_use(), cpu_use(stranger)
    assert both.own_s - alone.own_s >= 0.28
    stranger.kill()
    assert cpu_use(stranger).own_s >= alone.own_s  # and no error once it is gone
