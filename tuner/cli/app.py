"""The frame of the command line: runs a command and turns our errors into exit codes.

What is loaded before :func:`main` begins is little, so that a Ctrl-C meanwhile is heard as one.
"""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line; exit as the contract says, with errors in one or two lines."""
    with _ending_at_once():
        from tuner.cli import last_words
        from tuner.cli.commands import app
        from tuner.errors import TunerError
    _prepare()
    words = sys.argv[1:] if words is None else words
    debug = "--debug" in words  # wherever it stands
    try:
        ours = [word for word in words if word != "--debug"]
        app(args=ours, prog_name="tuner", default_map=_defaults(words))
    except TunerError as error:
        if debug:
            raise
        last_words.say(f"tuner: {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        last_words.say("tuner: interrupted")
        sys.exit(130)
    except OSError as error:
        if debug:
            raise
        last_words.say_lost(error)
        sys.exit(1)
    finally:
        left = last_words.say_what_is_left()
        last_words.end_output()
        last_words.end_interrupted(left)


@contextmanager
def _ending_at_once() -> Iterator[None]:
    """Let Ctrl-C end the process at once: nothing is begun yet."""

    def end(_number: int, _frame: object) -> None:
        os.write(2, b"tuner: interrupted\n")
        os._exit(130)

    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler or not _in_main_thread():
        yield
        return
    signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _in_main_thread() -> bool:
    import threading

    return threading.current_thread() is threading.main_thread()


def _prepare() -> None:
    """Set what holds for the whole process."""
    import atexit
    import gc
    from pathlib import Path

    os.umask(os.umask(0) | 0o002)  # nothing that is written here is for everybody to change
    # The matrices here are small: more threads only burn the CPU that is being measured on.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # What loading allocates stays to the end: to search it for garbage again and again, and once
    # more at exit, takes a tenth of the time of a short command.
    gc.set_threshold(50_000, 20, 20)
    atexit.register(gc.freeze)
    if _in_main_thread():  # there is nothing left that a Ctrl-C could interrupt
        atexit.register(signal.signal, signal.SIGINT, signal.SIG_DFL)
    for name in ("stdout", "stderr"):  # closed by the shell: nobody wants to read it
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115


def _defaults(words: Sequence[str]) -> dict[str, dict[str, object]]:
    """Return the defaults of ``tuner.toml``; help is shown whatever is in it. Raises UsageError,
    also where the working directory was deleted."""
    if {"-h", "--help", "--version"} & {*words}:
        return {}
    _find_working_directory()
    if not os.path.lexists("tuner.toml"):
        return {}
    from typer.main import get_command

    from tuner.cli.commands import app
    from tuner.cli.defaults import read_defaults

    return read_defaults(getattr(get_command(app), "commands"))  # noqa: B009 - of a group


def _find_working_directory() -> None:
    from tuner.errors import UsageError

    try:
        os.getcwd()  # noqa: PTH109
    except OSError as error:
        gone = isinstance(error, FileNotFoundError)
        why = "was deleted" if gone else f"cannot be used ({error.strerror})"
        fix = "Change to a folder that exists, such as by `cd`."
        raise UsageError("the working directory", why, fix) from None
