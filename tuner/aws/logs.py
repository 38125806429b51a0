"""A function's log in CloudWatch Logs or in the local Lambda, and REPORT lines looked up in it.

Reads only. Some lines appear seconds after they were written. Needs ``logs:FilterLogEvents``.
"""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from tuner.aws.calls import AwsService
from tuner.aws.session import AwsSession
from tuner.clock import Clock
from tuner.errors import NotFound, TunerError
from tuner.recording.reportline import Report, find_report
from tuner.records import LogLine


class FunctionLog:
    """One log group, by its name; ``beside`` as in :class:`tuner.aws.calls.AwsService`."""

    def __init__(
        self, session: AwsSession, group: str, clock: Clock, *, beside: bool = False
    ) -> None:
        self.group = group
        self._logs = AwsService(session, "logs", clock, beside=beside)

    @property
    def available(self) -> bool:
        """False where there can be no such log."""
        return self._logs.available

    def lines(
        self, words: Sequence[str], since_s: float, most: int | None = None
    ) -> Iterator[LogLine]:
        """Lines since a moment (seconds since 1970) with any of these words; at most ``most``.

        Those of one stream come in order. A group that does not exist has none: nothing has run
        yet. Raises our errors.
        """
        asked: dict[str, Any] = {
            "logGroupName": self.group,
            "filterPattern": " ".join(f'?"{word}"' for word in words),
            "startTime": max(0, int(since_s * 1000)),
            **({} if most is None else {"limit": most}),
        }
        tokens = ("nextToken", "nextToken")
        pages = self._logs.pages("FilterLogEvents", self.group, tokens, **asked)
        with contextlib.suppress(NotFound):
            for page in islice(pages, None if most is None else 1):
                for event in page.get("events", ()):
                    stream = event.get("logStreamName")
                    yield LogLine(event.get("timestamp", 0) / 1000.0, event["message"], stream)


#: Waits before each attempt, seconds.
_WAITS_S = (1.0, 3.0, 6.0, 10.0)
#: Ids in one filter; a pattern may be 1,024 characters long (CloudWatch Logs quotas).
_IDS = 20
#: More ids than this are looked for among all reports since the run's start: the API takes few
#: calls per second, but answers each with up to 10,000 events.
_MANY = 100
_ALL = ("REPORT RequestId", "platform.report")
#: How much earlier than the run to look, seconds: clocks differ.
_EARLIER_S = 300.0


class LogReports:
    """Looks up the REPORTs of invocations whose answer did not carry theirs.

    The answer's log tail holds 4 KB; what an extension logs after REPORT can push it out. Lines
    take seconds to arrive, so there are some attempts; once nothing came, there are no more.
    """

    def __init__(self, log: FunctionLog, clock: Clock, since_s: float | None = None) -> None:
        """``since_s``: when the run began (seconds since 1970), or now."""
        self._log = log
        self._clock = clock
        self._since_s = clock.wall() if since_s is None else since_s
        self._useless = not log.available

    def find(self, request_ids: Sequence[str]) -> Mapping[str, Report]:
        """The reports of these requests, as far as they are found; never raises."""
        found: dict[str, Report] = {}
        for wait_s in _WAITS_S:
            missing = [one for one in request_ids if one not in found]
            if self._useless or not missing:
                break
            self._clock.sleep(wait_s)
            try:
                found.update(self._look(missing))
            except TunerError:
                self._useless = True  # no right, or no such group: measuring goes on without
        self._useless = self._useless or not found
        return found

    def _look(self, missing: Sequence[str]) -> Mapping[str, Report]:
        """One attempt for everything that is missing."""
        if len(missing) > _MANY:
            reports = {
                report.request_id: report
                for text in self._texts(_ALL)
                if (report := find_report(text)) and report.request_id
            }
            return {one: reports[one] for one in missing if one in reports}
        return {
            one: report
            for start in range(0, len(missing), _IDS)
            for text in self._texts(missing[start : start + _IDS])
            for one in missing[start : start + _IDS]
            if one in text and (report := find_report(text, one))
        }

    def _texts(self, words: Sequence[str]) -> Iterator[str]:
        for line in self._log.lines(words, self._since_s - _EARLIER_S):
            yield line.text
