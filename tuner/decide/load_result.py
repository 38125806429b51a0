"""Results of a load on one target or one size: figures, and verdicts on the objectives.

An objective is judged by what was measured under this load: ``p95`` is the function's own warm
duration, ``client_p95`` what a caller waited from the due time, ``cold_p95`` INIT and first call.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tuner.decide.goal import Slo, SloScope
from tuner.planning.find_limit import HIGHEST_PER_S
from tuner.records import Advice, Outcome, RunRecord
from tuner.store.documents import CrossCheck, Ending, LoadTerms
from tuner.units import (
    format_ms_beside,
    format_probability,
    format_rate,
    format_seconds,
    format_share_beside,
)

if TYPE_CHECKING:  # an answer without a load is to come at once
    from tuner.engine.engine import ProcessorCount
    from tuner.engine.profiles.profile import Profile
    from tuner.engine.request import FrontOptions
    from tuner.measure.event_figures import EventFigures
    from tuner.measure.load_figures import LoadFigures
    from tuner.measure.statistics import Latencies


@dataclass(frozen=True)
class SloVerdict:
    """An objective and the value that was measured, in its unit; ``None`` if nothing was.

    ``calls`` are behind a time, and ``probability`` is how likely further calls like them meet the
    objective; ``None`` of shares and costs.
    """

    slo: Slo
    value: float | None
    met: bool
    calls: int | None = None
    probability: float | None = None

    @property
    def likely(self) -> float | None:
        """The probability, where it has few calls and so is to be said; ``None`` elsewhere."""
        few = self.met and self.calls is not None and self.calls < FEW_CALLS
        return self.probability if few else None


#: With fewer calls an objective on a time is not said to be met without how likely it is.
FEW_CALLS = 60


@dataclass(frozen=True)
class RateStep:
    """Result of one rate that was tried in the search for the highest."""

    rate_per_s: float
    figures: "LoadFigures"
    verdicts: tuple[SloVerdict, ...]
    note: str | None = None  # why it was cut short, if it was

    @property
    def borne(self) -> bool:
        """True if every objective was met, up to the end."""
        return self.note is None and all(verdict.met for verdict in self.verdicts)


@dataclass(frozen=True)
class FoundLimit:
    """The highest rate that met the objectives, the lowest that did not, and all that was tried.

    Calls per second; ``None`` where there was none. ``generator`` says that the load generator
    itself could not send more, ``crowded`` that its machine had no CPU to spare, ``full`` that all
    connections were in use.
    """

    best_per_s: float | None
    worst_per_s: float | None
    steps: tuple[RateStep, ...]
    generator: bool = False
    crowded: bool = False
    full: bool = False

    @property
    def found(self) -> bool:
        """True if a rate was tried that the function does not sustain."""
        return self.worst_per_s is not None

    @property
    def lacking(self) -> str | None:
        """What this machine ran out of before the function did: ``connections``, ``cpu`` or
        ``workers``; ``None`` where it did not, or a limit was found all the same."""
        if self.found or not self.generator:
            return None
        return "connections" if self.full else "cpu" if self.crowded else "workers"

    @property
    def note(self) -> str | None:
        """Why the search is no whole one: no limit was found; ``None`` where one was."""
        if self.found:
            return None
        short = _SHORT.get(self.lacking or "", _NO_HIGHER)
        return f"no limit was found, as {short}"


#: What ended a search before the function's limit, and what helps.
_SHORT = {
    "connections": "all connections were in use",
    "cpu": "all CPUs of this machine were busy",
    "workers": "the load workers could not send more",
}
_NO_HIGHER = f"rates above {format_rate(HIGHEST_PER_S)} are not tried"
_FIXES = {
    "connections": "raise --max-concurrency",
    "cpu": "send from a machine with free CPUs",
    "workers": "add --workers",
}


@dataclass(frozen=True)
class Load:
    """A whole load, measured and judged; see the JSON schema ``tuner.load/1``."""

    run: RunRecord
    profile: "Profile"
    memory_mb: int
    retry: str
    mode: str
    figures: "LoadFigures"
    cost_usd: float | None
    verdicts: tuple[SloVerdict, ...] = ()
    warnings: tuple[Advice, ...] = ()
    report: str | None = None
    events: "EventFigures | None" = None  # of an asynchronous load
    limit: FoundLimit | None = None  # of a search; the figures are then those of the best rate
    front: "FrontOptions | None" = None  # what was called instead of the Invoke API
    processors: "tuple[ProcessorCount, ...]" = ()
    expect: tuple[str, ...] = ()  # what every answer was held against, in this order
    cross_check: CrossCheck | None = None  # None: CloudWatch was not asked

    @property
    def met(self) -> bool | None:
        """True if every objective was met; ``None`` without any."""
        return all(verdict.met for verdict in self.verdicts) if self.verdicts else None


def limit_advice(limit: FoundLimit) -> tuple[Advice, ...]:
    """Return warnings about a limit that was not reached, or lies below all that was tried.

    Steps are short: a limit that only shows with time (CPU credits of a database) is not found.
    """
    if not limit.found:
        lacking, none = limit.lacking, limit.best_per_s is None
        why = "nothing higher was tried; raise --max-cost or start higher"
        if lacking is not None:
            why = f"{_SHORT[lacking]}; {_FIXES[lacking]}"
        elif none:
            why = "no rate was tried to its end; allow more time or cost"
        text = f"The limit is at least {format_rate(limit.best_per_s)}: {why}."
        if none:
            text = f"No limit was found: {why}, or start lower with --rate."
        return (Advice("limit-not-reached", text),)
    if limit.best_per_s is None:
        worst = format_rate(limit.worst_per_s)
        text = f"Even {worst} missed the objectives; start lower with --rate."
        return (Advice("limit-below", text),)
    return ()


def judge(
    slos: Iterable[Slo],
    figures: "LoadFigures",
    cost_usd: float | None,
    events: "EventFigures | None" = None,
) -> tuple[SloVerdict, ...]:
    """Hold each objective against the figures; one without a value is not met, and none is where
    no call ended well.

    Events that Lambda gave up count as errors, although they were accepted, and so do answers which
    tell an HTTP front to answer 5xx.
    """
    verdicts, well = [], figures.outcomes[Outcome.OK] > figures.answered_5xx
    for slo in slos:
        value, times = _value(slo, figures, cost_usd, events), _times(slo, figures)
        met = value is not None and value < slo.limit and well
        if times is None:
            verdicts.append(SloVerdict(slo, value, met))
            continue
        chance = times.chance_below(slo.limit, slo.quantile)
        verdicts.append(SloVerdict(slo, value, met, times.count, chance))
    return tuple(verdicts)


def _times(slo: Slo, figures: "LoadFigures") -> "Latencies | None":
    """The times that an objective is about; ``None`` of one that is about something else."""
    measured = {
        SloScope.DURATION: figures.warm,
        SloScope.CLIENT: figures.latency,
        SloScope.COLD: figures.cold,
    }
    return measured.get(slo.scope)


def least_likely(verdicts: Iterable[SloVerdict]) -> float | None:
    """The probability of the objective that has the least, of those with few calls."""
    return min((each.likely for each in verdicts if each.likely is not None), default=None)


def _value(
    slo: Slo, figures: "LoadFigures", cost_usd: float | None, events: "EventFigures | None"
) -> float | None:
    if slo.scope is SloScope.COST:
        if cost_usd is None or not figures.calls:
            return None
        return cost_usd / figures.calls * 1e6
    if slo.scope is SloScope.THROTTLES:
        return figures.throttled_requests
    if slo.scope is SloScope.ERRORS:
        good = figures.share(Outcome.OK, Outcome.THROTTLED)
        given_up = 0 if events is None else events.given_up
        wrong = given_up + figures.answered_5xx
        return None if good is None else 1.0 - good + wrong / figures.calls
    if slo.scope is SloScope.CHECKS:
        return figures.share(Outcome.CHECK_FAILED)
    times, q = _times(slo, figures), slo.quantile
    if times is None:
        return None
    return times.mean_ms() if q is None else times.percentile_ms(q * 100.0)


#: What a load shows and a curve of single calls cannot.
LOAD_SCOPES = frozenset({SloScope.CLIENT, SloScope.THROTTLES, SloScope.ERRORS, SloScope.CHECKS})


def load_words(asked: LoadTerms) -> str:
    """``steady, up to 20/s for 1 min``: what each size had to bear, in a few words."""
    name = "" if asked.profile in ("rate", "users") else f"{asked.profile}, "
    if asked.users:
        return f"{name}{asked.users:,} users for {format_seconds(asked.seconds)}"
    return f"{name}up to {format_rate(asked.peak_rps)} for {format_seconds(asked.seconds)}"


def verdict_words(verdict: SloVerdict) -> str:
    """``client_p99<500ms: 912 ms``."""
    value = verdict.value
    if value is None:
        return f"{verdict.slo.text}: not measured"
    shares = (SloScope.THROTTLES, SloScope.ERRORS, SloScope.CHECKS)
    write = format_share_beside if verdict.slo.scope in shares else format_ms_beside
    told = write(value, verdict.slo.limit)
    likely = "" if verdict.likely is None else f" ({format_probability(verdict.likely)} to meet it)"
    return f"{verdict.slo.text}: {told}{likely}"


@dataclass(frozen=True)
class SizeUnderLoad:
    """Result of one size under load. ``verdicts`` are on the objectives that a load is judged by.

    ``cost_usd_per_million`` is of requests that ran; ``note`` says why it was cut short.
    """

    memory_mb: int
    figures: "LoadFigures"
    verdicts: tuple[SloVerdict, ...]
    cost_usd_per_million: float | None
    ending: Ending
    note: str | None = None

    @property
    def met(self) -> bool | None:
        """True if it met the objectives; ``None`` without any, or if it was cut short."""
        if self.ending is Ending.BLOWN:
            return False
        if self.ending is Ending.CUT or not self.verdicts:
            return None
        return all(verdict.met for verdict in self.verdicts)

    @property
    def miss(self) -> float:
        """The worst objective's value over its limit; infinite where nothing could be judged."""
        return max(
            (math.inf if v.value is None else v.value / v.slo.limit for v in self.verdicts),
            default=0.0,
        )
