"""The records that cross the walls between rooms: one invocation, one run, one warning.

A :class:`Sample` is made by the load engine, kept by the store, read by the model and shown by
the report. Times are seconds on the run's own clock (0 = the run's start); durations are
milliseconds; memory is MB as Lambda counts it (MiB). What is not known is ``None``, never 0.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, NamedTuple

#: Lambda's own limits, in 1 MB steps (AWS, "Lambda quotas").
MEMORY_MIN_MB = 128
MEMORY_MAX_MB = 10_240


class Outcome(StrEnum):
    """Outcomes of a request. Only ``ok`` has a duration worth modelling; the rest is data too."""

    OK = "ok"
    THROTTLED = "throttled"
    FUNCTION_ERROR = "function_error"
    TIMEOUT = "timeout"
    OUT_OF_MEMORY = "out_of_memory"
    TRANSPORT_ERROR = "transport_error"
    SERVICE_ERROR = "service_error"
    CHECK_FAILED = "check_failed"  # answered without an error, and not as was expected


#: How the reason begins of an answer that was not judged, but tells an HTTP front to fail.
PROXIED = "statusCode "
#: The reason of a call that ran at another memory size than the one that was asked for: somebody
#: else has changed the function underneath.
OTHER_SIZE = "OtherMemorySize"


class Purpose(StrEnum):
    """Purposes of a request."""

    WARM_UP = "warm-up"
    WARM = "warm"
    COLD = "cold"
    LOAD = "load"


class Backend(StrEnum):
    """Kinds of services that answer invocations."""

    AWS = "aws"
    LOCAL = "local"
    REPLAY = "replay"


class RunState(StrEnum):
    """States of a stored run. ``running`` without a living process means it crashed."""

    RUNNING = "running"
    DONE = "done"
    PARTIAL = "partial"
    INTERRUPTED = "interrupted"
    FAILED = "failed"


#: How sandboxes start unless a Setting says otherwise, and from a snapshot.
ON_DEMAND = "on-demand"
SNAP_START = "snapstart"


def provisioned(start: str) -> int:
    """Return how many sandboxes are kept ready; 0 unless the way to start is ``provisioned=N``."""
    return int(start.partition("=")[2] or 0)


class Part(NamedTuple):
    """A separately deployed part of a comparison: one kind of code on one architecture."""

    arch: str = "x86_64"
    code: str = ""


class Setting(NamedTuple):
    """Everything in which one measured thing differs from another; samples and results carry it.

    ``start`` is how its sandboxes start, as ``--variants`` writes it: ``on-demand``, ``snapstart``
    or ``provisioned=5``. ``code`` is empty for the function itself, else which other code runs.
    ``load`` is empty for calls that are made alone, else the name of the load they are part of.
    ``payload_class`` is what one of several weighted payloads is called; the session draws it for
    each call, so that only samples have one.
    """

    memory_mb: int
    arch: str = "x86_64"
    start: str = ON_DEMAND
    code: str = ""
    load: str = ""
    payload_class: str = ""

    @property
    def asked(self) -> "Setting":
        """The same over all payloads, as planners ask for it."""
        return self._replace(payload_class="")

    @property
    def alone(self) -> "Setting":
        """The same over all payloads, for calls that are made alone."""
        return self._replace(load="", payload_class="")

    @property
    def part(self) -> Part:
        """The part that it belongs to."""
        return Part(self.arch, self.code)

    @property
    def provisioned(self) -> int:
        """Number of sandboxes that are kept ready; 0 unless ``start`` says so."""
        return provisioned(self.start)


#: Lambda ends the INIT of an on-demand sandbox after 10 s (Developer Guide, "Understanding the
#: Lambda execution environment lifecycle"); its INIT_REPORT tells some ms less or more.
INIT_CUT_MS = 9_990.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One request to the function and everything known about it."""

    call: int  # number of the call within the run; attempts of one call share it
    attempt: int  # 1 for the first request, 2 for its first retry
    round: int  # which interleaved batch it belonged to
    purpose: Purpose
    setting: Setting
    qualifier: str | None  # version or alias that was invoked
    outcome: Outcome
    due_s: float  # when the call was to be sent
    sent_s: float  # when its first byte was written
    first_byte_s: float | None  # when the answer began
    done_s: float  # when the answer was complete, or the failure was known
    status: int | None = None  # HTTP status
    reason: str | None = None  # throttle Reason, errorType, or the transport's own words
    retry_after_s: float | None = None
    request_id: str | None = None
    duration_ms: float | None = None  # REPORT "Duration"
    billed_ms: float | None = None  # REPORT "Billed Duration": holds INIT already
    init_ms: float | None = None  # REPORT "Init Duration": set on a cold start only
    restore_ms: float | None = None  # SnapStart
    billed_restore_ms: float | None = None
    max_memory_mb: float | None = None
    payload: int | None = None  # index among the weighted payloads
    backoff_ms: float | None = None  # wait before the call's next attempt; None: it was the last
    message: str | None = None  # errorMessage of a failure; may hold data of its payload
    log_tail: str | None = None  # the end of its log; of the first failure of a kind only

    @property
    def memory_mb(self) -> int:
        """The size that was called."""
        return self.setting.memory_mb

    @property
    def arch(self) -> str:
        """The architecture that was called: "x86_64" or "arm64"."""
        return self.setting.arch

    @property
    def latency_ms(self) -> float:
        """Milliseconds from the call's due time to its end."""
        return (self.done_s - self.due_s) * 1000.0

    @property
    def service_ms(self) -> float:
        """From the first byte sent to the last byte received."""
        return (self.done_s - self.sent_s) * 1000.0

    @property
    def lag_ms(self) -> float:
        """Milliseconds by which the load engine itself was late."""
        return (self.sent_s - self.due_s) * 1000.0

    @property
    def cold(self) -> bool:
        """Return whether this request started its sandbox."""
        return self.init_ms is not None or self.restore_ms is not None

    @property
    def answered_5xx(self) -> bool:
        """Return whether it succeeded with an answer that tells its HTTP front to fail."""
        return self.outcome is Outcome.OK and (self.reason or "").startswith(PROXIED)

    @property
    def init_cut(self) -> bool:
        """Return whether its INIT ran into Lambda's limit, and then began anew within the call."""
        return self.setting.start == ON_DEMAND and (self.init_ms or 0.0) >= INIT_CUT_MS


