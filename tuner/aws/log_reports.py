"""REPORT from CloudWatch Logs, for invocations whose answer did not carry it.

The answer's log tail holds 4 KB; what an extension logs after REPORT can push it out. Events take
some seconds to arrive, so it asks a few times; once nothing came, it does not ask again.
"""

from collections.abc import Mapping, Sequence

from tuner.aws.services import Service
from tuner.aws.session import AwsSession
from tuner.clock import Clock
from tuner.errors import TunerError
from tuner.reportline import Report, find_report

#: Waits between questions, seconds.
_WAITS_S = (1.0, 3.0, 6.0, 10.0)
#: Ids in one filter; a pattern may be 1,024 characters long (CloudWatch Logs quotas).
_IDS = 20
#: How far back to look, seconds: the batch that has just ended.
_SPAN_S = 3600.0


class LogReports:
    """Looks reports up in one log group."""

    def __init__(self, session: AwsSession, group: str, clock: Clock) -> None:
        self._logs = Service(session, "logs", clock)
        self._group = group
        self._clock = clock
        self._useless = not self._logs.available

    def find(self, request_ids: Sequence[str]) -> Mapping[str, Report]:
        """The reports of these requests, as far as they can be found; never raises."""
        found: dict[str, Report] = {}
        for wait_s in _WAITS_S:
            missing = [one for one in request_ids if one not in found]
            if self._useless or not missing:
                break
            self._clock.sleep(wait_s)
            try:
                for start in range(0, len(missing), _IDS):
                    found.update(self._ask(missing[start : start + _IDS]))
            except TunerError:
                self._useless = True  # no right, or no such group: measuring goes on without
        self._useless = self._useless or not found
        return found

    def _ask(self, request_ids: Sequence[str]) -> Mapping[str, Report]:
        found: dict[str, Report] = {}
        token: str | None = None
        while True:
            answer = self._logs.send(
                "FilterLogEvents",
                self._group,
                logGroupName=self._group,
                filterPattern=" ".join(f'?"{one}"' for one in request_ids),
                startTime=int((self._clock.wall() - _SPAN_S) * 1000),
                **({"nextToken": token} if token else {}),
            )
            for event in answer.get("events", ()):
                for one in request_ids:
                    report = find_report(event["message"], one) if one in event["message"] else None
                    if report:
                        found[one] = report
            token = answer.get("nextToken")
            if not token:
                return found
