"""Suites: benchmarks of several functions, their baselines and verdicts, and comparisons.

``gate``, ``side``, ``verdict``, ``judgement`` and ``rounds`` are pure: samples in, judgements and
the next calls out; what runs, stores or sends is in files of its own. A verdict is drawn from an
interval, never from a ratio alone. ``outputs`` turns a finished run into files and messages,
``schedule`` a suite into jobs. To add a measure: ``gate.Subject``, the grammar below it, ``side``.
"""
