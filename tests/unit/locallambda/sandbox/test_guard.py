"""However the service ends, nothing of a sandbox is left: no process, cgroup or file."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.errors import TunerError
from tuner.locallambda.limits.process_tree import ProcessFamily, ProcessRow, descendants, related
from tuner.locallambda.sandbox.guard_link import GuardLink
from tuner.locallambda.sandbox.host import SandboxHost

HANDLERS = Path(__file__).parents[3] / "handlers"

#: A service of its own: starts a sandbox, prints what there is to be cleaned up, and stays.
SERVICE = """
import asyncio, json, os, signal, sys
from pathlib import Path
from tuner.locallambda.limits.process_tree import descendants
from tuner.locallambda.sandbox.host import SandboxHost
from tuner.locallambda.sandbox.invocation import Invocation, SandboxSpec

signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in the background ignore it

async def main():
    host = SandboxHost(cpu=sys.argv[2], memory=sys.argv[3])
    await host.start(calibrate=False)
    spec = SandboxSpec("f", "$LATEST", "arn", "eu-west-1", 256, 30.0, "probe.handler",
                       "python3.11", {}, Path(sys.argv[1]), "group", "stream")
    sandbox = host.create(spec)
    await sandbox.start()
    left = await sandbox.invoke(Invocation("r", b'{"do": "leave_daemons"}', "arn"))
    assert left.function_error is None, left
    resources = sandbox.resources
    cgroups = {str(Path(p).parent.parent) for p in (*resources.cpu.joins, *resources.memory.joins)}
    pids = list(descendants(resources.link.pid))
    print(json.dumps([pids, [str(resources.directory.parent)], sorted(cgroups)]), flush=True)
    busy = Invocation("r", b'{"do": "spin", "seconds": 30}', "arn")
    await sandbox.invoke(busy)

asyncio.run(main())
"""


@pytest.mark.parametrize("methods", [("auto", "auto"), ("duty-cycle", "rss")])
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_when_the_service_is_killed(end, methods):
    service = subprocess.Popen(
        [sys.executable, "-c", SERVICE, str(HANDLERS), *methods], stdout=subprocess.PIPE
    )
    pids, directories, cgroups = json.loads(service.stdout.readline())
    assert len(pids) >= 4, pids
    assert [pid for pid in pids if not running(pid)] == []
    assert all(Path(path).is_dir() for path in [*directories, *cgroups])
    time.sleep(0.2)  # into the next invocation
    service.send_signal(end)
    service.wait()
    service.stdout.close()
    assert gone(lambda: not any(running(pid) for pid in pids)), pids
    assert gone(lambda: not any(Path(path).exists() for path in [*directories, *cgroups]))


def test_ctrl_c_at_the_terminal_does_not_reach_the_sandboxes():
    service = subprocess.Popen(
        [sys.executable, "-c", SERVICE, str(HANDLERS), "auto", "auto"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    pids, _, _ = json.loads(service.stdout.readline())
    groups = {os.getpgid(pid) for pid in pids}
    assert service.pid not in groups
    os.killpg(service.pid, signal.SIGINT)
    service.wait()
    service.stdout.close()
    assert gone(lambda: not any(running(pid) for pid in pids))


def test_loss_of_the_guard_is_said_and_even_then_nothing_is_left(local):
    own = type(local)(local.runner, SandboxHost())
    own.run(own.host.start(calibrate=False))
    sandbox = own.sandbox()
    own.invoke(sandbox, do="leave_daemons")
    pids = list(descendants(sandbox.resources.link.pid))
    assert len(pids) >= 4
    runtime = sandbox._runtime._pid
    os.kill(sandbox.resources.link.pid, signal.SIGKILL)
    assert gone(lambda: not running(runtime))  # it dies with its parent
    with contextlib.suppress(TunerError):  # raised if the loss is noticed before the call
        assert not own.invoke(sandbox, do="nothing").alive
    with pytest.raises(TunerError, match="guard"):
        own.sandbox()
    left = [sandbox.resources.directory.parent, *map(Path, sandbox.resources.cpu.joins)]
    own.run(own.host.close())
    assert not any(running(pid) for pid in pids)
    assert not any(path.exists() for path in left)


def test_a_guard_that_reads_slowly_is_waited_for_and_not_taken_for_dead():
    async def scenario():
        ours, theirs = socket.socketpair()
        ours.setblocking(False)  # as uvloop leaves it
        link = GuardLink(subprocess.Popen(["/bin/true"]), ours)
        received = bytearray()

        def read():
            time.sleep(0.2)
            while not received.endswith(b"\n"):
                received.extend(theirs.recv(1 << 16))

        reader = threading.Thread(target=read)
        reader.start()
        link.own(directories=[Path("x" * 3_000_000)])
        reader.join()
        assert not link.lost
        assert len(json.loads(received)["directories"][0]) == 3_000_000
        await link.close()
        theirs.close()

    asyncio.run(scenario())


rows = st.builds(
    ProcessRow, pid=st.integers(2, 30), parent=st.integers(0, 30), group=st.integers(1, 30)
)


@given(
    st.lists(rows, unique_by=lambda row: row.pid), st.dictionaries(st.integers(2, 30), st.just("k"))
)
def test_family_is_closed_under_children_and_takes_no_strangers(table, marks):
    family = ProcessFamily("k", frozenset({5}), ())
    found = related(family, table, marks)
    by_pid = {row.pid: row for row in table}
    for row in table:
        if row.parent in found:
            assert row.pid in found
    for pid in found:
        row = by_pid[pid]
        own = pid == 5 or row.group == 5 or marks.get(pid) == "k"
        assert own or row.parent in found


def running(pid):
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def gone(condition):
    """Whether it comes true within a few seconds."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.02)
    return False
