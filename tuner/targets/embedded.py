"""The embedded local Lambda as a child process: started, waited for, ended with us.

The child watches a pipe of ours, so it ends however we end. It runs in a session of its own:
Ctrl-C in the terminal reaches only us, and the function can still be put back. Through the pipe it
gets keys that are made for it, so that no other user of the machine can have code run as us.
"""

import contextlib
import os
import secrets
import select
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

from tuner.clock import Clock, WallClock
from tuner.errors import TargetError, UsageError
from tuner.locallambda.sandbox.guard_link import bare_environment

COMMAND = (
    *(sys.executable, "-P", "-m", "tuner.locallambda"),
    *("--port", "0", "--parent-pipe", "--keys"),
)
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
    """A running local Lambda of our own; ``url`` is where it answers who has its ``keys``."""

    def __init__(self, options: EmbeddedOptions, clock: Clock | None = None) -> None:
        self._options = options
        self._clock = clock or WallClock()
        self.keys = ("tuner", secrets.token_urlsafe(30))
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
        assert child.stdin is not None and child.stdout is not None, "started with pipes"
        with contextlib.suppress(OSError):  # a pipe whose reader is gone
            child.stdin.close()
        for insist in (child.poll, child.terminate, child.kill):
            insist()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(self._options.end_limit_s)
                break
        child.stdout.close()
        self._errors.close()

    def _start(self) -> "subprocess.Popen[bytes]":
        options = self._options
        command = [*options.command, "--cpu", options.cpu]
        if options.account_concurrency is not None:
            command += ["--account-concurrency", str(options.account_concurrency)]
        try:
            child = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=bare_environment(),
                start_new_session=True,
            )
        except OSError as error:
            self._errors.close()
            reason = f"cannot be started ({error.strerror})"
            raise TargetError(_THING, reason, "Check the installation.") from error
        assert child.stdin is not None, "started with a pipe"
        with contextlib.suppress(OSError):  # it has ended already, which shows below
            child.stdin.write(" ".join(self.keys).encode() + b"\n")
            child.stdin.flush()
        return child

    def _wait_for_url(self) -> str:
        limit_s, stream = self._options.start_limit_s, self._child.stdout
        assert stream is not None, "started with a pipe"
        deadline = self._clock.monotonic() + limit_s
        line = b""
        while not line.endswith(b"\n"):
            left_s = max(0.0, deadline - self._clock.monotonic())
            if not select.select([stream], [], [], left_s)[0]:
                raise self._failure(f"did not answer in {limit_s:.0f} s")
            part = os.read(stream.fileno(), 4096)
            if not part:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._child.wait(1.0)
                raise self._failure("ended before it answered")
            line += part
        return line.decode("utf-8", "replace").strip()

    def _failure(self, what: str) -> TargetError | UsageError:
        self._errors.seek(0)
        said = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        kind = UsageError if self._child.poll() == UsageError.exit_code else TargetError
        last = ". ".join(line.rstrip(".") for line in said[-2:])
        reason = f"{what}: {last[-400:]}" if said else what
        return kind(_THING, reason, "Run `tuner local` to see more.")
