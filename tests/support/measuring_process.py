"""A process that forks measurements and applications which are killed at a given point.

Run by ``test_crashes.py``. Each line on standard input is a JSON object: URL, function, where to
journal, what to do, and either ``at``, the number of the point (a write to disk or an API call,
before or after) at which the child kills itself, or ``after_s``, when it is killed. The answer is
one line: how it ended (``killed`` or ``done``) and how long it took in seconds. Forking saves the
start of Python and boto3 at every point.
"""

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tuner.aws import applied as applied_module
from tuner.aws import journal as journal_module
from tuner.aws.apply import Application, ApplyOptions
from tuner.aws.control import ControlPlane
from tuner.aws.moving import Steps
from tuner.aws.session import AwsSession, SessionOptions, open_session
from tuner.clock import WallClock
from tuner.records import Setting
from tuner.targets.aws import AwsTarget, on_architectures
from tuner.targets.aws_versions import AwsOptions
from tuner.targets.choices import Isolation, read_startups
from tuner.targets.names import parse_target
from tuner.targets.seam import one_variant

#: The run that is applied.
RUN = "01JZZZZZZZZZZZZZZZZZZZZZZZ"


class HastyClock(WallClock):
    """Waits a tenth of what it is asked to, and hardly for the steps of an alias."""

    def sleep(self, seconds: float) -> None:
        super().sleep(min(seconds / 10, 0.02))


class Killer:
    """Counts points and ends this process at one of them, as ``kill -9`` would."""

    def __init__(self, at: int) -> None:
        self.left = at

    def point(self, **_: Any) -> None:
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        self.left -= 1


def count_points(session: AwsSession, killer: Killer) -> None:
    """Every write (before, in the middle, after) and every call (before, after) is a point."""
    write, replace = journal_module._write, Path.replace

    def counted_write(file: int, data: bytes) -> None:
        killer.point()
        half = len(data) // 2
        os.write(file, data[:half])
        killer.point()
        write(file, data[half:])

    def counted_replace(self: Path, target: Path) -> Path:
        killer.point()
        moved = replace(self, target)
        killer.point()
        return moved

    journal_module._write = counted_write
    applied_module.Path.replace = counted_replace  # type: ignore[method-assign]
    events = session.client.meta.events
    events.register("before-send.lambda", killer.point)
    events.register("after-call.lambda", killer.point)


def measure(control: ControlPlane, order: dict[str, Any]) -> None:
    """Prepare, recycle, restore, as a sweep does."""
    isolation = Isolation(order["what"])
    options = AwsOptions(journal=Path(order["journal"]), isolation=isolation)
    target = AwsTarget(control, parse_target(order["function"]), options)
    target.prepare(map(Setting, [512, 1024]))
    one_variant(target, Setting(512), fresh=True)
    target.restore()
    target.close()


def start(control: ControlPlane, order: dict[str, Any]) -> None:
    """Make a version that starts otherwise than on demand, and take it back."""
    options = AwsOptions(journal=Path(order["journal"]))
    target = AwsTarget(control, parse_target(order["function"]), options)
    (_, startup) = read_startups(order["startup"])
    target.release(one_variant(target, Setting(512, start=startup)))
    target.restore()
    target.close()


def apply(control: ControlPlane, order: dict[str, Any]) -> None:
    """Move an alias in two steps to a new size; CloudWatch says that all is well."""
    os.environ["AWS_ENDPOINT_URL_CLOUDWATCH"] = "http://127.0.0.1:9"

    def reply(**_: object) -> object:
        return SimpleNamespace(status_code=200), {"MetricDataResults": []}

    control.session.boto.register("before-call.cloudwatch.GetMetricData", reply)
    records = Path(order["journal"])
    application = Application(control, order["function"], records, lambda _text: None)
    arch = "arm64" if order["what"] == "apply-architecture" else None
    application.apply(ApplyOptions(RUN, 640, "live", Steps((0.1, 0.5), 1.0), arch=arch))


def compare(control: ControlPlane, order: dict[str, Any]) -> None:
    """A copy on each architecture with two sizes, one of them cold again, and all put back."""
    options = AwsOptions(journal=Path(order["journal"]))
    own = AwsTarget(control, parse_target(order["function"]), options)
    target = on_architectures(own, "both")
    wanted = [Setting(size, arch) for size in (512, 1024) for arch in ("x86_64", "arm64")]
    target.prepare(wanted)
    target.prepare(wanted[:1], fresh=True)
    target.restore()
    target.close()


ACTS: dict[str, Callable[[ControlPlane, dict[str, Any]], None]] = {
    "apply": apply,
    "apply-architecture": apply,
    "architectures": compare,
    "start": start,
}


def run(session: AwsSession, order: dict[str, Any]) -> None:
    """What the child does."""
    if "at" in order:
        count_points(session, Killer(order["at"]))
    control = ControlPlane(session, HastyClock(), random.Random(1))
    ACTS.get(order["what"], measure)(control, order)


def answer(session: AwsSession, order: dict[str, Any]) -> str:
    """Fork a child for an order and see how it ends."""
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        try:
            run(session, order)
            os._exit(0)
        finally:  # a failure is told by its traceback and this
            sys.excepthook(*sys.exc_info())  # type: ignore[arg-type]
            os._exit(1)
    if "after_s" in order:
        time.sleep(order["after_s"])
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    ended = {0: "done", signal.SIGKILL: "killed"}.get(status, f"failed {status}")
    return f"{ended} {time.monotonic() - began}"


def main() -> None:
    """Answer orders until standard input ends."""
    sessions: dict[str, AwsSession] = {}
    for line in sys.stdin:
        order = json.loads(line)
        url = order["url"]
        if url not in sessions:
            sessions[url] = open_session(SessionOptions("eu-west-1", None, url))
        sys.stdout.write(f"{answer(sessions[url], order)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
