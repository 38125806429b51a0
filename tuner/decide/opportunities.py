"""What is worth doing beside the size: each with money or milliseconds, and what that rests on.

Reads a finished sweep, its function's facts, and prices; measures and changes nothing. Savings are
upper bounds: what would be left if a cost, or a wait, were gone.
"""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, replace

from tuner.billing.cost import cached_per_s, cost_usd, logs_usd, restore_usd
from tuner.decide.goal import Goal
from tuner.decide.month import Priced
from tuner.decide.result import Opportunity, Recommendation, SizeRow, Sweep
from tuner.model.quantiles import Stats
from tuner.planning.estimate import LOG_BYTES
from tuner.records import MEMORY_MAX_MB, MEMORY_MIN_MB, FunctionFacts
from tuner.units import (
    SECONDS_PER_MONTH,
    counted,
    format_memory,
    format_ms,
    format_share,
    format_times,
    format_usd,
)

MILLION = 1e6
#: The share of cold starts where production's is not known; below it in most accounts (AWS,
#: "AWS Lambda standardizes billing for INIT phase", 2025-04-29).
ASSUMED_SHARE = 0.01
#: INIT of an empty function in ms, zip on x86_64: the median over a runtime's versions
#: (maxday/lambda-perf, 2026-08-22).
EMPTY_INIT_MS = {"python": 85.0, "nodejs": 134.0, "ruby": 230.0, "dotnet": 243.0, "java": 200.0}
#: Runtimes with SnapStart ("Improving startup performance with Lambda SnapStart", 2026).
_SNAP_START = ("python3.12", "python3.13", "python3.14", "java", "dotnet8", "dotnet10")
#: Below these nothing is said: INIT in ms, its share of the bill, how much longer a cold start
#: takes than a slow warm call, how much above an empty function's INIT is worth a look.
_LEAST_INIT_MS, _LEAST_SHARE, _LEAST_TIMES, _ABOVE_EMPTY = 200.0, 0.05, 10.0, 1.5
#: Of a smaller package nothing is won by leaving files out.
_SMALL_BYTES = 1_000_000
#: Memory used and time taken that are too near to their limits, or far below them.
FULL, _EMPTY, NEAR_TIMEOUT, _FAR_TIMEOUT, _LONG_TIMEOUT_S = 0.85, 0.25, 0.5, 50.0, 60.0
#: Parts of the bill below which logs and another architecture's price are no news.
LEAST_LOGS, _LEAST_CHEAPER = 0.25, 0.02


def opportunities(sweep: Sweep, goal: Goal, prices: Priced) -> tuple[Opportunity, ...]:
    """Everything that would pay, the most urgent first; nothing without a measured pick."""
    row = None if sweep.recommendation is None else _row(sweep, sweep.recommendation)
    if sweep.recommendation is None or row is None or row.warm.duration_ms is None:
        return ()
    if (month := sweep.monthly) is not None:  # the share of its traffic is derived there
        goal = replace(goal, cold_share=month.cold_share, cold_share_from=month.cold_share_from)
    case = _Case(sweep, sweep.recommendation, row, goal, prices)
    parts = (_memory, _timeout, _init, _package, _snap_start, _provisioned, _arm64, _logs)
    found = [each for part in parts for each in part(case)]
    return tuple(sorted(found, key=_urgency))


def _urgency(found: Opportunity) -> tuple[bool, bool, float]:
    """Dangers, then INIT, which a sweep of sizes does not show, then parts of the bill."""
    return not found.danger, found.code not in ("init", "package"), -(found.share_of_bill or 0.0)


def _row(sweep: Sweep, pick: Recommendation) -> SizeRow | None:
    return next((row for row in sweep.sizes if row.memory_mb == pick.memory_mb), None)


