"""Decide: objectives, the choice and its reasons, and what to measure until it is settled.

``conclude`` turns a run's samples into the whole answer (``result``); ``planner``, ``confirm`` and
``load_plan`` are the planners that need a choice, all others are in ``tuner.planning``. Touches no
network, disk or clock. To add a rule for choosing: its score in ``outlook.py``, the rule in
``choice.py``, a test in ``tests/unit/decide/``.
"""
