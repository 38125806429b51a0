"""Result of a sweep: plain records that the report, the JSON and the Python API all show.

They mirror ``tuner.sweep/1``: the same names, the same units, ``None`` for what is not known.
All intervals are 90 %.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tuner.billing.cost import BreakEven
from tuner.decide.load_result import SizeUnderLoad
from tuner.measure.failures import Cause
from tuner.model import FloatArray, IntArray
from tuner.model.quantiles import Stats
from tuner.records import Advice, RunRecord
from tuner.store.documents import CrossCheck, LoadTerms, RunSpread


@dataclass(frozen=True)
class Interval:
    """A mean with its 90 % interval, ``None`` where too little was measured for one."""

    mean: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class WarmRow:
    """Warm invocations of one size."""

    n: int = 0
    duration_ms: Stats | None = None
    client_ms: Stats | None = None
    billed_ms: Stats | None = None
    max_memory_mb: float | None = None


@dataclass(frozen=True)
class ColdRow:
    """Cold starts of one size; ``total_ms`` is init (or restore) plus the first duration."""

    n: int = 0
    init_ms: Stats | None = None
    duration_ms: Stats | None = None
    total_ms: Stats | None = None
    client_ms: Stats | None = None
    init_timeouts: int = 0  # those whose INIT was cut and began anew within the call


@dataclass(frozen=True)
class SizeRow:
    """Everything measured at one memory size."""

    memory_mb: int
    status: str  # "ok", "partial", "failed"
    reason: str | None
    warm: WarmRow
    cold: ColdRow
    throttles: int = 0
    retries: int = 0
    errors: int = 0
    timeouts: int = 0
    out_of_memory: int = 0
    cost_usd_per_million: Interval | None = None
    load: SizeUnderLoad | None = None  # None: it was not put under load
    causes: tuple[Cause, ...] = ()  # of its failures, the most frequent first


@dataclass(frozen=True)
class StartupRow:
    """One way to start, measured and priced.

    ``first_ms`` is what the caller of a first request waited, from the first byte sent to the last
    received; ``spilled`` are first requests that met a sandbox on demand after all. ``call_usd`` is
    a warm call, ``start_usd`` what a call that starts a sandbox costs beyond that.
    """

    variant: str
    memory_mb: int
    status: str  # "ok", "partial", "failed"
    reason: str | None
    n: int
    spilled: int
    ready_s: float | None
    first_ms: Stats | None
    init_ms: Stats | None
    restore_ms: Stats | None
    duration_ms: Stats | None
    warm_ms: Stats | None
    call_usd: float | None
    start_usd: float | None
    kept_usd_per_hour: float | None
    provisioned: int = 0  # sandboxes that were kept ready
    pays: BreakEven | None = None  # of provisioned sandboxes, where it can be computed
    arch: str | None = None  # set where several architectures were compared

    @property
    def name(self) -> str:
        """The way as people read it, with its architecture where there are several."""
        return self.variant if self.arch is None else f"{self.variant} on {self.arch}"


@dataclass(frozen=True)
class CurveBand:
    """The fitted curve on a grid of sizes, for drawing; all arrays have the same shape."""

    memory_mb: IntArray
    p50_ms: FloatArray
    p95_ms: FloatArray
    p99_ms: FloatArray
    mean_ms: FloatArray
    mean_low_ms: FloatArray
    mean_high_ms: FloatArray
    cost_usd_per_million: FloatArray
    cost_low: FloatArray
    cost_high: FloatArray


@dataclass(frozen=True)
class ModelCard:
    """The fitted curve and how well it fits."""

    family: str
    parameters: Mapping[str, float]
    fit_error: float | None  # relative root mean square error of the curve at the measured sizes
    alternatives: tuple[tuple[str, float], ...] = ()  # family, weight; weights sum to 1


@dataclass(frozen=True)
class RunnerUp:
    """A size that was not chosen, and why not."""

    memory_mb: int
    cost_usd_per_million: float | None
    duration_ms: float | None
    why_not: str
    arch: str | None = None  # None: the recommended one


@dataclass(frozen=True)
class VersusCurrent:
    """The pick against the size that the function has now; -0.31 means 31 % less."""

    memory_mb: int
    cost_change: float | None
    duration_change: float | None
    arch: str | None = None  # None: the recommended one
    cost_change_low: float | None = None  # its 90 % interval; None: not known
    cost_change_high: float | None = None


@dataclass(frozen=True)
class Choice:
    """A size for one goal, as measured, beside the size now (changes: -0.31 is 31 % less)."""

    name: str  # "cheapest", "balanced", "fastest"
    memory_mb: int
    arch: str
    cost_usd_per_million: float
    duration_ms: float  # mean
    verified_calls: int
    cost_change: float | None
    duration_change: float | None


@dataclass(frozen=True)
class Recommendation:
    """The answer, how sure it is, and why."""

    memory_mb: int
    arch: str
    strategy: str
    slo: tuple[str, ...]
    meets_slo: bool | None  # None: no SLO was given
    cost_usd_per_million: Interval | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    confidence: float | None  # probability that the pick is ``within`` that of the best
    safe_range_mb: tuple[int, int] | None
    reasons: tuple[str, ...] = ()
    runners_up: tuple[RunnerUp, ...] = ()
    versus_current: VersusCurrent | None = None
    verified_calls: int = 0  # warm calls of the recommended size itself
    choices: tuple[Choice, ...] = ()
    meets_probability: float | None = None  # that it meets the objectives, by calls alone
    missed_slo: tuple[str, ...] = ()  # objectives that it misses even if there were no others
    within: float = 0.05  # as a share, of what the strategy chooses for; not in JSON
    calls_to_tell: int | None = None  # more calls that would tell it from its rival; not in JSON


@dataclass(frozen=True)
class MonthAtSize:
    """A month's bill at one size in US dollars, by item, and what it would be otherwise.

    ``duration_usd`` is in its volume tiers and without INIT, which is ``init_usd``: items add up to
    the total, and none is below 0. ``None`` is a price that is not known.
    """

    memory_mb: int
    role: str  # "recommended", "current", "runner-up"
    requests_usd: float
    duration_usd: float
    init_usd: float | None  # None: no cold start was measured
    ephemeral_usd: float | None  # /tmp above 512 MB
    total_usd: float
    free_tier_usd: float | None  # total with the whole account's free tier
    savings_no_upfront_usd: float | None  # total under a Compute Savings Plan
    savings_all_upfront_usd: float | None
    other_arch_usd: float | None  # total at the other architecture's price, durations as they are


@dataclass(frozen=True)
class ProvisionedOffer:
    """Break-even of provisioned concurrency at the recommended size, latency aside."""

    break_even: float  # how busy, 0 to 1, a provisioned sandbox has to be
    busy: float  # how busy the first one would be
    pays_from_per_second: float  # steady calls per second from which the first one pays
    sandboxes: int  # how many would pay at this traffic
    total_usd: float | None  # the month with so many; None for none


@dataclass(frozen=True)
class Monthly:
    """A month of production's traffic, billed at each size that is worth naming."""

    traffic: str
    calls: float
    cold_share: float
    cold_share_from: str
    arch: str
    other_arch: str
    sizes: tuple[MonthAtSize, ...]
    provisioned: ProvisionedOffer | None  # None: its price is not known


