"""Ctrl-C, once and twice.

The first Ctrl-C (or SIGTERM) asks the run to end: what is in flight finishes, the function is
restored, and what was measured is reported. The second raises KeyboardInterrupt: the function is
only restored. A third is ignored meanwhile.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType


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

    def handle(_number: int, _frame: FrameType | None) -> None:
        request.count += 1
        if request.count == 1:
            tell("stopping: finishing what is in flight, then restoring the function")
        elif request.count == 2:
            raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, handle)
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def end_on_sigterm() -> Iterator[None]:
    """Let SIGTERM end what follows as Ctrl-C does, so that it is undone."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
