"""Recommend: objectives, constraints, the choice, and its reasons.

Reads curves and prices, gives the records of ``result.py``. May import ``model``, ``billing`` and
what stands to their right; must touch no network, disk or clock. To add a rule for choosing: its
score in ``outlook.py``, the rule in ``choice.py``, a test in ``tests/unit/recommend/``.
"""
