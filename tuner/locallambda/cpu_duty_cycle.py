"""CPU quota without cgroups: SIGSTOP when a sandbox has used its quota, SIGCONT when it may go on.

This is the service's side; the work is done by a process of its own, so that a busy event loop
does not lengthen anybody's burst (``cpu_duty_controller.py``). Coarser than a cgroup: on a busy
machine a tick may come late, and a process that lives for less than a tick is not counted.
"""

import contextlib
import subprocess
import sys
from collections.abc import Callable, Sequence

from tuner.locallambda.cpu import quota_us


class DutyCycleCpu:
    """The service's side: tells the controller process what to limit."""

    method = "duty-cycle"

    def __init__(self) -> None:
        """Start the controller."""
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "tuner.locallambda.cpu_duty_controller"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the service alone
        )

    def group(self, key: str) -> "DutyCycleGroup":
        """A new group without a limit."""
        return DutyCycleGroup(self._tell)

    def close(self) -> None:
        """End the controller; whatever it had stopped goes on."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        if self._process.stdin is not None and not self._process.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(line.encode("ascii") + b"\n")
                self._process.stdin.flush()


class DutyCycleGroup:
    """One sandbox under the controller."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        """``tell`` sends a line to the controller."""
        self._tell = tell
        self._pid: int | None = None
        self._memory_mb: float | None = None

    @property
    def joins(self) -> Sequence[str]:
        """There is nothing to enter."""
        return ()

    def attach(self, pid: int) -> None:
        """A limit that was set for an earlier runtime holds for this one at once."""
        self._pid = pid
        if self._memory_mb is not None:
            self.limit(self._memory_mb)

    def limit(self, memory_mb: float) -> None:
        """Have the controller watch the runtime."""
        self._memory_mb = memory_mb
        if self._pid is not None:
            self._tell(f"limit {self._pid} {quota_us(memory_mb)}")

    def detach(self, pid: int) -> None:
        """Forget the runtime, whose pid may soon be somebody else's."""
        if self._pid == pid:
            self._tell(f"release {pid}")
            self._pid = None

    def remove(self) -> None:
        """Nothing is left behind."""
        if self._pid is not None:
            self.detach(self._pid)
