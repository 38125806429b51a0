"""Measures how far the applied CPU share is from the one asked for, with a spinning process.

The first and the last burst are cut: the share is counted from the start of one burst to the start
of a later one, so that a short probe is not off by the burst that it happens to end in.
"""

import asyncio
import contextlib
import os
import sys
from dataclasses import dataclass

from tuner.locallambda.cpu import CpuControl, share
from tuner.locallambda.guard_link import GuardLink
from tuner.locallambda.launch import Order
from tuner.locallambda.runtime_log import RuntimeLog

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
class Applied:
    """One measured share, in cores."""

    memory_mb: int
    asked: float
    applied: float

    @property
    def error(self) -> float:
        """Relative: 0.02 is 2 % more CPU than asked for."""
        return self.applied / self.asked - 1.0


async def measure(link: GuardLink, cpu: CpuControl, memory_mb: int, key: str) -> Applied | None:
    """Spin under the quota of this size (at most one core) for under a second.

    ``None`` if the probe did not finish, as on a machine that has no time for it.
    """
    group = cpu.group(key)
    log = RuntimeLog()
    writer = log.open()
    ended = asyncio.Event()
    order = Order(
        key=key,
        argv=[sys.executable, "-I", "-S", "-c", PROBE],
        env={"PATH": os.defpath},
        cwd="/",
        cgroups=group.joins,
    )
    try:
        started = await link.spawn(order, writer, lambda code: ended.set())
        os.close(writer)
        group.attach(started.pid)
        group.limit(memory_mb)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), GIVE_UP_S)
        group.detach(started.pid)
        await link.kill(key)
        return _parse(log.take(), memory_mb)
    finally:
        log.close()
        group.remove()


def _parse(output: bytes, memory_mb: int) -> Applied | None:
    try:
        cpu_s, wall_s = (float(word) for word in output.split())
    except ValueError:
        return None
    return Applied(memory_mb, share(memory_mb), cpu_s / wall_s) if wall_s > 0 else None
