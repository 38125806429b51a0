"""What is worth doing about a function in production, judged by its logs and metrics alone.

Nothing is measured here, so a memory size is never recommended: logs of one size cannot tell
whether a function waits or computes. What they can tell is a lower bound of memory, what a sweep
would cost, and how likely it pays for itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from tuner.billing.cost import cost_usd, logs_usd
from tuner.billing.prices import Prices
from tuner.decide.opportunities import FULL, LEAST_LOGS, NEAR_TIMEOUT, more_memory
from tuner.decide.result import Opportunity
from tuner.recording.production import Logged, Use
from tuner.records import MEMORY_MIN_MB
from tuner.units import (
    SECONDS_PER_MONTH,
    format_memory,
    format_ms,
    format_share,
    format_usd,
)

MILLION = 1e6
#: Present size in MB -> what of the cost the best of 128 to 2,048 MB saved, at the shares `_SHARES`
#: of 16 functions recorded on AWS by others (faasdom factors; mbwilding/lambda-benchmark;
#: cebert/aws-lambda-performance-benchmarks; kfigiela/cloud-functions). Between sizes: by their
#: logarithm; above the last one as there.
_FUNCTIONS = 16
_SHARES = (0.0, 0.1, 0.3, 0.5, 0.7, 0.9)
_SAVED: Mapping[int, tuple[float, ...]] = {
    128: (0.0, 0.0, 0.02, 0.04, 0.07, 0.13),
    256: (0.0, 0.0, 0.0, 0.01, 0.03, 0.12),
    512: (0.0, 0.0, 0.02, 0.04, 0.11, 0.31),
    1024: (0.0, 0.0, 0.02, 0.08, 0.28, 0.50),
    1769: (0.0, 0.0, 0.03, 0.09, 0.44, 0.75),
    2048: (0.0, 0.09, 0.12, 0.14, 0.52, 0.76),
}
#: A sweep costs as much as so many calls at the best size, at the median of the same recordings
#: (``pytest -m bench tests/bench/test_decisions.py``).
SWEEP_CALLS = 40
#: Savings by a larger size, at most: steps of CPU shares, see ``tuner.model``.
_UPWARD = 0.05
#: Shares of calls that are no noise any more.
_THROTTLED, _ERRORS = 0.001, 0.01
#: Part of the bill, and dollars a month, below which nothing is said.
_LEAST_SHARE, _LEAST_USD = 0.05, 0.01
#: Calls of a size that make its cost worth comparing, and the least difference.
_ENOUGH, _CHEAPER = 50, 0.03
#: End of support (AWS Lambda developer guide, "Lambda runtimes"); what ended with Amazon Linux 2
#: did on 2026-06-30. Runtimes that are not here have longer, or ended before 2024.
_ENDS: Mapping[str, date] = {
    "python3.7": date(2023, 12, 4),
    "python3.8": date(2024, 10, 14),
    "python3.9": date(2025, 12, 15),
    "python3.10": date(2026, 10, 31),
    "python3.11": date(2027, 6, 30),
    "nodejs14.x": date(2023, 12, 4),
    "nodejs16.x": date(2024, 6, 12),
    "nodejs18.x": date(2025, 9, 1),
    "nodejs20.x": date(2026, 4, 30),
    "nodejs22.x": date(2027, 4, 30),
    "dotnet6": date(2024, 12, 20),
    "dotnet7": date(2024, 5, 14),
    "dotnet8": date(2026, 11, 10),
    "ruby2.7": date(2023, 12, 7),
    "ruby3.2": date(2026, 3, 31),
    "go1.x": date(2024, 1, 8),
    "java8": date(2024, 1, 8),
    "provided": date(2024, 1, 8),
    "provided.al2": date(2026, 6, 30),
}
#: How long before its end a runtime is news, days.
_SOON_DAYS = 180


@dataclass(frozen=True)
class Prospect:
    """What a sweep is likely to save, in US dollars a month: ``expected``, and the middle 80 %."""

    price_usd: float
    expected_usd: float
    low_usd: float
    high_usd: float
    pays: float  # probability that a month's saving is more than the price
    least_mb: int | None  # no size below is safe, by the memory used


@dataclass(frozen=True)
class Assessed:
    """A function in production: the figures of a month, and what is worth doing, by urgency.

    ``cost_usd`` is Lambda's on-demand bill without free tier; without logs it lacks INIT.
    """

    use: Use
    calls: float | None = None
    cost_usd: float | None = None
    with_init: bool = False
    p50_ms: float | None = None
    p95_ms: float | None = None
    used_mb: float | None = None
    cold_share: float | None = None
    init_share: float | None = None  # of the GB-seconds
    throttled_share: float | None = None
    error_share: float | None = None
    logs_usd: float | None = None
    found: tuple[Opportunity, ...] = ()
    prospect: Prospect | None = None

    @property
    def name(self) -> str:
        """The function's name."""
        return self.use.function.name

    @property
    def saves_usd(self) -> float:
        """What another configuration may save, in US dollars a month: the expected saving of a
        sweep, or of another size that its history shows if that is more, and arm64's price. What
        less INIT and fewer logs would save takes changes of the code, and is not in it."""
        by_code = {each.code: each.saves_usd_per_month or 0.0 for each in self.found}
        size = max(by_code.get("size", 0.0), by_code.get("history", 0.0))
        left = 1.0 - size / self.cost_usd if self.cost_usd else 0.0
        return size + by_code.get("arm64", 0.0) * left  # arm64's part of what is left

    @property
    def dangers(self) -> tuple[Opportunity, ...]:
        """What may make calls fail."""
        return tuple(each for each in self.found if each.danger)


