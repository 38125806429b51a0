"""What would help a function under a traffic, each tried by forecasting it again.

Another memory size, provisioned and reserved concurrency, and the account's limit, with the text
of the request for it.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from tuner.billing.cost import kept_usd
from tuner.fleet.limits import AccountLimits
from tuner.planning.forecast import forecast_traffic
from tuner.planning.production import Arriving, Outcome, Subject
from tuner.units import format_memory, format_ms, format_rate, format_share

#: Room above the highest concurrency that is asked for, and the steps in which it is asked.
_ROOM, _STEP = 1.2, 100
#: AWS keeps this much of the account's concurrency unreserved (Lambda quotas).
UNRESERVED = 100
#: As much as no function needs, to see what it would use.
_ENDLESS = 10**6
_FEW = 0.001
#: The share of a limit from which there is little room left.
NEAR = 0.8


@dataclass(frozen=True)
class Remedy:
    """One change and what it would do: ``count`` is what is provisioned, reserved or asked for,
    ``request`` a text to send, for a limit, ``assumed`` what was not measured."""

    name: str
    text: str
    outcome: Outcome
    request: str = ""
    count: int | None = None
    assumed: str = ""


@dataclass(frozen=True)
class Tried:
    """The forecast as it is, beside which remedies are tried."""

    function: str
    subject: Subject
    arriving: Arriving
    seed: int
    outcome: Outcome

    @property
    def rate_needs(self) -> float:
        """Concurrency that the highest rate needs, whatever calls take: each unit of it allows so
        many requests a second."""
        return self.outcome.peak_per_s / self.subject.allowed.limits.rate_per_concurrency

    @property
    def usual(self) -> int:
        """Concurrency that is enough for nearly all of the time: its p99, and the rate's needs."""
        return math.ceil(max(self.outcome.concurrency.get("p99", 0.0), self.rate_needs))

    def with_(self, subject: Subject) -> Outcome:
        """The outcome of another configuration under the same traffic, with the same chance."""
        return forecast_traffic(subject, self.arriving, self.seed)


def limit_share(subject: Subject, found: Outcome) -> float:
    """Share of what the function may have on demand, the account's or reserved, that its peak
    takes; what is provisioned comes on top."""
    allowed = subject.allowed
    whole = allowed.concurrency + allowed.provisioned
    return found.concurrency.get("max", 0.0) / whole if whole else 0.0


def remedies(tried: Tried, others: Mapping[int, Subject]) -> tuple[Remedy, ...]:
    """Everything that could be changed; ``others`` are other sizes whose times are known."""
    parts = (_limit(tried), _provisioned(tried), _reserved(tried), _memory(tried, others))
    return tuple(remedy for part in parts for remedy in part)


def _limit(tried: Tried) -> Iterator[Remedy]:
    """A higher limit of the account, or no reservation, where calls are throttled or nearly so."""
    subject, found = tried.subject, tried.outcome
    near = limit_share(subject, found) >= NEAR
    if found.throttled_share < _FEW and not near:
        return
    allowed = subject.allowed
    if allowed.reserved is not None:
        free = replace(subject, allowed=replace(allowed, reserved=None))
        text = f"Remove the reservation of {allowed.reserved}."
        yield Remedy("no reservation", text, tried.with_(free))
        return
    if not near and not any(reason.startswith("account") for reason in found.throttles):
        return
    limits = allowed.limits
    endless = tried.with_(_limited(subject, replace(limits, account_concurrency=_ENDLESS)))
    needed = _rounded(_ROOM * max(endless.concurrency["max"], tried.rate_needs))
    if near:
        needed = max(needed, _rounded(limits.account_concurrency + 1))
    if needed <= limits.account_concurrency:
        return
    higher = _limited(subject, replace(limits, account_concurrency=needed))
    yield Remedy(
        "higher account limit",
        f"Ask for {needed:,} concurrent executions instead of {limits.account_concurrency:,}.",
        tried.with_(higher),
        _request(tried, needed, endless.concurrency["max"]),
        needed,
    )


def _limited(subject: Subject, limits: AccountLimits) -> Subject:
    return replace(subject, allowed=replace(subject.allowed, limits=limits))


def _rounded(concurrency: float) -> int:
    return math.ceil(concurrency / _STEP) * _STEP


def _request(tried: Tried, needed: int, peak_flight: float) -> str:
    """What Service Quotas and AWS Support ask for; the quota's code is L-B99A9384."""
    subject, found = tried.subject, tried.outcome
    limits = subject.allowed.limits
    return (
        f"Service: AWS Lambda. Region: {subject.prices.region}. Quota: Concurrent executions "
        f"(L-B99A9384). New value: {needed:,} (now {limits.account_concurrency:,}).\n"
        f"Use case: the function {tried.function} ({format_memory(subject.memory_mb)}) receives up "
        f"to {format_rate(found.peak_per_s)} and takes {format_ms(float(subject.warm_ms.mean()))} "
        f"on average. At its peak it needs {peak_flight:,.0f} concurrent executions; "
        f"{_shortage(tried)}."
    )


def _shortage(tried: Tried) -> str:
    found = tried.outcome
    if not found.throttles:
        return f"that is {format_share(limit_share(tried.subject, found))} of the present limit"
    throttled = format_share(found.throttled_share)
    return f"with the present limit {throttled} of its calls are throttled ({_reasons(found)})"


def _reasons(found: Outcome) -> str:
    return ", ".join(f"{reason}: {count:,.0f}" for reason, count in found.throttles.items())


def _provisioned(tried: Tried) -> Iterator[Remedy]:
    """As many provisioned sandboxes as are usually busy, if there are none yet."""
    subject, allowed = tried.subject, tried.subject.allowed
    whole = allowed.limits.account_concurrency - UNRESERVED
    most = whole if allowed.reserved is None else allowed.reserved
    count = min(tried.usual, most)
    priced = kept_usd(1, subject.memory_mb, 1.0, subject.prices, None) is not None
    if allowed.provisioned or count < 1 or not priced or tried.outcome.cold_share == 0.0:
        return
    ready = replace(subject, allowed=replace(allowed, provisioned=count))
    text = f"Provision {count:,} sandboxes for the whole time."
    yield Remedy("provisioned concurrency", text, tried.with_(ready), count=count)


def _reserved(tried: Tried) -> Iterator[Remedy]:
    """A cap on sandboxes, which protects what is behind the function and others beside it."""
    subject, allowed = tried.subject, tried.subject.allowed
    count = tried.usual
    whole = allowed.limits.account_concurrency - UNRESERVED
    if allowed.reserved is not None or allowed.provisioned or not 1 <= count <= whole:
        return
    capped = replace(subject, allowed=replace(allowed, reserved=count))
    text = f"Reserve {count:,}: never more sandboxes, so never more connections to a database."
    yield Remedy("reserved concurrency", text, tried.with_(capped), count=count)


def _memory(tried: Tried, others: Mapping[int, Subject]) -> Iterator[Remedy]:
    """The next smaller and the next larger size that was measured."""
    now = tried.subject.memory_mb
    below = [size for size in others if size < now]
    above = [size for size in others if size > now]
    for size in (*([max(below)] if below else []), *([min(above)] if above else [])):
        other, text = others[size], "Another size, as measured."
        text += f" Assumed: {other.assumed}." if other.assumed else ""
        yield Remedy(format_memory(size), text, tried.with_(other), assumed=other.assumed)
