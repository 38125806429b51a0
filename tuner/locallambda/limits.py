"""Chooses how this machine limits CPU and memory, and starts the guard where that needs it.

The order: cgroup version 1 if its cpu controller is writable, version 2 in a delegated subtree,
else the duty cycle and polling, which work everywhere.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from tuner.errors import TunerError, UsageError
from tuner.locallambda import cpu, cpu_cgroup_v1, cpu_cgroup_v2, memory
from tuner.locallambda.cpu_duty_cycle import DutyCycleCpu
from tuner.locallambda.guard_link import GuardLink
from tuner.locallambda.memory_cgroup import V1, V2, CgroupMemory
from tuner.locallambda.memory_rss import RssMemory


@dataclass(frozen=True)
class Limits:
    """What was chosen."""

    link: GuardLink
    cpu: cpu.CpuControl
    memory: memory.MemoryControl


async def choose(cpu_method: str, memory_method: str) -> Limits:
    """Start the guard and the controls for these methods ("auto" picks the best that works).

    Raises UsageError for a method that does not exist or does not work here.
    """
    if cpu_method not in cpu.METHODS:
        raise UsageError(f"CPU method {cpu_method}", "unknown", f"Use {', '.join(cpu.METHODS)}.")
    if memory_method not in memory.METHODS:
        known = ", ".join(memory.METHODS)
        raise UsageError(f"memory method {memory_method}", "unknown", f"Use {known}.")
    link, control, subtree = await _cpu(cpu_method)
    try:
        return Limits(link, control, _memory(memory_method, link, subtree))
    except BaseException:
        control.close()
        await link.close()
        raise


async def _cpu(method: str) -> tuple[GuardLink, cpu.CpuControl, Path | None]:
    """The guard, the CPU control, and the version 2 subtree if there is one."""
    if method in ("auto", "cgroup-v1"):
        ours = _own_v1("cpu")
        if ours is not None:
            link = await GuardLink.start()
            link.own(cgroups=[ours])
            return link, cpu_cgroup_v1.CgroupV1Cpu(ours), None
    if method in ("auto", "cgroup-v2"):
        found = await _delegated()
        if found is not None:
            link, subtree = found
            link.own(cgroups=[subtree])
            return link, cpu_cgroup_v2.CgroupV2Cpu(subtree), subtree
    if method in ("auto", "duty-cycle"):
        return await GuardLink.start(), DutyCycleCpu(), None
    raise UsageError(
        f"CPU method {method}",
        "this machine has no such cgroup that is writable",
        "Use --cpu auto, or duty-cycle, which needs no cgroups.",
    )


async def _delegated() -> tuple[GuardLink, Path] | None:
    root = cpu_cgroup_v2.mount_point()
    if root is None:
        return None
    for prefix in (cpu_cgroup_v2.delegation_command(), []):
        if prefix is None:
            continue
        try:
            link = await GuardLink.start(prefix)
        except TunerError:
            continue  # no user manager to ask, for instance
        subtree = cpu_cgroup_v2.prepare_subtree(root, link.pid)
        if subtree is not None:
            return link, subtree
        await link.close()
    return None


def _memory(method: str, link: GuardLink, subtree: Path | None) -> memory.MemoryControl:
    if method != "rss":
        if subtree is not None and _has_memory(subtree):
            return CgroupMemory(subtree, V2)
        ours = _own_v1("memory")
        if ours is not None:
            link.own(cgroups=[ours])
            return CgroupMemory(ours, V1)
        if method == "cgroup":
            raise UsageError(
                "memory method cgroup",
                "this machine has no memory cgroup that is writable",
                "Use --memory-limit rss, which needs no cgroups.",
            )
    return RssMemory()


def _has_memory(subtree: Path) -> bool:
    try:
        return "memory" in (subtree / "cgroup.subtree_control").read_text("ascii").split()
    except OSError:
        return False


def _own_v1(controller: str) -> Path | None:
    """A fresh directory of ours in a version 1 hierarchy, if we may make one."""
    parent = cpu_cgroup_v1.own_directory(controller)
    if parent is None:
        return None
    ours = parent / f"tuner-{os.getpid()}-{os.urandom(3).hex()}"
    try:
        ours.mkdir()
    except OSError:
        return None
    return ours
