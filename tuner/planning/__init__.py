"""Plan: which sizes, how many samples, which next, and when to stop.

Arrays and budgets in, the next thing to ask for out: it never fits a curve itself (it is handed
the draws of one) and touches no network, disk or clock. To add a method: a file here and a
test in ``tests/unit/plan/``.
"""
