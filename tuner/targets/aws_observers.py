"""Events and metrics on AWS: CloudWatch Logs, CloudWatch and X-Ray, or a local Lambda's own log.

AWS tells how an event ended only to the destination that the function names, which is the user's
to read; the local Lambda keeps those records where they can be asked for. It also knows its machine
(how CPU is limited, how well, how many cores), which only one of ours on loopback does.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from email.message import Message
from http.client import HTTPConnection, HTTPException
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import psutil

from tuner.aws.calls import AwsService
from tuner.aws.control import ControlPlane
from tuner.aws.logs import FunctionLog
from tuner.aws.metrics import read_metrics
from tuner.aws.session import AwsSession, signed_headers
from tuner.aws.traces import read_traces
from tuner.errors import NotFound, TargetError
from tuner.records import Invoked, LogLine, Metered, Metric, Traced
from tuner.targets.machine import Neighbours, cpu_use
from tuner.targets.observers import AGE_S, RETRIES, EventSettings, EventTrail, ServiceMetrics
from tuner.targets.seam import Progress

#: What the platform writes around an invocation, as text or as JSON.
WORDS = ("START RequestId: ", "REPORT RequestId: ", "platform.start", "platform.report")
_EVENTS, _TIME, _PLATFORM = "/tuner/events?from={}", "/tuner/time", "/tuner/platform"
_PROCESS = "/tuner/process"
#: Start times of one process are read a little apart when the clock is set.
_SAME_START_S = 5.0


def open_trail(
    control: ControlPlane, log: FunctionLog, function: str, qualifier: str | None
) -> EventTrail:
    """Read the settings, and try the log. Raises AccessDenied for a right that is missing."""
    settings = _settings(control, function, qualifier)
    if control.session.loopback:
        before_s = control.clock.wall()
        told = _ask_local(control.session.endpoint_url, _TIME)
        if told is not None:
            ours_s = (before_s + control.clock.wall()) / 2.0
            return LocalTrail(settings, log, control.session, (ours_s, told[0]))
    next(log.lines(WORDS, control.clock.wall() - 60.0, most=1), None)
    return AwsTrail(settings, log)


class AwsTrail(EventTrail):
    """CloudWatch Logs, whose clock is taken to be ours. Lines show some seconds late, seldom more
    than a minute."""

    late_s, pause_s, time_scale = 120.0, 5.0, 1.0

    def __init__(self, settings: EventSettings, log: FunctionLog) -> None:
        self.settings = settings
        self.place = f"CloudWatch Logs, {log.group}"
        self._log = log

    def moment(self, wall_s: float) -> float:
        return wall_s

    def lines(self, since_s: float) -> Iterator[LogLine]:
        return self._log.lines(WORDS, since_s)

    def endings(self) -> Mapping[str, str] | None:
        """AWS does not tell."""
        return None


class LocalTrail(AwsTrail):
    """A local Lambda of ours: its log, its records of ended events, its clock."""

    pause_s = 0.25

    def __init__(
        self,
        settings: EventSettings,
        log: FunctionLog,
        session: AwsSession,
        clock: tuple[float, Mapping[str, Any]],
    ) -> None:
        """``clock`` is a moment of our wall clock, and what the service told of its own then."""
        super().__init__(settings, log)
        self.place = f"the local Lambda's log, {log.group}"
        self.time_scale = float(clock[1]["time_scale"])
        self.late_s = 2.0 * self.time_scale
        self._ours_s, self._theirs_s = clock[0], float(clock[1]["now"])
        self._session = session
        told = self._ask(1 << 62)
        self._seen = int(told[1].get("x-tuner-ended", 0)) if told else 0

    def moment(self, wall_s: float) -> float:
        """Their clock runs evenly, ``time_scale`` times as fast."""
        return self._theirs_s + (wall_s - self._ours_s) * self.time_scale

    def endings(self) -> Mapping[str, str]:
        told = self._ask(self._seen)
        if told is None:
            reason = "no longer says how events ended"
            raise TargetError("the local Lambda", reason, "Check that it still runs.")
        records, headers = told
        self._seen = int(headers.get("x-tuner-ended", self._seen))
        contexts = (record["requestContext"] for record in records)
        return {each["requestId"]: each["condition"] for each in contexts}

    def _ask(self, first: int) -> tuple[Any, Message] | None:
        url, path = self._session.endpoint_url, _EVENTS.format(first)
        return _ask_local(url, path, signed_headers(self._session, url + path))


def _settings(control: ControlPlane, function: str, qualifier: str | None) -> EventSettings:
    """EventInvokeConfig of what is invoked, and the function's dead-letter queue."""
    asked: dict[str, str] = {"FunctionName": function}
    if qualifier is not None:
        asked["Qualifier"] = qualifier
    try:
        found = control.send("GetFunctionEventInvokeConfig", function, **asked)
    except NotFound:
        found = {}
    places = found.get("DestinationConfig") or {}
    letters = control.configuration(function, qualifier).get("DeadLetterConfig") or {}
    return EventSettings(
        retries=found.get("MaximumRetryAttempts", RETRIES),
        age_s=float(found.get("MaximumEventAgeInSeconds", AGE_S)),
        dead_letters=letters.get("TargetArn") or None,
        on_failure=(places.get("OnFailure") or {}).get("Destination"),
        on_success=(places.get("OnSuccess") or {}).get("Destination"),
    )


