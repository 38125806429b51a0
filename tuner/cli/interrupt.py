"""Ctrl-C, once and more often.

The first Ctrl-C (or SIGTERM, or SIGHUP of a terminal that is closed) asks the run to end: what is
in flight finishes, the function is restored, and what was measured is reported. The second raises
KeyboardInterrupt: the function is only restored. Restoring ignores one interrupt and says so; the
next one leaves at once (``tuner.aws.restore.insist``).
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

Handler = Callable[[int, FrameType | None], None]


class StopRequest:
    """Counts how often the user has asked to stop."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> bool:
        """Return whether the user has asked to stop."""
        return self.count > 0


@contextmanager
def stop_on_signals(tell: Callable[[str], None]) -> Iterator[StopRequest]:
    """Install the handlers for the time of a run; ``tell`` shows one line to the user."""
    request = StopRequest()

    def handle(number: int, _frame: FrameType | None) -> None:
        request.count += 1
        if number == signal.SIGHUP:
            _let_go_of_terminal()
        if request.count > 1:
            raise KeyboardInterrupt
        with suppress(OSError):
            tell("stopping: finishing what is in flight, then restoring the function")

    with _handled(handle, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        yield request


@contextmanager
def end_on_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end what follows as Ctrl-C does, so that it is undone."""

    def handle(number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            _let_go_of_terminal()
        raise KeyboardInterrupt

    with _handled(handle, signal.SIGTERM, signal.SIGHUP):
        yield


@contextmanager
def _handled(handle: Handler, *numbers: signal.Signals) -> Iterator[None]:
    """Install a handler, except for SIGHUP where that is ignored, as by ``nohup``."""
    before = {number: signal.getsignal(number) for number in numbers}
    if before.get(signal.SIGHUP) == signal.SIG_IGN:
        del before[signal.SIGHUP]
    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _let_go_of_terminal() -> None:
    """Write nowhere in place of a terminal that is closed, where writing would fail."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            if stream.isatty():
                os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
