"""Between invocations everything in a sandbox stands still, and the clock goes on."""

import asyncio
import json
from pathlib import Path

import pytest

from tuner.locallambda.limits.cpu_duty_controller import Controller

COUNTS = """
import subprocess, threading, time

ticks = []

def count():
    while True:
        ticks.append(time.time())
        time.sleep(0.005)

threading.Thread(target=count, daemon=True).start()
loop = "while :; do echo >> /tmp/{}; sleep 0.01; done"
child = subprocess.Popen(["sh", "-c", loop.format("ticks")])
leaver = subprocess.Popen(["sh", "-c", loop.format("left")], start_new_session=True)
# The shell ends at once, which leaves its loop to another parent.
subprocess.run(["sh", "-c", f"setsid sh -c '{loop.format('orphan')}' &"])

def lines(name):
    return open(f"/tmp/{name}").read().count("\\n")

def handler(event, context):
    time.sleep(event.get("sleep", 0))
    counts = {name: lines(name) for name in ("ticks", "left", "orphan")}
    return {"thread": len(ticks), "now": time.time(), **counts}
"""


@pytest.fixture(scope="module", params=["auto", "duty-cycle"])
def counting(request, start_local, tmp_path_factory):
    """A sandbox whose function counts in a thread and in a child, under one kind of limit."""
    local = start_local(cpu=request.param)
    folder = tmp_path_factory.mktemp("counts")
    Path(folder / "app.py").write_text(COUNTS)
    return local, local.sandbox(task_dir=folder, handler="app.handler")


def test_nothing_runs_between_invocations_and_the_clock_goes_on(counting):
    local, sandbox = counting
    first = json.loads(local.invoke(sandbox, sleep=0.5).payload)
    local.run(asyncio.sleep(0.4))  # the service hears that it waits
    second = json.loads(local.invoke(sandbox).payload)
    assert second["now"] - first["now"] > 0.4
    third = json.loads(local.invoke(sandbox, sleep=0.5).payload)
    for name in ("thread", "ticks", "left", "orphan"):
        assert first[name] > 5
        assert 0 <= second[name] - first[name] < 10, name  # 40 or more in 0.4 s
        assert third[name] - second[name] > 5, name  # it goes on where it stood


def test_a_frozen_sandbox_ends_at_once(counting):
    local, sandbox = counting
    pid = sandbox._runtime._pid
    local.run(sandbox.stop())
    assert not Path(f"/proc/{pid}").exists()


def test_the_duty_cycle_leaves_a_frozen_sandbox_alone():
    clock = {7: 0.0}
    sent = []

    def send(_pid, number):
        sent.append(number.name)

    controller = Controller(clock.__getitem__, send, lambda pid: iter([pid]))
    controller.obey("limit 7 1000")
    controller.obey("freeze 7")
    assert sent == ["SIGSTOP"]
    for _ in range(3):
        controller.tick(1)
    assert sent == ["SIGSTOP"]
    controller.obey("thaw 7")
    assert sent == ["SIGSTOP", "SIGCONT"]  # in case its freeze was read after that of the service
    clock[7] = 0.5
    controller.tick(0)
    controller.obey("freeze 7")
    sent.clear()
    controller.obey("thaw 7")
    assert sent == ["SIGSTOP"]  # it is still in debt
    controller.obey("freeze 8")  # one that has gone
