"""Load: when the next call is due, and the engine that sends it.

``pace.py`` is arithmetic, ``profile.py`` turns a file into a profile, ``worker.py`` is the only
module that imports Locust and runs as a process of its own (nobody imports it). An engine decides
nothing about what is measured and never retries in hiding. To add a load shape: a function in
``pace.py``, a file in ``loadprofiles/``, and a test in ``tests/unit/load/test_pace.py``.
"""