@dataclass(frozen=True, slots=True)
class LogLine:
    """One event of a function's log; ``at_s`` is seconds since 1970, with whole milliseconds."""

    at_s: float
    text: str
    stream: str | None = None


class Invoked(NamedTuple):
    """An invoked function of a run: a version or alias (``None``: without one) of
    the function that an architecture has."""

    arch: str
    qualifier: str | None


class Metric(StrEnum):
    """CloudWatch's metrics of a function, under its own names; durations are milliseconds."""

    INVOCATIONS = "Invocations"
    ERRORS = "Errors"
    THROTTLES = "Throttles"
    DURATION = "Duration"
    CONCURRENCY = "ConcurrentExecutions"


@dataclass(frozen=True, slots=True)
class Metered:
    """CloudWatch's data of one function, version or alias: by metric, the begin of each minute
    (seconds since 1970) with its value, a sum or, of concurrency, the highest."""

    points: Mapping[Metric, tuple[tuple[float, float], ...]]

    def total(self, metric: Metric, since_s: float, until_s: float) -> float:
        """The sum over the minutes that begin in this span; 0 without any."""
        return sum(value for at_s, value in self._within(metric, since_s, until_s))

    def highest(self, metric: Metric, since_s: float, until_s: float) -> float | None:
        """The highest value of the minutes that begin in this span; ``None`` without any."""
        return max((v for _, v in self._within(metric, since_s, until_s)), default=None)

    def _within(
        self, metric: Metric, since_s: float, until_s: float
    ) -> Iterator[tuple[float, float]]:
        return (each for each in self.points.get(metric, ()) if since_s <= each[0] < until_s)


@dataclass(frozen=True, slots=True)
class Traced:
    """X-Ray's view of one request to one function; milliseconds, ``None`` where it has none.

    ``service_ms`` is Lambda's own span around the request. ``ran_ms`` is what REPORT calls the
    duration. ``ahead_ms`` is how long before the run of the function its INIT had ended. Events
    have a ``dwell_ms``, the time in Lambda's queue, and count their ``attempts``.
    """

    request_id: str
    began_s: float | None = None
    service_ms: float | None = None
    ran_ms: float | None = None
    init_ms: float | None = None
    restore_ms: float | None = None
    ahead_ms: float | None = None
    dwell_ms: float | None = None
    attempts: int | None = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Advice:
    """Something the reader has to know, ending in advice. ``code`` is stable for scripts."""

    code: str
    text: str


#: The code that says that other programs used the machine while a local function was measured.
MACHINE_BUSY = "machine-busy"


def machine_was_busy(warnings: Iterable[Advice]) -> bool:
    """Tell if one of these says that other programs used the machine."""
    return any(each.code == MACHINE_BUSY for each in warnings)


@dataclass(frozen=True)
class FunctionFacts:
    """Facts of a function that are known before it is invoked."""

    name: str
    arn: str
    backend: Backend
    region: str
    arch: str
    runtime: str | None
    memory_mb: int | None  # configured now; None for a recording
    timeout_s: float | None
    version: str = "$LATEST"
    handler: str | None = None
    package: str = "zip"  # or "image"
    code_bytes: int | None = None  # of the package, compressed
    code_sha256: str | None = None  # of the package or image, as Lambda has it
    ephemeral_mb: int = 512
    log_format: str = "Text"
    system_log_level: str | None = None
    reserved_concurrency: int | None = None
    account_concurrency: int | None = None
    snap_start: bool = False
    traced: bool = False  # whether X-Ray traces are written
    recorded_mb: tuple[int, ...] = ()  # sizes that a recording has
    platform: Mapping[str, Any] = field(default_factory=dict)  # CPU method, share error, cores

    @property
    def now_mb(self) -> int | None:
        """The size that somebody chose for it; ``None`` where it only has a default."""
        return None if self.platform.get("memory_default") else self.memory_mb

    @property
    def invoke_only(self) -> bool:
        """True if nothing can be done with it but to call it, and answers tell no durations."""
        return bool(self.platform.get("invoke_only"))

    def on(self, arch: str) -> "FunctionFacts":
        """The same function on another architecture, where it has no memory size as yet.

        What was recorded there is in ``platform["architectures"]``.
        """
        if arch == self.arch:
            return self
        there = dict(self.platform.get("architectures", {}).get(arch, {}))
        recorded = tuple(there.pop("recorded_mb", ()))
        platform = {**self.platform, **there}
        return replace(self, arch=arch, memory_mb=None, recorded_mb=recorded, platform=platform)


@dataclass(frozen=True)
class RunRecord:
    """One run of a command: what was asked, of what, when, and how it ended."""

    run: str  # ULID
    command: str  # "sweep", "load", "cold"
    target: str
    state: RunState
    seed: int
    started_at: float  # seconds since the epoch
    finished_at: float | None
    options: Mapping[str, Any]
    facts: FunctionFacts
    warnings: tuple[Advice, ...] = ()
    note: str | None = None  # why it stopped, if not as planned
