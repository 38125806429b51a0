"""REPORT from a function's log, for invocations whose answer did not carry it.

The answer's log tail holds 4 KB; what an extension logs after REPORT can push it out. Events take
some seconds to arrive, so it asks a few times; once nothing came, it does not ask again.
"""

from collections.abc import Iterator, Mapping, Sequence

from tuner.aws.function_log import FunctionLog
from tuner.clock import Clock
from tuner.errors import TunerError
from tuner.recording.reportline import Report, find_report

#: Waits between questions, seconds.
_WAITS_S = (1.0, 3.0, 6.0, 10.0)
#: Ids in one filter; a pattern may be 1,024 characters long (CloudWatch Logs quotas).
_IDS = 20
#: More ids than this are looked for among all reports since the run's start: the API answers few
#: questions per second, but 10,000 events to one.
_MANY = 100
_ALL = ("REPORT RequestId", "platform.report")
#: How much earlier than the run to look, seconds: clocks differ.
_EARLIER_S = 300.0


class LogReports:
    """Looks reports up in one log."""

    def __init__(self, log: FunctionLog, clock: Clock, since_s: float | None = None) -> None:
        """``since_s`` is when the run began (seconds since 1970), or now."""
        self._log = log
        self._clock = clock
        self._since_s = clock.wall() if since_s is None else since_s
        self._useless = not log.available

    def find(self, request_ids: Sequence[str]) -> Mapping[str, Report]:
        """The reports of these requests, as far as they can be found; never raises."""
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
        """Ask once for everything that is missing."""
        if len(missing) > _MANY:
            wanted = frozenset(missing)
            reports = (find_report(text) for text in self._texts(_ALL))
            return {
                report.request_id: report
                for report in reports
                if report and report.request_id and report.request_id in wanted
            }
        found: dict[str, Report] = {}
        for start in range(0, len(missing), _IDS):
            some = missing[start : start + _IDS]
            for text in self._texts(some):
                for one in some:
                    report = find_report(text, one) if one in text else None
                    if report:
                        found[one] = report
        return found

    def _texts(self, words: Sequence[str]) -> Iterator[str]:
        for line in self._log.lines(words, self._since_s - _EARLIER_S):
            yield line.text
