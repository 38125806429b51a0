"""Sweeps with realistic figures: one that went well, one that did not, one with nothing."""

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np

from support.factories import a_function, a_run, a_sample
from tuner.billing.cost import BreakEven
from tuner.decide.goal import parse_slo
from tuner.decide.load_result import Load, SizeUnderLoad, judge
from tuner.decide.result import (
    Choice,
    ColdRow,
    CurveBand,
    Interval,
    ModelCard,
    MonthAtSize,
    Monthly,
    ProvisionedOffer,
    Recommendation,
    RunnerUp,
    SizeRow,
    SizeTerms,
    Spend,
    StartupRow,
    Sweep,
    VersusCurrent,
    WarmRow,
    WhatIf,
)
from tuner.decide.what_if import chosen
from tuner.engine.engine import Shortfall
from tuner.engine.profiles.pace import Constant
from tuner.engine.profiles.profile import Phase, Profile
from tuner.measure.load_figures import LoadFigures, LoadTally
from tuner.model.quantiles import Stats
from tuner.records import (
    Advice,
    Backend,
    Outcome,
    Purpose,
    RunState,
)
from tuner.report.load_document import load_document
from tuner.store.documents import Ending, LoadTerms

SIZES = (128, 192, 256, 384, 512, 768, 1024, 1280, 1536)
GB_SECOND, REQUEST = 0.0000166667, 0.0000002
NOTHING_WARM = WarmRow(0, None, None, None, None)
NOTHING_COLD = ColdRow(0, None, None, None, None)

FACTS = a_function(
    "demo-mixed",
    backend=Backend.LOCAL,
    memory_mb=128,
    timeout_s=10.0,
    platform=MappingProxyType(
        {
            "cpu_method": "cgroup-v2",
            "cpu_period_ms": 20.0,
            "cpu_share": [
                {"memory_mb": 256, "asked": 0.1447, "applied": 0.1444, "error": -0.0021},
                {"memory_mb": 1024, "asked": 0.5789, "applied": 0.5857, "error": 0.0117},
            ],
            "cores": 2,
            "largest_exact_mb": 3538,
            "memory_method": "cgroup-v2",
            "machine": "x86_64",
            "python": "3.13.1",
            "stands_in_for": ["python3.12"],
            "time_scale": 1.0,
            "kernel": "6.1.0",
        }
    ),
)
RUN = a_run(
    "01JDS4ZK3V9Y0M6T1R8Q5W2XAB",
    target="demo:mixed",
    options={"memory": "128:1536", "method": "adaptive", "cold": 5, "strategy": "cost"},
    facts=FACTS,
)


def mean_ms(memory_mb: float) -> float:
    """6 ms of waiting and 14 ms of CPU at a full core, which work at most one thread."""
    return 6.0 + 14.0 * max(1.0, 1769.0 / memory_mb) ** 1.08


def cost(memory_mb: float, ms: float) -> float:
    """USD per million."""
    return 1e6 * (ms / 1000.0 * memory_mb / 1024.0 * GB_SECOND + REQUEST)


def stats(mean: float, n: int = 20, tail: float = 0.08, ci: float = 0.03) -> Stats:
    """Statistics around a mean; ``tail`` is how far p90 lies above the median."""
    p50, p95 = mean * 0.985, mean * (0.985 + 1.4 * tail)
    return Stats(
        n=n,
        mean=mean,
        p50=p50,
        p90=mean * (0.985 + tail),
        p95=p95,
        p99=mean * (0.985 + 2.3 * tail),
        max=mean * (0.985 + 2.6 * tail),
        mean_ci=(mean * (1 - ci), mean * (1 + ci)),
        p50_ci=(p50 * (1 - ci), p50 * (1 + ci)),
        p95_ci=(p95 * (1 - ci), p95 * (1 + 3 * ci)),
    )


