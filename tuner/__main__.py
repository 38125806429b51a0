"""``python -m tuner`` is the command line."""

from tuner.cli.app import main

main()
