"""What a command says last of all, whatever ends it: what could not be written, what is left.

Nothing here fails: standard output and standard error may be full, or gone.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import typer

from tuner.errors import Interrupted, TunerError

#: Seconds for an answer to what size a function has now; without one, the journal has to do.
_ASKS_S = 3.0


def say(text: str) -> None:
    """Write a line to standard error, if that can be."""
    with suppress(OSError, ValueError):
        typer.echo(text, err=True)


def say_lost(error: OSError) -> None:
    """Say what cannot be written, but for a closed pipe, as after `| head`: its reader has what it
    wanted."""
    thing = str(error.filename or "standard output or a file")
    if not (isinstance(error, BrokenPipeError) and not error.filename):
        say(f"tuner: {thing}: cannot be used ({error.strerror or error})")


def say_what_is_left() -> bool:
    """Say what this process has changed and could not restore; ``False`` if that is nothing. A
    Ctrl-C meanwhile shortens it."""
    if not (Path(".tuner/journal").is_dir() or Path(".tuner/applied").is_dir()):
        return False
    from tuner.api.left import look
    from tuner.options.function import Account

    with _uninterrupted():
        ours = [left for left in look()[0] if left.pid == os.getpid()]
        for left in ours:
            now = left
            with suppress(KeyboardInterrupt):
                now = left.as_it_is(Account(), _ASKS_S)
            say(f"tuner: {now.said()}")
    return bool(ours)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let the first signal to end skip what is being waited for, and no further one matter."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def ignore() -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)

    def skip(_number: int, _frame: FrameType | None) -> None:
        ignore()
        raise KeyboardInterrupt

    try:
        before = {number: signal.signal(number, skip) for number in numbers}
    except ValueError:  # not the main thread, which alone gets signals
        yield
        return
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def end_output() -> None:
    """Flush what is written while a full disk can still be told; exit with 1 for what is lost."""
    ended = sys.exc_info()[1]
    failed = not isinstance(ended, SystemExit) or bool(ended.code)
    told = isinstance(ended, SystemExit) and isinstance(ended.__context__, OSError)
    lost: list[OSError] = []
    try:
        if isinstance(ended, SystemExit) and isinstance(ended.__context__, BrokenPipeError):
            raise ended.__context__  # click and rich exit with 1 for a closed pipe, silently
        sys.stdout.flush()
    except OSError as error:
        lost.append(error)
        _leave(1)
        if not told:
            say_lost(error)
    try:
        sys.stderr.flush()
    except OSError as error:
        lost.append(error)
        _leave(2)
    if lost and not failed:
        sys.exit(1)


def end_interrupted(left: bool) -> None:
    """Exit with 1 after an interrupt that has ``left`` something: 130 says that all is restored."""
    ended = sys.exc_info()[1]
    if left and isinstance(ended, SystemExit) and ended.code == Interrupted.exit_code:
        sys.exit(TunerError.exit_code)


def _leave(descriptor: int) -> None:
    """Write nowhere from now on, where flushing would fail once more."""
    with suppress(OSError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