def assess(use: Use, span_s: float, own: Prices, arm: Prices | None, today: date) -> Assessed:
    """Judge a function by its use in a span of so many seconds.

    ``own`` are the prices of its architecture, ``arm`` those of arm64 where that is another one.
    """
    case = _Case(use, SECONDS_PER_MONTH / span_s, own, arm, today)
    found = [each for part in _PARTS for each in part(case)]
    prospect = case.prospect
    if prospect is not None:
        found += _size(case, prospect)
    # Dangers first, then by money.
    found.sort(key=lambda each: (not each.danger, -(each.saves_usd_per_month or 0.0)))
    logged, counted = case.all, use.counted
    timed = logged or counted
    calls = use.calls
    return Assessed(
        use=use,
        calls=None if calls is None else calls * case.months,
        cost_usd=case.cost_usd,
        with_init=logged is not None,
        p50_ms=timed.p50_ms if timed else None,
        p95_ms=timed.p95_ms if timed else None,
        used_mb=case.used_mb,
        cold_share=logged.cold / logged.calls if logged else None,
        init_share=case.init_share,
        throttled_share=case.throttled_share,
        error_share=case.error_share,
        logs_usd=case.logs_usd,
        found=tuple(found),
        prospect=prospect,
    )


@dataclass(frozen=True)
class _Case:
    """A function, and how many spans are a month."""

    use: Use
    months: float
    own: Prices
    arm: Prices | None
    today: date

    @property
    def all(self) -> Logged | None:
        """All REPORTs together; the size is that of most calls, and no figure rests on it."""
        found: Logged | None = None
        for each in sorted(self.use.logged, key=lambda each: -each.calls):
            found = each if found is None else found + each
        return found if found is not None and found.calls else None

    @property
    def duration_usd(self) -> float | None:
        """GB-seconds of a month. As logged, for as many calls as were counted; else the metrics'
        durations, which are without INIT, at the present size."""
        of, calls = self.use.function, self.use.calls
        if self.use.logged and calls:
            usd = sum(self._gb_s_usd(each.billed_ms, each.memory_mb) for each in self.use.logged)
            logged = sum(each.calls for each in self.use.logged)
            return usd / logged * calls * self.months if logged else None
        counted = self.use.counted
        if counted is None or counted.duration_ms is None:
            return None
        return self._gb_s_usd(counted.duration_ms, of.memory_mb) * self.months

    def _gb_s_usd(self, billed_ms: float, memory_mb: int) -> float:
        ephemeral = self.use.function.ephemeral_mb
        return cost_usd(billed_ms, memory_mb, self.own, ephemeral, calls=0)

    @property
    def cost_usd(self) -> float | None:
        duration, calls = self.duration_usd, self.use.calls
        if calls == 0.0:
            return 0.0
        if duration is None or calls is None or self.use.function.unfit:
            return None
        return duration + calls * self.months * self.own.request_usd

    @property
    def used_mb(self) -> float | None:
        known = [each.used_mb for each in self.use.logged if each.used_mb is not None]
        return max(known, default=None)

    @property
    def init_share(self) -> float | None:
        total = self.all
        return total.init_ms / total.billed_ms if total and total.billed_ms else None

    @property
    def throttled_share(self) -> float | None:
        counted = self.use.counted
        if counted is None or counted.throttles is None:
            return None
        asked = counted.invocations + counted.throttles
        return counted.throttles / asked if asked else 0.0

    @property
    def error_share(self) -> float | None:
        counted = self.use.counted
        if counted is None or counted.errors is None or not counted.invocations:
            return None
        return counted.errors / counted.invocations

    @property
    def logs_usd(self) -> float | None:
        counted = self.use.counted
        if counted is None or counted.log_bytes is None:
            return None
        return logs_usd(counted.log_bytes * self.months / 1e9, self.own)

    @property
    def span(self) -> str:
        return f"its last {SECONDS_PER_MONTH / self.months / 86_400.0:.0f} days"

    @property
    def prospect(self) -> Prospect | None:
        """What a sweep would cost and save; ``None`` without a bill that memory decides."""
        duration, calls, cost = self.duration_usd, self.use.calls, self.cost_usd
        if not duration or not calls or not cost:
            return None
        now, used = self.use.function.memory_mb, self.used_mb
        least = None if used is None else max(MEMORY_MIN_MB, int(np.ceil(used / FULL)))
        most = 1.0 if least is None else max(1.0 - least / now, _UPWARD)
        saved = np.minimum(_quantiles(now), most) * duration
        price = SWEEP_CALLS * cost / (calls * self.months)
        grid = np.interp(_GRID, _SHARES, saved)
        low, high = np.interp((0.1, 0.9), _SHARES, saved).tolist()
        return Prospect(
            price,
            float(grid.mean()),
            low,
            high,
            # Of so few functions none is certain: Laplace's rule of succession.
            pays=float(((grid > price).mean() * _FUNCTIONS + 1.0) / (_FUNCTIONS + 2.0)),
            least_mb=least,
        )


