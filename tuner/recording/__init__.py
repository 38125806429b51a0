"""Recorded invocations (``replay:FILE``): a CSV or JSON-lines file becomes rows by memory size.

May import ``records``, ``units`` and ``errors``. Reads one file once and keeps it in memory;
never draws from it (that is the replay engine's job) and never guesses a figure. To read another
form of file: a reader in ``lines.py``. To know another column: ``row.py``.
"""

from tuner.recording.lines import is_power_tuning
from tuner.recording.read import Recording, read_architectures, read_recording
from tuner.recording.row import Row

__all__ = ["Recording", "Row", "is_power_tuning", "read_architectures", "read_recording"]
