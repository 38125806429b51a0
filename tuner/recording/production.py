"""What AWS keeps of functions in production: configurations, counts, and figures of their logs.

Records alone; ``tuner.aws`` reads them, ``tuner.decide`` says what they are worth. ``None`` is a
figure that is not known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Deployed:
    """A function as it is configured: memory and /tmp in MB, timeout in s, package in bytes."""

    name: str
    arn: str
    memory_mb: int
    timeout_s: float
    runtime: str | None  # none of a container image
    arch: str
    package: str = "zip"  # or image
    code_bytes: int | None = None
    ephemeral_mb: int = 512
    log_group: str = ""
    log_format: str = "Text"  # or JSON
    system_log_level: str | None = None  # of JSON logs
    snap_start: bool = False
    unfit: str = ""  # why memory size is not what decides its cost

    @property
    def reports(self) -> bool:
        """True if Lambda writes a REPORT of each call."""
        return self.log_format != "JSON" or self.system_log_level not in ("WARN", "ERROR")


@dataclass(frozen=True)
class Counted:
    """CloudWatch's metrics of a function over a span: counts, times in ms, bytes logged."""

    invocations: float
    errors: float | None = None
    throttles: float | None = None
    duration_ms: float | None = None  # of all calls together, without INIT
    p50_ms: float | None = None
    p95_ms: float | None = None
    max_ms: float | None = None
    concurrency: float | None = None  # the most at once
    log_bytes: float | None = None


@dataclass(frozen=True)
class Logged:
    """The REPORTs of a function at one memory size; sums and times in ms, memory in MB."""

    memory_mb: int
    calls: int
    cold: int
    billed_ms: float  # of all calls together, INIT included
    init_ms: float  # of all cold starts together
    p50_ms: float
    p95_ms: float
    max_ms: float
    used_mb: float | None

    def __add__(self, other: "Logged") -> "Logged":
        """Both together; percentiles are those of the part with more calls."""
        more = max((self, other), key=lambda each: each.calls)
        used = [each for each in (self.used_mb, other.used_mb) if each is not None]
        return Logged(
            self.memory_mb,
            self.calls + other.calls,
            self.cold + other.cold,
            self.billed_ms + other.billed_ms,
            self.init_ms + other.init_ms,
            more.p50_ms,
            more.p95_ms,
            max(self.max_ms, other.max_ms),
            max(used, default=None),
        )


@dataclass(frozen=True)
class Use:
    """A function with all that is known of its use; ``gaps`` says why a source is missing."""

    function: Deployed
    counted: Counted | None = None
    logged: tuple[Logged, ...] = ()
    advised_mb: int | None = None  # by Compute Optimizer
    gaps: Mapping[str, str] = field(default_factory=dict)

    @property
    def now(self) -> Logged | None:
        """The REPORTs at the present size."""
        same = (each for each in self.logged if each.memory_mb == self.function.memory_mb)
        return next(same, None)

    @property
    def calls(self) -> float | None:
        """Calls in the span: as counted, else as logged."""
        if self.counted is not None:
            return self.counted.invocations
        return float(sum(each.calls for each in self.logged)) if self.logged else None