@dataclass(frozen=True)
class _Case:
    """The recommended size: how it was measured, and what production is like."""

    sweep: Sweep
    pick: Recommendation
    row: SizeRow
    goal: Goal
    prices: Priced

    @property
    def facts(self) -> FunctionFacts:
        return self.sweep.run.facts

    @property
    def cold_share(self) -> tuple[float, bool]:
        """Share of cold starts, 0 to 1, and True if it is known."""
        known = bool(self.goal.cold_share_from)
        return (self.goal.cold_share, True) if known else (ASSUMED_SHARE, False)

    @property
    def share_from(self) -> str:
        share, known = self.cold_share
        shown = format_share(share)
        if known:
            return f"{shown} cold starts, {self.goal.cold_share_from}"
        return f"{shown} cold starts are assumed, --traffic or --cold-share says better"

    @property
    def init_ms(self) -> float | None:
        """Median INIT: at this size, else over all, as memory hardly changes it."""
        seen = self.row.cold.init_ms
        others = [each.cold.init_ms.p50 for each in self.sweep.sizes if each.cold.init_ms]
        return seen.p50 if seen else statistics.median(others) if others else None

    @property
    def init_billed_ms(self) -> float:
        """Milliseconds of INIT that a cold call is billed for, as bills have it; where there is no
        bill of single calls, the median INIT."""
        sizes = self.sweep.what_if.sizes if self.sweep.what_if else ()
        own = (each.init_billed_ms for each in sizes if each.memory_mb == self.pick.memory_mb)
        return next(own, self.init_ms or 0.0)

    @property
    def started(self) -> SizeRow | None:
        """The size whose cold starts are told: this one, else the next that has any."""
        seen = [each for each in self.sweep.sizes if each.cold.init_ms and each.cold.total_ms]
        return min(seen, key=lambda each: abs(each.memory_mb - self.pick.memory_mb), default=None)

    def usd(self, ms: float) -> float:
        """US dollars of so many billed milliseconds, without the request fee."""
        return cost_usd(ms, self.pick.memory_mb, self.prices.own, calls=0)

    @property
    def bill_usd(self) -> float:
        """US dollars of a million calls, INIT included."""
        cost = self.pick.cost_usd_per_million
        share, known = self.cold_share
        init = 0.0 if known else share * self.usd(self.init_billed_ms) * MILLION
        return (cost.mean if cost else 0.0) + init

    def saving(self, usd_per_million: float, found: Opportunity) -> Opportunity:
        """The opportunity with what it saves at most, and its share of the bill."""
        month = self.goal.demand.month_calls / MILLION if self.goal.demand else None
        return replace(
            found,
            saves_usd_per_million=usd_per_million,
            saves_usd_per_month=None if month is None else usd_per_million * month,
            share_of_bill=usd_per_million / self.bill_usd if self.bill_usd else None,
        )


def _init(case: _Case) -> Iterator[Opportunity]:
    """INIT's part of the bill, as the bill has it, and which percentile of callers waits for it.
    All that it says of a cold start and of a warm call is the medians of one size."""
    init, slow, at = case.init_ms, case.pick.p99_ms or 0.0, case.started
    if init is None or at is None or at.cold.init_ms is None or at.cold.total_ms is None:
        return
    share, known = case.cold_share
    usd, first = share * case.usd(case.init_billed_ms) * MILLION, at.cold.total_ms.p50
    part = usd / case.bill_usd if case.bill_usd else 0.0
    usual = at.warm.duration_ms
    if part < _LEAST_SHARE and (init < _LEAST_INIT_MS or first < _LEAST_TIMES * slow):
        return
    would = "is" if known else "would be"
    worst = next((name for name, least in _PERCENTILES if share >= least), None)
    waits = f" and {would} what {worst} waits" if worst else ""
    brief = (
        f"INIT takes {format_ms(at.cold.init_ms.p50)} of a cold start, {format_share(part)} of the "
        f"bill{f' and what {worst} waits' if worst else ''} at "
        f"{'' if known else 'an assumed '}{format_share(share)} of cold starts"
    )
    text = (
        f"At {format_memory(at.memory_mb)} INIT takes {format_ms(at.cold.init_ms.p50)}; with it a "
        f"call takes {format_ms(first)}{_times(first, usual)}.{_elsewhere(case, at)} At "
        f"{format_share(share)} cold starts it {would} {format_share(part)} of the bill{waits}."
    )
    count = sum(each.cold.n for each in case.sweep.sizes)
    basis = f"{counted(count, 'cold start')} measured; {case.share_from}"
    found = Opportunity("init", text, basis, brief=brief)
    longer = None if usual is None else first - usual.p50
    yield case.saving(usd, replace(found, saves_ms=longer))