def size_row(memory_mb: int) -> SizeRow:
    """A size that was measured well."""
    mean = mean_ms(memory_mb)
    usd = cost(memory_mb, mean)
    init, first = stats(182.0, 5), stats(mean * 1.9 + 4.0, 5)
    return SizeRow(
        memory_mb=memory_mb,
        status="ok",
        reason=None,
        warm=WarmRow(20, stats(mean), stats(mean + 1.3), stats(mean + 0.5), 41.0),
        cold=ColdRow(5, init, first, stats(init.mean + first.mean, 5), stats(400.0, 5)),
        throttles=0,
        retries=0,
        errors=0,
        timeouts=0,
        out_of_memory=0,
        cost_usd_per_million=Interval(usd, usd * 0.975, usd * 1.026),
    )


def failed_row(memory_mb: int, reason: str | None) -> SizeRow:
    """A size of which nothing is known but that it failed."""
    empty = replace(size_row(memory_mb), warm=NOTHING_WARM, cold=NOTHING_COLD)
    return replace(
        empty, status="failed", reason=reason, out_of_memory=3, cost_usd_per_million=None
    )


def band(sizes: np.ndarray) -> CurveBand:
    """The fitted curve at ``sizes`` (n,)."""
    mean = np.array([mean_ms(size) for size in sizes])
    usd = np.array([cost(size, ms) for size, ms in zip(sizes, mean, strict=True)])
    return CurveBand(
        memory_mb=sizes,
        p50_ms=mean * 0.985,
        p95_ms=mean * 1.1,
        p99_ms=mean * 1.17,
        mean_ms=mean,
        mean_low_ms=mean * 0.98,
        mean_high_ms=mean * 1.02,
        cost_usd_per_million=usd,
        cost_low=usd * 0.985,
        cost_high=usd * 1.015,
    )


GOOD_PICK = Recommendation(
    memory_mb=1120,
    arch="x86_64",
    strategy="cost",
    slo=("p95<40ms",),
    meets_slo=True,
    cost_usd_per_million=Interval(0.728, 0.719, 0.741),
    p50_ms=28.5,
    p95_ms=31.8,
    p99_ms=34.0,
    confidence=0.93,
    safe_range_mb=(1080, 1310),
    reasons=(
        "It is the cheapest size whose p95 stays below 40 ms with at least 90 % probability.",
        "Below 1,080 MB the function gets too little CPU to meet p95<40ms.",
        "Above 1,310 MB each call costs more and saves less than 1 ms.",
    ),
    runners_up=(
        RunnerUp(1024, 0.721, 31.2, "1 % cheaper, but p95<40ms is met with 71 % only"),
        RunnerUp(1536, 0.758, 22.3, "6.4 ms faster, but 4 % more expensive"),
    ),
    versus_current=VersusCurrent(128, 0.024, -0.876),
    verified_calls=12,
)


MONTH = Monthly(
    traffic="20/s",
    calls=52_560_000.0,
    cold_share=0.0011,
    cold_share_from="given",
    arch="x86_64",
    other_arch="arm64",
    sizes=(
        MonthAtSize(
            1120, "recommended", 10.51, 27.61, 0.17, 0.0, 38.29, 31.42, 34.97, 33.52, 32.73
        ),
        MonthAtSize(128, "current", 10.51, 26.88, None, 0.0, 37.39, 30.52, None, None, None),
        MonthAtSize(1024, "runner-up", 10.51, 27.39, 0.16, 0.0, 38.06, 31.2, 34.76, 33.31, 32.55),
    ),
    provisioned=ProvisionedOffer(0.6, 0.36, 52.4, 0, None),
)


def good() -> Sweep:
    """Nine sizes, a curve and a recommendation between two of them."""
    return Sweep(
        run=RUN,
        sizes=tuple(size_row(size) for size in SIZES),
        model=ModelCard(
            "wait + CPU share",
            {"wait_ms": 6.02, "cpu_ms": 14.1, "exponent": 1.08},
            0.013,
            (("wait + CPU share", 0.81), ("power law", 0.19)),
        ),
        band=band(np.arange(128, 1537, 8)),
        recommendation=GOOD_PICK,
        spend=Spend(261, 0.0000712, 41.5),
        pareto_mb=(128, 1024, 1280, 1536),
        price={
            "region": "us-east-1",
            "arch": "x86_64",
            "currency": "USD",
            "gb_second_usd": GB_SECOND,
            "request_usd": REQUEST,
            "dated": "2026-09-19",
            "source": "AWS Price List, AWSLambda offer",
        },
        power_tuning_url="https://lambda-power-tuning.show/#gAAAAQ==;AACAQQ==;CtcjPA==",
        monthly=MONTH,
    )


