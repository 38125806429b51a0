"""The load workers: processes of their own that send requests (``python -m tuner.engine.worker``).

The only part of the house that imports Locust, gevent and geventhttpclient; nobody imports it,
because Locust patches the standard library. ``lane.py`` is the Locust user that sends calls,
``desk.py`` gives it those that are due, ``crew.py`` paces them (``timer.py``: exact waiting),
``connection.py`` is one kept-alive connection, ``serving.py`` what each message of the tuner does;
``user.py`` is the base of users' own locustfiles, ``play.py`` plays one.
``__main__.py`` is a worker alone; ``hub.py`` a Locust master and ``member.py`` a worker of it. To
send another kind of request: ``job.py`` and its fields in ``load/wire.py``.
"""

# Locust patches the standard library as it is imported, so it has to come before all else.
import locust  # noqa: F401

from tuner.engine.worker.user import Invocation, LambdaUser

__all__ = ["Invocation", "LambdaUser"]
