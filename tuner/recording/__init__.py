"""Recorded invocations (``replay:FILE``): a file of any form becomes rows by memory size.

Reads one file once and keeps it in memory; never draws from it (that is the replay engine's job)
and never guesses a figure. Also knows Lambda's REPORT, and has the one CSV reader (``table.py``).
Another form of file: ``rows.py``.
"""

from tuner.recording.read import Recording, read_architectures, read_recording
from tuner.recording.rows import RecordedRow, is_power_tuning

__all__ = ["RecordedRow", "Recording", "is_power_tuning", "read_architectures", "read_recording"]