def open_metrics(
    control: ControlPlane, function: str, progress: Progress, *, traced: bool
) -> "AwsMetrics | None":
    """The services beside this Lambda, for a function by its bare name; ``None`` if there is no
    CloudWatch. Neither is asked yet."""
    cloudwatch = cloudwatch_beside(control)
    if cloudwatch is None:
        return None
    xray = AwsService(control.session, "xray", control.clock) if traced else None
    return AwsMetrics(function, cloudwatch, xray, progress)


def cloudwatch_beside(control: ControlPlane) -> AwsService | None:
    """CloudWatch, if there is one; a local Lambda that the environment names for all services
    counts nothing."""
    service = AwsService(control.session, "cloudwatch", control.clock)
    url = control.session.endpoint_url
    if not service.available or (service.same_place(url) and platform_facts(url)):
        return None
    return service


class AwsMetrics(ServiceMetrics):
    """One function's figures and traces."""

    def __init__(
        self, function: str, cloudwatch: AwsService, xray: AwsService | None, progress: Progress
    ) -> None:
        self.traced = xray is not None and xray.available
        self._function, self._progress = function, progress
        self._cloudwatch, self._xray = cloudwatch, xray

    def metered(
        self,
        places: Sequence[Invoked],
        span_s: tuple[float, float],
        metrics: Collection[Metric] = tuple(Metric),
    ) -> Mapping[Invoked, Metered]:
        qualifiers = [place.qualifier for place in places]
        found = read_metrics(self._cloudwatch, self._function, qualifiers, span_s, metrics)
        return {place: found[place.qualifier] for place in places}

    def traces(self, span_s: tuple[float, float]) -> Sequence[Traced]:
        """From X-Ray; none of a function that is not traced."""
        if self._xray is None or not self.traced:
            return ()
        return read_traces(self._xray, self._function, span_s)

    def tell(self, text: str) -> None:
        self._progress(text)


def platform_facts(url: str) -> Mapping[str, Any]:
    """The platform facts of the service at ``url``; empty if it is not a local Lambda of ours."""
    told = _ask_local(url, _PLATFORM)
    return told[0] if told is not None and isinstance(told[0], dict) else {}


def neighbours_of(url: str) -> Neighbours | None:
    """Watch what neither we nor the local Lambda at ``url`` do on this machine, from now on;
    ``None`` if no process here is that service: a container's, a tunnel's, another program's."""
    told, _ = _ask_local(url, _PROCESS) or ({}, None)
    try:
        service = psutil.Process(told["pid"])
        if abs(service.create_time() - told["started_s"]) > _SAME_START_S:
            return None
    except (psutil.Error, LookupError, TypeError, ValueError):
        return None
    return Neighbours(lambda: cpu_use(service))


def _ask_local(
    url: str, path: str, headers: Mapping[str, str] = MappingProxyType({})
) -> tuple[Any, Message] | None:
    """Ask one of a local Lambda's own pages; returns its JSON and the answer's headers, or
    ``None`` if the service at ``url`` has no such page."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=5.0)
    try:
        connection.request("GET", path, headers=dict(headers))
        answer = connection.getresponse()
        body = answer.read()
        return (json.loads(body), answer.headers) if answer.status == 200 else None
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()
