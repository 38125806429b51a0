"""The command line, run in this process."""

from collections.abc import Callable

import pytest

from tuner.cli.app import main

#: Runs a command; gives its exit code, stdout and stderr.
Run = Callable[..., tuple[int, str, str]]


def exit_code(*words: str) -> int:
    """Run a command to its end; gives its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(words)
    return int(ended.value.code or 0)
