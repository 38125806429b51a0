"""Ctrl-C, once and more often.

The first Ctrl-C (or another signal that asks to end, such as SIGTERM) asks the run to end: what is
in flight finishes, the function is restored, and what was measured is reported. The second raises
KeyboardInterrupt: the function is only restored. Restoring ignores one interrupt and says so; the
next one leaves at once (``tuner.aws.restore.insist``), as Ctrl-\\ does at any time.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from tuner.cli.last_words import say_what_is_left

Handler = Callable[[int, FrameType | None], None]

#: What ends a process that does not handle it: of a service, a terminal that is closed, a batch
#: system before it kills, a timer, and `ulimit -t`, which repeats it every second.
_ENDING = (
    *(signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2),
    *(signal.SIGALRM, signal.SIGXCPU),
)


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
        _heard(number)
        if request.count > 1:
            raise _interrupt(number)
        with suppress(OSError):
            tell("stopping: finishing what is in flight, then restoring the function")

    with _handled(handle, signal.SIGINT, *_ENDING):
        yield request


@contextmanager
def end_on_signals() -> Iterator[None]:
    """Let every signal to end do to what follows as Ctrl-C does, so that it is undone."""

    def handle(number: int, _frame: FrameType | None) -> None:
        _heard(number)
        raise _interrupt(number)

    with _handled(handle, *_ENDING):
        yield


def _interrupt(number: int) -> KeyboardInterrupt:
    """What is raised for a signal; it has the signal's name, but for that of Ctrl-C."""
    names = [] if number == signal.SIGINT else [signal.Signals(number).name]
    return KeyboardInterrupt(*names)


def _heard(number: int) -> None:
    if number == signal.SIGHUP:
        _let_go_of_terminal()
    if number == signal.SIGXCPU:
        signal.signal(number, signal.SIG_IGN)


def _leave(number: int, _frame: FrameType | None) -> None:
    """Leave everything as it is now, and say what that is."""
    say_what_is_left()
    os._exit(128 + number)


@contextmanager
def _handled(handle: Handler, *numbers: signal.Signals) -> Iterator[None]:
    """Install a handler, except for signals that are ignored, as SIGHUP is by ``nohup``; and one
    that leaves at once."""
    before = {number: signal.getsignal(number) for number in (*numbers, signal.SIGQUIT)}
    before = {number: was for number, was in before.items() if was != signal.SIG_IGN}
    for number in before:
        signal.signal(number, _leave if number == signal.SIGQUIT else handle)
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