#: Even shares of functions.
_GRID = (np.arange(50) + 0.5) / 50


def _quantiles(memory_mb: int) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Savings at `_SHARES` for a present size."""
    sizes = np.log([*_SAVED])
    columns = np.array([*_SAVED.values()]).T
    return np.array([np.interp(np.log(memory_mb), sizes, column) for column in columns])


def _size(case: _Case, prospect: Prospect) -> Iterator[Opportunity]:
    """What a sweep is worth."""
    now = case.use.function.memory_mb
    if prospect.expected_usd < _LEAST_USD or prospect.pays < 0.5:
        return
    bound = (
        ""
        if prospect.least_mb is None or prospect.least_mb <= MEMORY_MIN_MB
        else f" Memory used forbids sizes below {format_memory(prospect.least_mb)}."
    )
    advised = case.use.advised_mb
    also = "" if advised is None else f" Compute Optimizer advises {format_memory(advised)}."
    text = (
        f"A sweep costs about {format_usd(prospect.price_usd)} and pays for itself within a month "
        f"with a chance of {format_share(prospect.pays)}: likely {format_usd(prospect.low_usd)} to "
        f"{format_usd(prospect.high_usd)} a month.{bound}{also}"
    )
    basis = (
        f"what the best size saved of {_FUNCTIONS} recorded functions at {format_memory(now)}; "
        "logs of one size cannot tell whether it waits or computes"
    )
    yield Opportunity("size", text, basis, saves_usd_per_month=prospect.expected_usd)


def _memory(case: _Case) -> Iterator[Opportunity]:
    now, here = case.use.function.memory_mb, case.use.now
    if here is None or here.used_mb is None or here.used_mb < FULL * now:
        return
    text = (
        f"{here.used_mb:,.0f} of {format_memory(now)} is used: a call that needs more ends. "
        f"{more_memory(here.used_mb)}."
    )
    yield Opportunity("memory", text, f"the most of {here.calls:,} calls", danger=True)


def _timeout(case: _Case) -> Iterator[Opportunity]:
    limit, counted, logged = case.use.function.timeout_s, case.use.counted, case.all
    slowest = [each.max_ms for each in (counted, logged) if each and each.max_ms is not None]
    worst = max(slowest, default=0.0)
    if worst < NEAR_TIMEOUT * 1000.0 * limit:
        return
    took = f"The slowest call took {format_ms(worst)}"
    text = f"{took} of the timeout's {limit:g} s. Allow twice as long."
    if worst >= 1000.0 * limit:
        text = f"{took} and reached the timeout of {limit:g} s."
    yield Opportunity("timeout", text, case.span, danger=True)


def _throttles(case: _Case) -> Iterator[Opportunity]:
    share, counted = case.throttled_share, case.use.counted
    if counted is None or not counted.throttles or (share or 0.0) < _THROTTLED:
        return
    text = f"{counted.throttles:,.0f} calls were throttled, {format_share(share)} of all asked for."
    yield Opportunity("throttles", text, case.span, danger=True)


def _errors(case: _Case) -> Iterator[Opportunity]:
    counted, share = case.use.counted, case.error_share
    if counted is None or share is None or share < _ERRORS:
        return
    text = f"{counted.errors:,.0f} calls failed, {format_share(share)} of all."
    yield Opportunity("errors", text, case.span, danger=True)


def _runtime(case: _Case) -> Iterator[Opportunity]:
    runtime = case.use.function.runtime or ""
    ends = _ENDS.get(runtime)
    if ends is None or (ends - case.today).days > _SOON_DAYS or case.use.calls == 0.0:
        return
    over = ends <= case.today
    text = f"AWS {'ended' if over else 'ends'} support of {runtime} on {ends.isoformat()}."
    yield Opportunity("runtime", text, "AWS's list of runtimes", danger=over)


def _init(case: _Case) -> Iterator[Opportunity]:
    """INIT's part of the bill: an upper bound of what less INIT saves."""
    share, duration, total = case.init_share, case.duration_usd, case.all
    if share is None or duration is None or total is None or share < _LEAST_SHARE:
        return
    each = total.init_ms / total.cold
    text = (
        f"INIT is {format_share(share)} of the GB-seconds: {total.cold:,} cold starts of "
        f"{format_ms(each)} in {total.calls:,} calls. Fewer imports, a smaller package or "
        "SnapStart shorten it."
    )
    yield from _saving(case, Opportunity("init", text, case.span), share * duration)