def called() -> Sweep:
    """The good sweep with a pick of the sizes that were called, and all that its page reckons with:
    the three choices, and the terms of other traffic."""
    sizes = []
    for row in good().sizes:
        mean = mean_ms(row.memory_mb)
        sizes.append(
            SizeTerms(row.memory_mb, 20, mean, mean, 2.0 * mean + 182.0, 182.0, True, True)
        )
    terms = WhatIf(
        sizes=tuple(sizes),
        month_calls=MONTH.calls,
        cold_share=0.0,
        cold_known=True,
        request_usd=REQUEST,
        gb_second_usd=GB_SECOND,
        ephemeral_second_usd=0.0,
        tiers=((6e9, GB_SECOND * 0.9),),
        strategy="cost",
        worth=0.03,
        exponent=0.075,
        too_dear=3.0,
        balance=0.5,
        pick_mb=1024,
        favour=1.2,
    )
    found = (
        Choice(name, size, "x86_64", cost(size, mean_ms(size)), mean_ms(size), 20, None, None)
        for name, size in chosen(terms, 0.0).items()
        if name != "recommended"
    )
    pick = replace(GOOD_PICK, memory_mb=1024, verified_calls=20, slo=(), choices=tuple(found))
    now = replace(FACTS, memory_mb=128)
    run = replace(RUN, facts=now)
    return replace(good(), run=run, recommendation=pick, what_if=terms)


def whole_range() -> Sweep:
    """On AWS over 128 to 10,240 MB, with sizes that failed, warnings and a missed objective."""
    sizes = [failed_row(128, "out of memory in 3 of 3 calls"), failed_row(256, None)]
    sizes += [size_row(size) for size in (512, 1024, 1769, 3008, 5120, 10240)]
    sizes[3] = replace(
        sizes[3],
        status="partial",
        reason="only 7 of 20 calls fit the budget",
        warm=replace(sizes[3].warm, n=7),
        throttles=2,
    )
    facts = replace(FACTS, name="orders-api", backend=Backend.AWS, memory_mb=256, platform={})
    options = {"memory": "128:10240", "slo": ["p95<20ms"]}
    run = replace(
        RUN,
        target="orders-api:live",
        state=RunState.PARTIAL,
        note="the budget of $0.05 ran out",
        facts=facts,
        options=options,
    )
    pick = replace(
        GOOD_PICK,
        memory_mb=1769,
        slo=("p95<20ms", "cost<5usd/million"),
        meets_slo=False,
        confidence=0.52,
        safe_range_mb=(1769, 1769),
        versus_current=VersusCurrent(256, 0.19, None),
    )
    warnings = (
        Advice("size-failed", "128 and 256 MB ran out of memory; start the range at 512 MB."),
        Advice("few-samples", "1,024 MB has 7 samples only; raise --max-cost to measure it well."),
    )
    return replace(
        good(),
        run=run,
        sizes=tuple(sizes),
        band=band(np.arange(512, 10241, 64)),
        recommendation=pick,
        warnings=warnings,
        pareto_mb=(512, 1769),
    )


def figures(memory_mb: int, took_ms: float, throttled: int = 0, calls: int = 200) -> LoadFigures:
    """20 calls per second, some of them throttled; the others take 1 % longer each time."""
    tally = LoadTally()
    for number in range(calls):
        lost = number < throttled
        due, ms = number / 20.0, 2.0 if lost else took_ms * (1.0 + number % 20 / 100.0)
        tally.add(
            a_sample(
                memory_mb,
                call=number,
                purpose=Purpose.LOAD,
                outcome=Outcome.THROTTLED if lost else Outcome.OK,
                due_s=due,
                took_s=ms / 1000.0,
                duration_ms=None if lost else ms,
                billed_ms=None if lost else float(round(ms)),
            )
        )
    return tally.figures(calls / 20.0, float(calls), Shortfall(), None)


