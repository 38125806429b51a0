"""A child process of a load, and the socket to it.

It runs in a session of its own, so that Ctrl-C in a terminal does not reach it. Messages pass both
ways unread; if it ends by itself, the error says how.
"""

import os
import platform
import resource
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import IO, Any
from uuid import getnode

from tuner.engine import wire
from tuner.errors import TunerError

#: Importing Locust takes half a second, on a busy small machine many times that.
START_S = 60.0
_SILENCE_S = 30.0  # a worker without a heartbeat for so long is given up
_END_S = 5.0
#: The environment variable in which processes that send find the secret with which they join.
SECRET = "TUNER_WORKER_SECRET"
#: The next step when the processes that send are gone.
KEPT = "The samples so far are kept. Run it again; --resume continues a sweep."
_BOOT = Path("/proc/sys/kernel/random/boot_id")  # Linux, random(4); alike in all its containers


def machine_id() -> str:
    """Return a text that all processes of this machine share until it restarts.

    They share CLOCK_MONOTONIC, too.
    """
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return f"{platform.node()}-{getnode()}"


def own_process(module: str, *arguments: object) -> list[str]:
    """Return the command that runs one of our modules.

    ``-P`` keeps the working directory off its path: a user's ``queue.py`` or ``locust.py`` there
    would be imported in place of the real one.
    """
    return [sys.executable, "-P", "-m", module, *map(str, arguments)]


def open_files(wanted: int) -> int:
    """Let each process that is started open so many files, as far as the system lets us; return how
    many those are.
    """
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    endless = resource.RLIM_INFINITY
    with suppress(ValueError, OSError):
        if now not in (endless, most) and now < wanted:
            now = wanted if most == endless else min(wanted, most)
            resource.setrlimit(resource.RLIMIT_NOFILE, (now, most))
    return wanted if now == endless else now


class WorkerProcess:
    """The process and the socket to it; starts with its construction.

    It runs ``module`` with these arguments and the socket's file descriptor, and with ``secret`` in
    its environment. Every method raises TunerError if the worker is gone.
    """

    def __init__(self, module: str, *arguments: object, secret: str = "") -> None:
        ours, theirs = socket.socketpair()
        self._socket = ours
        self._messages: Iterator[tuple[Any, ...]] = iter(())
        self._reader = wire.Reader()
        self._writing = Lock()
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives with the process
        try:
            self._process = subprocess.Popen(
                own_process(module, *arguments, theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._stderr,
                start_new_session=True,
                env={**os.environ, SECRET: secret},
            )
        except OSError as error:
            ours.close()
            raise TunerError("load worker", f"could not be started: {error}") from error
        finally:
            theirs.close()

    def send(self, message: bytes) -> None:
        """Write one message; any thread may."""
        try:
            with self._writing:
                self._socket.settimeout(_SILENCE_S)
                self._socket.sendall(message)
        except OSError:
            raise self._gone() from None

    def receive(self, timeout_s: float = _SILENCE_S) -> tuple[Any, ...]:
        """Return the next message; a worker that is silent for so long counts as gone."""
        while True:
            for message in self._messages:
                return message
            self._socket.settimeout(timeout_s)
            try:
                data = self._socket.recv(1 << 20)
            except TimeoutError:
                reason = f"did not answer for {timeout_s:.0f} s"
                raise TunerError("load worker", reason, KEPT) from None
            except OSError:
                data = b""
            if not data:
                raise self._gone()
            self._messages = self._reader.feed(data)

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def end(self) -> None:
        """Close the socket, which ends the worker; kill it if it does not go."""
        self._socket.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._stderr.close()

    def _gone(self) -> TunerError:
        try:
            code: int | None = self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            code = None
        self._stderr.seek(0)
        last = self._stderr.read()[-2000:].decode("utf-8", "replace").strip().splitlines()
        killed = code is not None and code < 0
        how = f"was killed by signal {-(code or 0)}" if killed else f"exited with code {code}"
        return TunerError("load worker", f"{how}{': ' + last[-1] if last else ''}", KEPT)
