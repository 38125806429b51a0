"""Suites: benchmarks of several functions, their baselines and verdicts, and comparisons.

``gate``, ``side``, ``verdict``, ``judgement`` and ``sampling`` are pure: samples in, judgements
out; what runs, stores or sends is in files of its own. A verdict is drawn from an interval, never
from a ratio alone. To add a measure: ``gate.Subject``, the grammar below it, and ``side``.
``outputs`` turns a finished run into files and messages, ``schedule`` the suite into jobs.
"""
