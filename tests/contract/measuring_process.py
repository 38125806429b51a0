"""A process that forks measurements which kill themselves at a given point.

Run by ``test_crashes.py``. Each line on standard input is a JSON object: URL, function, journal,
and ``at``, the number of the point (a journal write or an API call, before or after) at which the
child is killed. The answer is one line: ``killed`` or ``done``. Forking saves the start of Python
and boto3 at every point.
"""

import json
import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

from tuner.aws import journal as journal_module
from tuner.aws.control import Control
from tuner.aws.session import AwsSession, SessionOptions, open_session
from tuner.clock import WallClock
from tuner.target.aws import AwsOptions, AwsTarget
from tuner.target.names import parse_target


class HastyClock(WallClock):
    """Waits a tenth of what it is asked to."""

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds / 10)


class Killer:
    """Counts points and ends this process at one of them, as ``kill -9`` would."""

    def __init__(self, at: int) -> None:
        self.left = at

    def point(self, **_: Any) -> None:
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1


def measure(session: AwsSession, order: dict[str, Any]) -> None:
    """Prepare, recycle, restore; every write and call is a point."""
    killer = Killer(order["at"])
    write = journal_module._write

    def counted_write(file: int, data: bytes) -> None:
        killer.point()
        half = len(data) // 2
        os.write(file, data[:half])
        killer.point()
        write(file, data[half:])

    journal_module._write = counted_write
    events = session.client.meta.events
    events.register("before-send.lambda", killer.point)
    events.register("after-call.lambda", killer.point)
    control = Control(session, HastyClock(), random.Random(1))
    options = AwsOptions(journal=Path(order["journal"]))
    target = AwsTarget(control, parse_target(order["function"]), options)
    target.prepare_many([512, 1024])
    target.recycle(512)
    target.restore()
    target.close()


def main() -> None:
    """Answer orders until standard input ends."""
    sessions: dict[str, AwsSession] = {}
    for line in sys.stdin:
        order = json.loads(line)
        url = order["url"]
        if url not in sessions:
            sessions[url] = open_session(SessionOptions("eu-west-1", None, url))
        child = os.fork()
        if child == 0:
            measure(sessions[url], order)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        ended = {0: "done", signal.SIGKILL: "killed"}.get(status, f"failed {status}")
        sys.stdout.write(f"{ended}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
