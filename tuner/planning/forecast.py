"""What a traffic does to one function: concurrency, cold starts, throttles, waits and the bill.

Up to some million calls each is placed on virtual time, beyond they flow (``tuner.fleet``). Calls
come at random within each of the traffic's steps; durations are drawn from those that were seen.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tuner.billing.cost import billed_ms, cost_usd, kept_usd, logs_usd
from tuner.billing.traffic import cold_share
from tuner.fleet.fluid import Flow, flow
from tuner.fleet.simulate import (
    COLD,
    PROVISIONED,
    REASONS,
    THROTTLED,
    WARM,
    Allowed,
    Drawn,
    idle_lives,
    simulate,
)
from tuner.planning.estimate import LOG_BYTES
from tuner.planning.production import (
    MOMENTS,
    Arriving,
    FloatArray,
    Meters,
    Moment,
    Outcome,
    Subject,
)

#: So many calls are placed one by one; it takes a few seconds.
MOST_PLACED = 2_000_000
QUANTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
_SPREAD = np.linspace(-3.0, 3.0, 25)


def forecast_traffic(
    subject: Subject, arriving: Arriving, seed: int, most_placed: int = MOST_PLACED
) -> Outcome:
    """Say what the traffic does to the configuration."""
    if arriving.calls <= most_placed:
        found = _placed(subject, arriving, np.random.default_rng(seed))
    else:
        found = _flown(subject, arriving)
    told = {n: ms for n, ms in found.wait_ms.items() if subject.tells(QUANTILES[n])}
    return replace(found, wait_ms=told)


def _placed(subject: Subject, arriving: Arriving, random: np.random.Generator) -> Outcome:
    begin_s, at_s = _moments(subject, arriving, random)
    span_s, count = arriving.span_s, len(at_s)
    warm_ms, cold_ms = (random.choice(m, count) for m in (subject.warm_ms, subject.cold_ms))
    lives = idle_lives(count, random)
    drawn = Drawn(at_s, warm_ms / 1000.0, cold_ms / 1000.0, lives)
    found = simulate(drawn, subject.allowed, span_s, MOMENTS, begin_s)
    served, cold, within = found.codes < THROTTLED, found.codes == COLD, at_s >= begin_s
    codes = found.codes[within]
    counts = np.bincount(codes, minlength=THROTTLED + len(REASONS)).tolist()
    wait_ms = np.where(cold, cold_ms, warm_ms)
    begun, ends = at_s[served], np.sort((at_s + wait_ms / 1000.0)[served])
    looked = begin_s + np.linspace(0.0, span_s, MOMENTS * 100 + 1)[1:]
    flying = np.searchsorted(begun, looked, "right") - np.searchsorted(ends, looked, "right")
    slot = np.clip(((at_s - begin_s) / found.step_s).astype(int), 0, MOMENTS - 1)

    def each(of: NDArray[np.bool_]) -> FloatArray:
        return np.bincount(slot[of & within], minlength=MOMENTS).astype(np.float64)

    by_slot = flying.reshape(MOMENTS, -1)
    columns = (
        np.arange(MOMENTS) * found.step_s,
        each(np.ones_like(served)),
        each(cold),
        each(~served),
        by_slot.mean(axis=1),
        by_slot.max(axis=1),
        found.sandboxes,
    )
    return Outcome(
        span_s=span_s,
        placed=True,
        calls=float(len(codes)),
        warm=counts[WARM],
        cold=counts[COLD],
        provisioned=counts[PROVISIONED],
        throttles=_told(dict(zip(REASONS, counts[THROTTLED:], strict=True))),
        concurrency={**_quantiles(flying), "mean": float(flying.mean()), "max": _most(flying)},
        wait_ms=_quantiles(wait_ms[served & within]),
        sandboxes_max=max(float(found.sandboxes.max()), _most(flying)),
        bill=_bill(subject, counts[WARM], counts[COLD], counts[PROVISIONED], span_s),
        timeline=_timeline(columns),
    )


def _moments(
    subject: Subject, arriving: Arriving, random: np.random.Generator
) -> tuple[float, FloatArray]:
    """When the traffic begins, after what leads to it, and when each call comes, in seconds."""
    if arriving.at_s is not None:
        return 0.0, arriving.at_s
    lead = arriving.lead(arriving.step_s, subject.lead_s(float(arriving.per_s[0])))
    counts = random.poisson(np.concatenate([lead, arriving.per_s]) * arriving.step_s)
    steps = np.repeat(np.arange(len(counts)), counts) + random.random(int(counts.sum()))
    return len(lead) * arriving.step_s, np.sort(steps) * arriving.step_s


def _flown(subject: Subject, arriving: Arriving) -> Outcome:
    fine = arriving.cut()
    warm_s, cold_s = subject.warm_ms / 1000.0, subject.cold_ms / 1000.0
    held_s = float(warm_s.mean())
    lead = arriving.lead(fine.step_s, subject.lead_s(float(fine.per_s[0])))
    per_s = np.concatenate([lead, fine.per_s])
    some = np.unique(np.geomspace(max(1e-9, per_s.min()), max(1e-9, per_s.max()), 40))
    renewed = np.interp(per_s, some, [cold_share(each, held_s) for each in some.tolist()])
    whole = flow(per_s, fine.step_s, (warm_s, cold_s), subject.allowed, renewed)
    found = whole.after(len(lead))
    warm, cold, ready = (float(x.sum()) for x in (found.warm, found.cold, found.provisioned))
    flying = found.in_flight[:, None] + np.sqrt(found.in_flight)[:, None] * _SPREAD
    most = subject.allowed.concurrency + subject.allowed.provisioned
    flying = np.clip(flying, 0.0, most)
    weights = np.broadcast_to(np.exp(-0.5 * _SPREAD**2), flying.shape)
    waits = np.concatenate([subject.warm_ms, subject.cold_ms])
    per_warm, per_cold = (warm + ready) / len(warm_s), cold / len(cold_s)
    wait_weights = np.repeat([per_warm, per_cold], [len(warm_s), len(cold_s)])
    return Outcome(
        span_s=arriving.span_s,
        placed=False,
        calls=float(found.calls.sum()),
        warm=warm,
        cold=cold,
        provisioned=ready,
        throttles=_told(_reasons(found, subject.allowed)),
        concurrency={
            **_weighted(flying.ravel(), weights.ravel()),
            "mean": float(found.in_flight.mean()),
            "max": _most(flying),
        },
        wait_ms=_weighted(waits, wait_weights),
        sandboxes_max=float(found.sandboxes.max()),
        bill=_bill(subject, warm, cold, ready, arriving.span_s),
        timeline=_timeline(_slices(found, flying)),
    )


def _reasons(found: Flow, allowed: Allowed) -> dict[str, float]:
    whose = "account" if allowed.reserved is None else "reserved"
    return {
        f"{whose} concurrency": float(found.over_concurrency.sum()),
        f"{whose} request rate": float(found.over_rate.sum()),
        "scaling rate": float(found.over_scaling.sum()),
    }


def _told(throttles: dict[str, float]) -> dict[str, float]:
    return {reason: count for reason, count in throttles.items() if count >= 0.5}


def _slices(found: Flow, flying: FloatArray) -> Sequence[Any]:
    starts = np.linspace(0, len(found.calls), MOMENTS + 1).astype(int)[:-1]
    starts = np.unique(starts)
    lengths = np.diff([*starts, len(found.calls)])
    sums = (
        np.add.reduceat(each, starts)
        for each in (
            found.calls,
            found.cold,
            found.over_concurrency + found.over_rate + found.over_scaling,
            found.in_flight,
        )
    )
    calls, cold, throttled, busy = sums
    most = np.maximum.reduceat(flying.max(axis=1), starts)
    there = np.maximum.reduceat(found.sandboxes, starts)
    return starts * found.step_s, calls, cold, throttled, busy / lengths, most, there


def _timeline(columns: Sequence[Any]) -> tuple[Moment, ...]:
    rows = zip(*(np.asarray(each, dtype=np.float64).tolist() for each in columns), strict=True)
    return tuple(Moment(*row) for row in rows)


def _quantiles(values: NDArray[Any]) -> dict[str, float]:
    if not values.size:
        return {}
    found = np.quantile(np.asarray(values, dtype=np.float64), list(QUANTILES.values()))
    return dict(zip(QUANTILES, found.tolist(), strict=True))


def _weighted(values: FloatArray, weights: FloatArray) -> dict[str, float]:
    order = np.argsort(values)
    shares = np.cumsum(weights[order])
    if not shares.size or not shares[-1] > 0.0:
        return {}
    at = np.searchsorted(shares, np.array(list(QUANTILES.values())) * shares[-1])
    found = values[order][np.minimum(at, len(values) - 1)]
    return dict(zip(QUANTILES, found.tolist(), strict=True))


def _most(values: NDArray[Any]) -> float:
    return float(values.max()) if values.size else 0.0


def _bill(subject: Subject, warm: float, cold: float, ready: float, span_s: float) -> Meters:
    """The first tier's prices; throttled calls are free, as on AWS."""
    rates, size, storage = subject.prices, subject.memory_mb, subject.ephemeral_mb
    usual, first = (float(billed_ms(m).mean()) for m in (subject.warm_ms, subject.first_ms))
    whole = float(billed_ms(subject.cold_ms).mean())
    kept: float | None = 0.0
    if count := subject.allowed.provisioned:
        kept, second = (
            kept_usd(count, size, span_s, rates, None),
            rates.provisioned_duration_gb_second_usd,
        )
        if kept is not None and second is not None:
            kept += ready * usual / 1000.0 * size / 1024.0 * second
    served = warm + cold + ready
    return Meters(
        requests_usd=served * rates.request_usd,
        duration_usd=cost_usd(warm * usual + cold * first, size, rates, storage, calls=0),
        init_usd=cost_usd(cold * (whole - first), size, rates, storage, calls=0),
        provisioned_usd=kept,
        logs_usd=logs_usd(served * LOG_BYTES.low / 1e9, rates),
    )
