"""A process of the load's as seen from the tuner: a child and the socket to it.

Starts it in a session of its own, so that Ctrl-C in a terminal does not reach it, passes messages
both ways, and says how it ended if it did so by itself. What the messages mean is not known here.
"""

import platform
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from threading import Lock
from typing import IO, Any
from uuid import getnode

from tuner.engine import wire
from tuner.errors import TunerError

#: Importing Locust takes half a second, on a busy small machine many times that.
START_S = 60.0
_SILENCE_S = 30.0  # a worker that has not said for so long that it lives is given up
_END_S = 5.0
#: What to do when the processes that send are gone.
KEPT = "What was measured is kept; run again (a sweep goes on with --resume)."


def own_process(module: str, *arguments: object) -> list[str]:
    """The command that runs one of our modules.

    ``-P`` keeps the working directory off its path: a user's ``queue.py`` or ``locust.py`` there
    would be imported in place of the real one.
    """
    return [sys.executable, "-P", "-m", module, *map(str, arguments)]


class WorkerProcess:
    """The process and the socket to it; starts with its construction.

    It runs ``module`` with these arguments and the socket's file descriptor. Every method may raise
    TunerError: the worker is gone, and why.
    """

    def __init__(self, module: str = "tuner.engine.worker", *arguments: object) -> None:
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
            )
        except OSError as error:
            ours.close()
            raise TunerError("load worker", f"does not start: {error}") from error
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
        """The next message; a worker that says nothing for so long counts as gone."""
        while True:
            for message in self._messages:
                return message
            self._socket.settimeout(timeout_s)
            try:
                data = self._socket.recv(1 << 20)
            except TimeoutError:
                raise TunerError(
                    "load worker",
                    f"has not answered for {timeout_s:.0f} s",
                    KEPT,
                ) from None
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
        how = (
            f"was killed by signal {-code}" if code is not None and code < 0 else f"ended ({code})"
        )
        return TunerError(
            "load worker",
            f"{how}{': ' + last[-1] if last else ''}",
            KEPT,
        )


_BOOT = Path("/proc/sys/kernel/random/boot_id")  # Linux, random(4); alike in all its containers


def machine_id() -> str:
    """A text that is the same for every process of this machine since it was started."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return f"{platform.node()}-{getnode()}"
