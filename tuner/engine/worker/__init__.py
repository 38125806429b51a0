"""The load workers: processes of their own that send requests.

Only this package imports Locust, gevent and geventhttpclient, and nobody imports it, because Locust
patches the standard library. ``pacer.py`` hands out calls when they are due (``timer.py``: exact
waiting), through ``call_queue.py``, to ``users.py``: a Locust user sends them over its kept-alive
``connection.py``. ``script.py`` runs users' own locustfiles, ``shape.py`` their LoadTestShape.
``locust_worker.py`` is the process; several are behind ``locust_master.py``, which ``sealed.py``
keeps to those who know the secret. To send another kind of request: ``job.py`` and its fields in
``engine/wire.py``.
"""

# Locust patches the standard library as it is imported, so it has to come before all else.
import locust  # noqa: F401

from tuner.engine.worker.script import Invocation, LambdaUser

__all__ = ["Invocation", "LambdaUser"]
