"""For workers that Locust starts itself: ``locust -f locustfile.py --worker --master-host HOST``.

So Locust's own Docker image and whatever else runs ``locust --worker`` can serve ``tuner load``.
Its secret is in ``TUNER_WORKER_SECRET``; Locust opens its socket after it has imported this.
"""

from typing import Any

from locust import events
from locust.runners import WorkerRunner

from tuner.engine.worker.locust_worker import JoinedWorker
from tuner.engine.worker.sealed import seal_sockets
from tuner.engine.worker.users import QueueUser

__all__ = ["QueueUser"]  # the user that Locust looks for


def serve_the_tuner(environment: Any, runner: Any, **_: Any) -> None:
    """Take the tuner's orders as soon as Locust has joined its master."""
    if isinstance(runner, WorkerRunner):
        JoinedWorker(runner).watch()


hooks: Any = events
hooks.init.add_listener(serve_the_tuner)
seal_sockets()