def _times(first_ms: float, warm: Stats | None) -> str:
    """How many times as long as the median warm call of the same size a cold start takes."""
    if warm is None:
        return ""
    times = format_times(max(1.0, first_ms / warm.p50))
    return f", {times} its median warm call of {format_ms(warm.p50)}"


def _elsewhere(case: _Case, at: SizeRow) -> str:
    """Say that the recommended size itself was not measured cold."""
    if at is case.row:
        return ""
    return f" {format_memory(case.pick.memory_mb)} has no cold start of its own."


#: The lowest percentile that a cold start is the answer of, by the least share of cold starts.
_PERCENTILES = (("p90", 0.1), ("p95", 0.05), ("p99", 0.01), ("p99.9", 0.001))


def _package(case: _Case) -> Iterator[Opportunity]:
    """What of INIT is the function's own: its imports, and the size of its package."""
    init, facts = case.init_ms, case.facts
    empty = EMPTY_INIT_MS.get((facts.runtime or "").rstrip("0123456789.x"))
    if init is None or empty is None or init < max(_LEAST_INIT_MS, _ABOVE_EMPTY * empty):
        return
    size, smaller = "", ": smaller packages load faster"
    if facts.code_bytes is not None and facts.code_bytes < _SMALL_BYTES:
        smaller = ""
    elif facts.code_bytes is not None:
        size = f" The package has {facts.code_bytes / 1e6:,.1f} MB."
    text = (
        f"Up to {format_ms(init - empty)} of INIT is the function's own code and imports.{size} "
        f"Leave out what is not needed and import the rest when it is used{smaller}."
    )
    basis = f"an empty {facts.runtime} function starts in {format_ms(empty)}; {case.share_from}"
    usd = case.cold_share[0] * case.usd(init - empty) * MILLION
    yield case.saving(usd, Opportunity("package", text, basis, saves_ms=init - empty))


def _snap_start(case: _Case) -> Iterator[Opportunity]:
    """A snapshot in place of INIT: at most all of it, and what snapshots cost."""
    facts, init, own = case.facts, case.init_ms, case.prices.own
    fits = facts.package == "zip" and (facts.runtime or "").startswith(_SNAP_START)
    if init is None or init < _LEAST_INIT_MS or not fits or facts.snap_start:
        return
    kept = cached_per_s(case.pick.memory_mb, own, facts.runtime)
    restore = restore_usd(case.pick.memory_mb, own, facts.runtime)
    if kept is None or restore is None:
        return
    month, share = kept * SECONDS_PER_MONTH, case.cold_share[0]
    each = share * (case.usd(init) - restore) * MILLION
    costs = f" and costs {format_usd(month)} a month and version to keep" if month else ""
    text = (
        f"SnapStart takes a restore in place of {format_ms(init)} of INIT{costs}. Measure it: "
        f"tuner cold {case.sweep.run.target} --variants on-demand,snapstart"
    )
    basis = f"prices of {own.region}; a restore's own time is not known; {case.share_from}"
    found = Opportunity("snapstart", text, basis, saves_ms=init)
    if case.goal.demand is None:
        yield found
        return
    saved = each * case.goal.demand.month_calls / MILLION - month
    yield replace(found, saves_usd_per_month=saved)


def _provisioned(case: _Case) -> Iterator[Opportunity]:
    """Provisioned concurrency, where it pays by money alone."""
    month = case.sweep.monthly
    offer = month.provisioned if month else None
    if month is None or offer is None or not offer.sandboxes or offer.total_usd is None:
        return
    saved = month.sizes[0].total_usd - offer.total_usd
    if saved <= 0.0:
        return
    text = (
        f"{counted(offer.sandboxes, 'provisioned sandbox', 'es')} would save {format_usd(saved)} a "
        "month, and calls there would not start cold."
    )
    basis = f"{month.traffic}, even; a sandbox pays when busy {format_share(offer.break_even)}"
    found = Opportunity("provisioned", text, basis, saves_usd_per_month=saved)
    yield replace(found, share_of_bill=saved / month.sizes[0].total_usd)


