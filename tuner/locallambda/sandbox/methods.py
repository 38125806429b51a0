"""Chooses how this machine limits CPU and memory, and measures how well the CPU limit works.

The order: cgroup version 1 if its cpu controller is writable, version 2 in a delegated subtree,
else the duty cycle and polling, which work everywhere. The probe is a process that spins; its share
is counted from the start of one burst to the start of a later one, so that a short probe is not off
by the burst that it happens to end in.
"""

import asyncio
import contextlib
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from tuner.errors import TunerError, UsageError
from tuner.locallambda.limits import cgroup, cpu, memory
from tuner.locallambda.sandbox.guard_link import GuardLink
from tuner.locallambda.sandbox.launch import LaunchOrder
from tuner.locallambda.sandbox.runtime_log import RuntimeLog

PROBE_S = 0.8
GIVE_UP_S = 10.0

#: A gap of more than 1.5 ms between two looks at the clock is a pause: shorter ones are the
#: machine's interrupts. Prints CPU seconds and wall seconds.
PROBE = f"""
import time
wall, cpu = time.perf_counter, time.process_time
last = begun = wall()
marks = [(begun, cpu())]
while last < begun + {PROBE_S}:
    now = wall()
    if now - last > 0.0015:
        marks.append((now, cpu()))
    last = now
if len(marks) < 4:
    marks.append((wall(), cpu()))
else:
    marks.pop(0)
(w0, c0), (w1, c1) = marks[0], marks[-1]
print(c1 - c0, w1 - w0)
"""


@dataclass(frozen=True)
class Methods:
    """The chosen controls, and the guard."""

    link: GuardLink
    cpu: cpu.CpuControl
    memory: memory.MemoryControl


async def choose(cpu_method: str, memory_method: str) -> Methods:
    """Start the guard and the controls for these methods ("auto" picks the best that works).

    Raises UsageError for a method that does not exist or does not work here.
    """
    for what, method, known in (
        ("CPU", cpu_method, cpu.METHODS),
        ("memory", memory_method, memory.METHODS),
    ):
        if method not in known:
            raise UsageError(f"{what} method {method}", "unknown", f"Use {', '.join(known)}.")
    link, control, subtree = await _cpu(cpu_method)
    try:
        return Methods(link, control, _memory(memory_method, link, subtree))
    except BaseException:
        control.close()
        await link.close()
        raise


async def _cpu(method: str) -> tuple[GuardLink, cpu.CpuControl, Path | None]:
    """The guard, the CPU control, and the version 2 subtree if there is one."""
    if method in ("auto", "cgroup-v1"):
        ours = cgroup.make_v1_directory("cpu")
        if ours is not None:
            link = await GuardLink.start()
            link.own(cgroups=[ours])
            # So that sandboxes have their weight from the fork on, not once they have entered.
            cgroup.enter(ours, link.pid)
            return link, cpu.CgroupCpu(ours, 1), None
    if method in ("auto", "cgroup-v2"):
        found = await _delegated()
        if found is not None:
            link, subtree = found
            link.own(cgroups=[subtree])
            return link, cpu.CgroupCpu(subtree, 2), subtree
    if method in ("auto", "duty-cycle"):
        return await GuardLink.start(), cpu.DutyCycleCpu(), None
    raise UsageError(
        f"CPU method {method}",
        "this machine has no such cgroup that is writable",
        "Use --cpu auto, or duty-cycle, which needs no cgroups.",
    )


async def _delegated() -> tuple[GuardLink, Path] | None:
    root = cgroup.v2_mount_point()
    if root is None:
        return None
    prefix = cgroup.delegation_command()
    for tried in ([],) if prefix is None else (prefix, []):
        try:
            link = await GuardLink.start(tried)
        except TunerError:
            continue  # no user manager to ask, for instance
        subtree = cgroup.prepare_subtree(root, link.pid)
        if subtree is not None:
            return link, subtree
        await link.close()
    return None


def _memory(method: str, link: GuardLink, subtree: Path | None) -> memory.MemoryControl:
    if method != "rss":
        if subtree is not None and cgroup.limits_memory(subtree):
            return memory.by_cgroups(subtree, 2)
        ours = cgroup.make_v1_directory("memory")
        if ours is not None:
            link.own(cgroups=[ours])
            return memory.by_cgroups(ours, 1)
    if method == "cgroup":
        raise UsageError(
            "memory method cgroup",
            "this machine has no memory cgroup that is writable",
            "Use --memory rss, which needs no cgroups.",
        )
    return memory.MemoryControl("rss", lambda _, memory_mb: memory.RssMemoryGroup(memory_mb))


async def measure_share(methods: Methods, memory_mb: int, key: str) -> dict[str, float] | None:
    """Spin under the quota of this size (at most one core) for under a second.

    ``None`` if the probe did not finish, as on a machine that has no time for it.
    """
    group = methods.cpu.group(key)
    log = RuntimeLog()
    writer = log.open()
    ended = asyncio.Event()
    order = LaunchOrder(
        key=key,
        argv=[sys.executable, "-I", "-S", "-c", PROBE],
        env={"PATH": os.defpath},
        cwd="/",
        cgroups=group.joins,
    )
    try:
        started = await methods.link.spawn(order, writer, lambda code: ended.set())
        os.close(writer)
        group.attach(started.pid)
        group.limit(memory_mb)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), GIVE_UP_S)
        group.detach(started.pid)
        await methods.link.kill(key)
        return parse_probe(log.take(), memory_mb)
    finally:
        log.close()
        group.remove()


def parse_probe(output: bytes, memory_mb: int) -> dict[str, float] | None:
    """The share in cores that a probe of this size has printed; ``None`` for anything else.

    For people; an ``error`` of 0.02 is 2 % more CPU than asked for.
    """
    try:
        cpu_s, wall_s = (float(word) for word in output.split())
    except ValueError:
        return None
    if wall_s <= 0:
        return None
    asked, applied = cpu.share(memory_mb), cpu_s / wall_s
    shares = {"asked": asked, "applied": applied, "error": applied / asked - 1.0}
    return {"memory_mb": memory_mb, **{key: round(x, 4) for key, x in shares.items()}}
