"""``python -m tuner`` is the command line."""

import os
import sys

# What lies in the working directory is not ours to import, unless tuner itself is there; pathlib
# could be such a file.
if not sys.flags.safe_path and sys.path[0] != os.path.dirname(os.path.dirname(__file__)):  # noqa: PTH120
    del sys.path[0]

from tuner.cli.app import main

main()