@dataclass(frozen=True)
class Opportunity:
    """Something that is worth doing beside the size. Savings are at most so much; ``saves_ms`` is
    for a call that it concerns. ``danger``: calls may fail. ``brief`` is a few words for a
    headline, where it may be the news.
    """

    code: str  # "init", "package", "snapstart", "provisioned", "arm64", "memory", "timeout", "logs"
    text: str
    basis: str
    saves_usd_per_million: float | None = None
    saves_usd_per_month: float | None = None  # None: no traffic was given
    saves_ms: float | None = None
    share_of_bill: float | None = None
    danger: bool = False
    brief: str = ""


@dataclass(frozen=True)
class SizeTerms:
    """A size as it was called, for bills and choices at other traffic; mean milliseconds."""

    memory_mb: int
    calls: int
    duration_ms: float
    warm_billed_ms: float
    cold_billed_ms: float  # as warm ones, where no cold start was measured at any size
    init_billed_ms: float  # what INIT takes of that
    allowed: bool  # it likely meets the objectives
    verified: bool  # it was called often enough to be the cheapest or recommended


@dataclass(frozen=True)
class WhatIf:
    """Everything that bills and choices at another traffic or cold share rest on.

    ``tiers`` are GB-seconds of a month and the price from there on. ``favour`` is how many times
    the least score the pick's may be, where it keeps being chosen.
    """

    sizes: tuple[SizeTerms, ...]
    month_calls: float | None  # None: no traffic was given
    cold_share: float
    cold_known: bool
    request_usd: float
    gb_second_usd: float
    ephemeral_second_usd: float
    tiers: tuple[tuple[float, float], ...]
    strategy: str
    worth: float
    exponent: float
    too_dear: float
    balance: float
    pick_mb: int
    favour: float


@dataclass(frozen=True)
class Spend:
    """Invocations, money and time that the run itself used up."""

    invocations: int
    cost_usd: float | None
    seconds: float


@dataclass(frozen=True)
class Sweep:
    """A whole sweep, measured and answered; see the JSON schema ``tuner.sweep/1``.

    Where architectures were compared this is the chosen one's, ``beside`` are those of the
    others, and ``chances`` the probability of each to be the best; ``arch`` is whose it is.
    """

    run: RunRecord
    sizes: tuple[SizeRow, ...]
    model: ModelCard | None
    band: CurveBand | None
    recommendation: Recommendation | None
    spend: Spend
    warnings: tuple[Advice, ...] = ()
    pareto_mb: tuple[int, ...] = ()  # measured sizes that no other beats in both cost and speed
    price: Mapping[str, str | float | None] = field(
        default_factory=dict
    )  # region, date, source, rates
    report: str | None = None
    power_tuning_url: str | None = None
    monthly: Monthly | None = None  # None: no traffic was given
    what_if: WhatIf | None = None  # None: the answer rests on more than calls that were made alone
    cross_check: CrossCheck | None = None  # None: CloudWatch was not asked
    load: LoadTerms | None = None  # what sizes were put under; None: nothing
    variants: tuple[StartupRow, ...] = ()  # ways to start that were compared
    causes: tuple[Cause, ...] = ()  # of failures at all sizes, the most frequent first
    opportunities: tuple[Opportunity, ...] = ()  # beside the size, the most urgent first
    arch: str = ""
    beside: "tuple[Sweep, ...]" = ()
    chances: Mapping[str, float] = field(default_factory=dict)
    payloads: "tuple[Sweep, ...]" = ()  # of each class of payloads alone, if there are several
    payload: str = ""  # the class whose it is, and its weight; empty: that of all
    weight: float = 1.0
    between_runs: RunSpread | None = None  # None: a recording, or nothing was asked

    @property
    def each(self) -> "tuple[Sweep, ...]":
        """The sweeps of all architectures, the chosen one's first."""
        return (self, *self.beside)

    @property
    def current_mb(self) -> int | None:
        """The size now, if that is on this architecture."""
        here = self.arch in ("", self.run.facts.arch)
        return self.run.facts.now_mb if here else None
