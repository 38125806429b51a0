"""The process behind the duty cycle: reads CPU clocks, stops and continues sandboxes.

It checks every limited sandbox each 4 ms, as a kernel with a 250 Hz tick does for Lambda, so that
bursts and pauses come out alike; a debt is carried into the next periods of 20 ms. Run with ``-m``;
it obeys lines on its standard input and, when that is closed, lets every sandbox go on and ends.
"""

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from tuner.locallambda.limits.cpu import PERIOD_US
from tuner.locallambda.limits.process_tree import descendants

TICK_S = 0.004
PERIOD_S = PERIOD_US / 1e6
ALIVE_CHECK_S = 1.0  # how often to check that the service is still our parent


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads of a process so far; raises OSError when it has ended.

    On Linux its CPU clock, exact to the nanosecond, with the id of clock_getcpuclockid(3).
    """
    if sys.platform.startswith("linux"):
        return time.clock_gettime((~pid << 3) | 2)
    import psutil

    try:
        times = psutil.Process(pid).cpu_times()
    except psutil.Error as error:
        raise ProcessLookupError(pid) from error
    return float(times.user + times.system)


@dataclass
class CpuAccount:
    """The CPU time of one sandbox: pure bookkeeping, in seconds."""

    quota_s: float
    left_s: float = 0.0
    used: dict[int, float] = field(default_factory=dict)  # last reading of each process's clock

    def charge(self, readings: dict[int, float]) -> bool:
        """Take new clock readings; ``True`` if the quota is used up.

        A process that is seen for the first time owes nothing for its past.
        """
        for pid, now in readings.items():
            self.left_s -= now - self.used.get(pid, now)
        self.used = dict(readings)
        return self.left_s <= 0

    def refill(self, periods: int) -> bool:
        """Add the quota of so many periods; ``True`` if it may run. Unused time is lost."""
        self.left_s = min(self.left_s + periods * self.quota_s, self.quota_s)
        return self.left_s > 0


@dataclass
class Limited:
    root: int  # its runtime's pid
    account: CpuAccount
    pids: set[int] = field(default_factory=set)
    stopped: bool = False
    frozen: bool = False  # by the service, between invocations


class Controller:
    """The loop: obey lines on ``commands``, tick while anything is limited."""

    def __init__(
        self,
        read_clock: Callable[[int], float] = cpu_seconds,
        send: Callable[[int, int], None] = os.kill,
        family: Callable[[int], Iterator[int]] = descendants,
    ) -> None:
        """``family`` lists a process with its descendants."""
        self._read_clock = read_clock
        self._send = send
        self._family = family
        self.limited: dict[int, Limited] = {}

    def obey(self, line: str) -> None:
        """``limit PID QUOTA_US``, ``freeze PID``, ``thaw PID`` or ``release PID``."""
        verb, pid, *rest = line.split()
        if verb == "limit":
            quota_s = int(rest[0]) / 1e6
            known = self.limited.get(int(pid))
            if known is not None:  # it may be stopped just now, which must not be forgotten
                known.account.quota_s = quota_s
            else:
                self.limited[int(pid)] = Limited(int(pid), CpuAccount(quota_s, quota_s))
                self._look(self.limited[int(pid)])
        elif verb in ("freeze", "thaw"):
            self._freeze(self.limited.get(int(pid)), frozen=verb == "freeze")
        elif (gone := self.limited.pop(int(pid), None)) is not None:
            self._signal(gone, signal.SIGCONT)

    def tick(self, periods: int) -> None:
        """Charge every sandbox; ``periods`` have ended since the last tick."""
        for one in list(self.limited.values()):
            if one.frozen:
                one.account.refill(periods)
                continue
            if periods:
                self._look(one)
            used_up = one.account.charge(self._readings(one))
            may_run = one.account.refill(periods) if periods else not used_up
            if one.stopped and periods and may_run:
                one.stopped = False
                self._signal(one, signal.SIGCONT)
            elif not may_run and (periods or not one.stopped):  # again for new processes
                one.stopped = True
                self._signal(one, signal.SIGSTOP)

    def _freeze(self, one: Limited | None, *, frozen: bool) -> None:
        """Follow the service, which has signalled already, perhaps before the line before this one
        was read; one in debt stands still all the same."""
        if one is not None:
            one.frozen = frozen
            self._signal(one, signal.SIGSTOP if frozen or one.stopped else signal.SIGCONT)

    def _look(self, one: Limited) -> None:
        # A process seen once stays, even if it has detached itself: it may be stopped just now.
        seen = one.pids | {one.root}
        one.pids = {member for pid in seen for member in self._family(pid)}
        if one.pids - one.account.used.keys():
            one.account.charge({**one.account.used, **self._readings(one)})

    def _readings(self, one: Limited) -> dict[int, float]:
        readings = {}
        for pid in list(one.pids):
            try:
                readings[pid] = self._read_clock(pid)
            except OSError:  # it has ended
                one.pids.discard(pid)
        return readings

    def _signal(self, one: Limited, number: int) -> None:
        for pid in one.pids:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                self._send(pid, number)

    def run(self, commands: int) -> None:
        """Work until the other end of the pipe ``commands`` is closed or the service has died."""
        buffer, next_tick, period_end = b"", 0.0, 0.0
        service = os.getppid()
        while os.getppid() == service:
            now = time.monotonic()
            if not self.limited:
                next_tick, period_end = now, now + PERIOD_S
            wait = max(0.0, next_tick - now) if self.limited else ALIVE_CHECK_S
            if select.select([commands], [], [], wait)[0]:
                data = os.read(commands, 65536)
                if not data:
                    break
                *lines, buffer = (buffer + data).split(b"\n")
                for line in lines:
                    self.obey(line.decode("ascii"))
                continue
            now = time.monotonic()
            periods = max(0, 1 + int((now - period_end) / PERIOD_S)) if now >= period_end else 0
            period_end += periods * PERIOD_S
            next_tick = max(next_tick + TICK_S, now)
            self.tick(periods)
        for one in self.limited.values():
            self._signal(one, signal.SIGCONT)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(PermissionError):
        os.nice(-10)  # a late tick is a longer burst
    Controller().run(sys.stdin.fileno())


if __name__ == "__main__":
    main()
