"""Measure: figures of samples, and doubts about them.

``load_figures.py`` and ``event_figures.py`` turn samples and events into figures; ``health.py``
and ``load_health.py`` check that they can be trusted; ``failures.py`` tells what ends a run. It
asks nobody, waits for nothing and chooses no size. To add a measurement: a
file here, a field in ``records.py`` if it is per call, and a test against the local Lambda.
"""