def _arm64(case: _Case) -> Iterator[Opportunity]:
    """The other architecture's price for the same durations."""
    own, other, warm = case.prices.own, case.prices.other, case.row.warm.billed_ms
    if own.arch != "x86_64" or other is None or warm is None:
        return
    size = case.pick.memory_mb
    saved = (cost_usd(warm.mean, size, own) - cost_usd(warm.mean, size, other)) * MILLION
    if saved < _LEAST_CHEAPER * case.bill_usd:
        return
    part = format_share(saved / case.bill_usd)
    text = f"arm64 costs {part} less if it takes as long: measure with --architectures both."
    basis = f"prices of {own.region}, durations as measured on {own.arch}"
    yield case.saving(saved, Opportunity("arm64", text, basis))


def more_memory(used_mb: float) -> str:
    """Say which size has room for so much memory used (MB): a multiple of 64, or Lambda's largest,
    and then what else there is."""
    size = used_mb / FULL // 64 * 64 + 64
    if size > MEMORY_MAX_MB:
        return f"Use less: Lambda has {format_memory(MEMORY_MAX_MB)} at most"
    return f"Keep {format_memory(size)} or more"


def _memory(case: _Case) -> Iterator[Opportunity]:
    """Memory used against the recommended size: too much of it, or far less than is paid for."""
    used, size = case.row.warm.max_memory_mb, case.pick.memory_mb
    if used is None:
        return
    if used < _EMPTY * size and size > MEMORY_MIN_MB:
        text = f"{used:,.0f} of {format_memory(size)} is used: the rest is paid for its CPU alone."
        yield Opportunity("memory", text, f"the most of {counted(case.row.warm.n, 'call')}")
    if used < FULL * size:
        return
    text = (
        f"{used:,.0f} of {format_memory(size)} is used: an event that needs more ends the call. "
        f"{more_memory(used)}."
    )
    calls = f"the most of {counted(case.row.warm.n, 'call')}"
    yield Opportunity("memory", text, calls, danger=True)


def _timeout(case: _Case) -> Iterator[Opportunity]:
    """The margin to the timeout: too small, or so large that a hanging call is dear."""
    limit, warm, cold = case.facts.timeout_s, case.row.warm, case.row.cold
    if limit is None or warm.duration_ms is None:
        return
    worst = max(warm.duration_ms.max, cold.duration_ms.max if cold.duration_ms else 0.0)
    basis = f"the slowest of {counted(warm.n + cold.n, 'call')}, {format_ms(worst)}"
    if worst > NEAR_TIMEOUT * 1000.0 * limit:
        text = (
            f"The slowest call took {format_ms(worst)} of the timeout's {limit:g} s. Allow twice "
            "the slowest."
        )
        yield Opportunity("timeout", text, basis, danger=True)
    elif limit >= _LONG_TIMEOUT_S and 1000.0 * limit > _FAR_TIMEOUT * worst:
        usd = case.usd(1000.0 * limit)
        times = usd * MILLION / case.bill_usd if case.bill_usd else 0.0
        text = (
            f"A call that hangs is billed for the timeout's {limit:g} s: {format_usd(usd)}, as "
            f"much as {times:,.0f} calls."
        )
        yield Opportunity("timeout", text, basis)


def _logs(case: _Case) -> Iterator[Opportunity]:
    """CloudWatch Logs beside the function's bill, for START, END and REPORT alone."""
    usd = logs_usd(LOG_BYTES.low * MILLION / 1e9, case.prices.own)
    hidden = case.facts.log_format == "JSON" and case.facts.system_log_level in ("WARN", "ERROR")
    if usd is None or hidden or usd < LEAST_LOGS * case.bill_usd:
        return
    text = (
        f"Logs cost {format_usd(usd)} per million calls, {format_share(usd / case.bill_usd)} of "
        "the function's own bill, if it prints nothing. JSON logs with SystemLogLevel WARN leave "
        "out START, END and REPORT."
    )
    basis = f"{LOG_BYTES.low:,.0f} bytes a call at CloudWatch's price in {case.prices.own.region}"
    yield case.saving(usd, Opportunity("logs", text, basis))