def _arm64(case: _Case) -> Iterator[Opportunity]:
    """The other architecture's price for the same durations."""
    duration = case.duration_usd
    if case.arm is None or not duration or case.use.function.package == "image":
        return
    part = 1.0 - case.arm.gb_second_usd / case.own.gb_second_usd
    text = f"arm64 costs {format_share(part)} less for a GB-second, if it takes as long."
    basis = f"prices of {case.own.region}; measure with tuner sweep --architectures both"
    yield from _saving(case, Opportunity("arm64", text, basis), part * duration)


def _logs(case: _Case) -> Iterator[Opportunity]:
    cost, logs = case.cost_usd, case.logs_usd
    if not cost or not logs or logs < LEAST_LOGS * cost:
        return
    text = (
        f"Its logs cost {format_usd(logs)} a month, {format_share(logs / cost)} of the function's "
        "own bill: log less, or use the Infrequent Access class."
    )
    yield from _saving(case, Opportunity("logs", text, "bytes that CloudWatch counted"), logs)


def _history(case: _Case) -> Iterator[Opportunity]:
    """Another size that it has run at, where that was cheaper by the call."""
    ephemeral_mb = case.use.function.ephemeral_mb
    now, sizes = case.use.now, _known_costs(case.use.logged, case.own, ephemeral_mb)
    if now is None or now.memory_mb not in sizes or len(sizes) < 2:
        return
    best = min(sizes, key=lambda size: sizes[size])
    saved = 1.0 - sizes[best] / sizes[now.memory_mb]
    if saved < _CHEAPER or case.cost_usd is None:
        return
    text = (
        f"At {format_memory(best)} its calls cost {format_usd(sizes[best])} per million, at "
        f"{format_memory(now.memory_mb)} {format_usd(sizes[now.memory_mb])}, if code and events "
        "were alike."
    )
    yield from _saving(case, Opportunity("history", text, case.span), saved * case.cost_usd)


def _known_costs(logged: Sequence[Logged], own: Prices, ephemeral_mb: float) -> dict[int, float]:
    """US dollars per million calls by size, of sizes with enough calls."""
    return {
        each.memory_mb: MILLION
        * cost_usd(each.billed_ms / each.calls, each.memory_mb, own, ephemeral_mb)
        for each in logged
        if each.calls >= _ENOUGH
    }


def _saving(case: _Case, found: Opportunity, usd: float) -> Iterator[Opportunity]:
    """The opportunity with its money a month, if that is any."""
    if usd >= _LEAST_USD:
        share = usd / case.cost_usd if case.cost_usd else None
        yield Opportunity(
            found.code, found.text, found.basis, saves_usd_per_month=usd, share_of_bill=share
        )


_PARTS = (_memory, _timeout, _throttles, _errors, _runtime, _history, _arm64, _init, _logs)
