"""Load: when the next call is due, and the engine that sends it.

``pace.py`` is arithmetic, ``profile_file.py`` turns a file into a profile and ``events.py`` one
into payloads, ``worker/`` is the only package that imports Locust and runs as processes of its own
(nobody imports it). An engine decides nothing about what is measured and never retries in hiding.
To add a load shape: a function in ``pace.py``, a word for it in ``profile_file.py``, a file in
``loadprofiles/``, and tests in ``tests/unit/load/test_pace.py`` and ``test_profiles.py``.
"""
