"""Watch: suites, baselines, regressions, schedules. It re-runs the flow and compares.

Empty so far; ``tuner bench`` will live here.
"""
