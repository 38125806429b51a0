"""Measure: turn a plan's wish into calls, and watch the health of what comes back.

Warm-up, interleaving, forced cold starts, and the checks that a measurement can be trusted. It
sends through a load engine and makes no choice of size. To add a measurement: a file here, a
field in ``records.py`` if it is per call, and a test against the local Lambda.
"""
