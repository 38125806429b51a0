"""The only worker of a tuner: ``python -m tuner.engine.worker FD``, where FD is its socket to it.

It carries out orders until that socket ends, and dies with its parent. It belongs to a session of
its own, so that Ctrl-C in a terminal reaches the parent only.
"""

import logging
import os
import sys
from typing import Any

import gevent
from locust import events
from locust.env import Environment

from tuner.engine.worker.locust_worker import Worker
from tuner.engine.worker.process import (
    Channel,
    ask_for_prompt_wakeups,
    die_with_parent,
    settle_memory,
)
from tuner.engine.worker.users import QueueUser


def main() -> None:
    """Serve the tuner whose socket is the first argument."""
    die_with_parent()
    logging.getLogger("locust").setLevel(logging.ERROR)
    channel = Channel(int(sys.argv[1]))
    environment: Any = Environment(user_classes=[QueueUser], events=events)
    worker = Worker(environment.create_local_runner(), channel.send)
    ask_for_prompt_wakeups()
    settle_memory()
    writer = gevent.spawn(channel.write_forever, lambda: worker.linger_s)
    worker.greet()
    for kind, *fields in channel.messages():
        worker.take(kind, fields)
    writer.kill()
    # Nothing that matters is in flight, and Locust's greenlets never end by themselves.
    os._exit(0)


if __name__ == "__main__":
    main()
