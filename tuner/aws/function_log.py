"""A function's log: from CloudWatch Logs, or from the local Lambda, which answers for its own.

Reads only, a page at a time and patiently, since CloudWatch allows few calls a second. What lines
mean is not known here, nor when they have all arrived: some appear seconds after they were written.
Needs ``logs:FilterLogEvents``.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from tuner.aws.services import Service
from tuner.aws.session import AwsSession
from tuner.clock import Clock
from tuner.errors import NotFound
from tuner.records import LogLine


class FunctionLog:
    """One log group, by its name; ``beside`` as in :class:`tuner.aws.services.Service`."""

    def __init__(
        self, session: AwsSession, group: str, clock: Clock, *, beside: bool = False
    ) -> None:
        self.group = group
        self._logs = Service(session, "logs", clock, beside=beside)

    @property
    def available(self) -> bool:
        """Whether there can be such a log."""
        return self._logs.available

    def lines(
        self, words: Sequence[str], since_s: float, most: int | None = None
    ) -> Iterator[LogLine]:
        """Lines since a moment (seconds since 1970) that hold any of these words.

        Those of one stream come in order. A group that does not exist has none: nothing was run
        yet. ``most`` ends it after so many. Raises our errors.
        """
        asked: dict[str, Any] = {
            "logGroupName": self.group,
            "filterPattern": " ".join(f'?"{word}"' for word in words),
            "startTime": max(0, int(since_s * 1000)),
            **({} if most is None else {"limit": most}),
        }
        token: str | None = None
        while True:
            more = {"nextToken": token} if token else {}
            try:
                answer = self._logs.send("FilterLogEvents", self.group, **asked, **more)
            except NotFound:
                return
            for event in answer.get("events", ()):
                stream = event.get("logStreamName")
                yield LogLine(event.get("timestamp", 0) / 1000.0, event["message"], stream)
            token = answer.get("nextToken")
            if not token or most is not None:
                return
