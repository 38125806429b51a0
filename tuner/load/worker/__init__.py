"""The load worker: a process of its own that sends requests (``python -m tuner.load.worker``).

The only part of the house that imports Locust, gevent and geventhttpclient; nobody imports it,
because Locust patches the standard library. ``lane.py`` is the Locust user that sends calls,
``connection.py`` one kept-alive connection, ``timer.py`` exact waiting, ``crew.py`` Locust's runner
with its users, and ``__main__.py`` the process. To send another kind of request: a new user in
``lane.py`` and its fields in ``load/wire.py``.
"""

# Locust patches the standard library as it is imported, so it has to come before all else.
import locust  # noqa: F401
