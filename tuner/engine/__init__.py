"""The load engine: when the next call is due, and how it is sent.

``engine.py`` says what every engine does; ``batches.py`` makes the calls of a batch;
``profiles/`` turns files into rates, due times and
payloads; ``worker/`` is the only package that imports Locust, runs as processes of its own, and is
imported by nobody. An engine never decides what is measured and never retries in hiding. To add a
load shape: a class in ``profiles/pace.py``, a word for it in ``profiles/profile_file.py``, a file
in ``loadprofiles/``, and tests in ``tests/unit/engine/test_pace.py`` and ``test_profiles.py``.
"""
