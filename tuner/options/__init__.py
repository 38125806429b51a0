"""Request: what a user asks, as it was written, and what that means.

``options.py`` holds the written form, ``payloads.py`` and ``meaning.py`` turn it into numbers,
``errand.py`` is a sweep ready to be run. May import what stands to its right; opens no target and
no store, and reads no file but payloads and traffic. To add an option: a field in ``options.py``,
its meaning, ``cli/options.py``, and a test in ``tests/flow/``.
"""
