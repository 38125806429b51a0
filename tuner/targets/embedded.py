"""The embedded local Lambda as a child process: started, waited for, ended with us.

The child watches a pipe of ours, so it ends however we end. It runs in a session of its own:
Ctrl-C in the terminal reaches only us, and the function can still be put back.
"""

import contextlib
import os
import select
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import IO

from tuner.clock import Clock, WallClock
from tuner.errors import TargetError, UsageError

COMMAND = (sys.executable, "-P", "-m", "tuner.locallambda", "--port", "0", "--parent-pipe")
_THING = "the local Lambda"


@dataclass(frozen=True)
class EmbeddedOptions:
    """Options of the child: ``--cpu``, and the time it has to start and to end (seconds)."""

    cpu: str = "auto"
    account_concurrency: int | None = None
    start_limit_s: float = 30.0
    end_limit_s: float = 10.0
    command: Sequence[str] = COMMAND


class EmbeddedLambda:
    """A running local Lambda of our own; ``url`` is where it answers."""

    def __init__(self, options: EmbeddedOptions, clock: Clock | None = None) -> None:
        self._options = options
        self._clock = clock or WallClock()
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as we do
        self._child = self._start()
        try:
            self.url = self._wait_for_url()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the child and wait for it; safe to call again."""
        child = self._child
        _quietly(child.stdin.close if child.stdin else None)
        for insist in (None, child.terminate, child.kill):
            if insist is not None:
                insist()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(self._options.end_limit_s)
                break
        _quietly(child.stdout.close if child.stdout else None)
        self._errors.close()

    def _start(self) -> "subprocess.Popen[bytes]":
        options = self._options
        command = [*options.command, "--cpu", options.cpu]
        if options.account_concurrency is not None:
            command += ["--account-concurrency", str(options.account_concurrency)]
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,
            )
        except OSError as error:
            self._errors.close()
            raise TargetError(
                _THING, f"cannot be started ({error.strerror})", "Check the installation."
            ) from error

    def _wait_for_url(self) -> str:
        deadline = self._clock.monotonic() + self._options.start_limit_s
        line = b""
        while not line.endswith(b"\n"):
            part = self._read(deadline)
            if part is None:
                raise self._failure(f"did not answer in {self._options.start_limit_s:.0f} s")
            if not part:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._child.wait(1.0)
                raise self._failure("ended before it answered")
            line += part
        return line.decode("utf-8", "replace").strip()

    def _read(self, deadline: float) -> bytes | None:
        """Some bytes of the child's output, none at its end, ``None`` when time is up."""
        stream = self._child.stdout
        assert stream is not None, "started with a pipe"
        left_s = max(0.0, deadline - self._clock.monotonic())
        ready, _, _ = select.select([stream], [], [], left_s)
        return os.read(stream.fileno(), 4096) if ready else None

    def _failure(self, what: str) -> TargetError | UsageError:
        self._errors.seek(0)
        said = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        kind = UsageError if self._child.poll() == UsageError.exit_code else TargetError
        reason = f"{what}: {' '.join(said[-2:])[-400:]}" if said else what
        return kind(_THING, reason, "Run `tuner local` to see more.")


def _quietly(close: Callable[[], None] | None) -> None:
    if close is not None:
        with contextlib.suppress(OSError):  # a pipe whose reader is gone
            close()