ASKED = LoadTerms(
    "steady", "the same rate throughout", "poisson", 20.0, None, None, 10.0, "none", 40
)


def size_under_load(memory_mb: int, throttled: int, note: str | None = None) -> SizeUnderLoad:
    """A size under load, judged by its p99 for a caller and its throttles."""
    seen = figures(memory_mb, mean_ms(memory_mb), throttled)
    slos = [parse_slo("client_p99<60ms"), parse_slo("throttles<1%")]
    ending = Ending.CUT if note else Ending.WHOLE
    return SizeUnderLoad(memory_mb, seen, judge(slos, seen, None), 0.73, ending, note)


def under_load() -> Sweep:
    """As :func:`good`, with four sizes put under load: one missed, one met, one was cut short."""
    loads = {
        256: size_under_load(256, 60),
        1024: size_under_load(1024, 0),
        1280: size_under_load(1280, 1),
        1536: size_under_load(1536, 0, "the limit of $0.01 is reached"),
    }
    rows = tuple(replace(row, load=loads.get(row.memory_mb)) for row in good().sizes)
    pick = replace(good().recommendation or GOOD_PICK, memory_mb=1024)
    return replace(good(), sizes=rows, load=ASKED, recommendation=pick)


def compared() -> Sweep:
    """As :func:`good` on arm64, which was chosen, with x86_64 beside it; the function has 128 MB
    on x86_64 now."""
    there = good()
    run = replace(RUN, facts=replace(FACTS, arch="arm64", memory_mb=None))
    pick = replace(
        there.recommendation or GOOD_PICK,
        arch="arm64",
        memory_mb=768,
        confidence=0.97,
        runners_up=(RunnerUp(1120, 0.728, 28.9, "12 % dearer", "x86_64"),),
        versus_current=VersusCurrent(128, -0.12, -0.6, "x86_64"),
    )
    chosen = replace(there, arch="arm64", recommendation=pick, run=run, monthly=None)
    here = replace(there, arch="x86_64", monthly=None)
    chances = {"arm64": 0.985, "x86_64": 0.015}
    return replace(chosen, run=RUN, beside=(here,), chances=chances)


def ways_to_start() -> Sweep:
    """One size, started in three ways, one of which failed."""
    first = stats(420.0)
    demand = StartupRow(
        "on-demand", 512, "ok", None, 5, 0, None, first, stats(380.0), None, stats(12.0),
        stats(10.0), 0.3e-6, 3.2e-6, 0.0,
    )  # fmt: skip
    kept = replace(
        demand, variant="provisioned=5", spilled=1, ready_s=95.0, first_ms=stats(14.0),
        init_ms=None, call_usd=0.25e-6, start_usd=0.0, kept_usd_per_hour=0.0375, provisioned=5,
        pays=BreakEven(None, 0.31),
    )  # fmt: skip
    failed = StartupRow(
        "snapstart", 512, "failed", "AWS made no snapshot of version 7", 0, 0, None, None, None,
        None, None, None, None, None, None,
    )  # fmt: skip
    run = replace(RUN, command="cold")
    return replace(empty(), run=run, sizes=(size_row(512),), variants=(demand, failed, kept))


def empty() -> Sweep:
    """Everything that can be missing is missing."""
    facts = replace(FACTS, memory_mb=None, runtime=None, timeout_s=None, backend=Backend.REPLAY)
    run = replace(RUN, state=RunState.FAILED, finished_at=None, facts=facts, options={})
    return Sweep(run, (), None, None, None, Spend(0, None, 0.0))


def load_of_ten_seconds() -> dict[str, Any]:
    """The document of a load of ten seconds, thirty of whose calls were throttled."""
    found = figures(512, 40.0, throttled=30)
    profile = Profile("steady", phases=(Phase(Constant(20.0), 10.0),))
    verdicts = judge([parse_slo("throttles<1%")], found, 0.001)
    run = a_run(command="load")
    return load_document(Load(run, profile, 512, "none", "sync", found, 0.001, verdicts))
