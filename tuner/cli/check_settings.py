"""Checks files of settings, and measures nothing: ``python -m tuner.cli.check_settings FILE...``.

For pre-commit (``.pre-commit-hooks.yaml``). A file with a suite is read as `tuner bench` reads it.
"""

import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from typer.main import get_command

from tuner.cli.commands import app
from tuner.cli.defaults import read_defaults
from tuner.errors import UsageError
from tuner.files import read_text
from tuner.suites.suite_file import read_suite

#: What a file with a suite has.
_SUITE = {"suite", "case", "environments"}


def main(files: Iterable[str]) -> int:
    """Say what is wrong with each file; return 2 if anything is, else 0."""
    commands = getattr(get_command(app), "commands")  # noqa: B009 - of a group
    code = 0
    for path in map(Path, files):
        try:
            read_defaults(commands, path)
            if path.is_file() and _SUITE & tomllib.loads(read_text(path)).keys():
                read_suite(path)
        except UsageError as error:
            print(f"tuner: {error}", file=sys.stderr)
            code = error.exit_code
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
