"""Documents of a run beside its samples: loads, ways to start, and what CloudWatch counted.

Those of a load or a start are of one Setting, which its samples carry as well, so both together
give the same figures at any later time. Light to import, since every answer may hold them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from tuner.records import ON_DEMAND, Advice, Purpose, Sample, Setting
from tuner.store.plain import record

if TYPE_CHECKING:
    from tuner.sample_table import SampleTable

#: The names of the documents.
LOADS, STARTUPS, PAYLOADS = "size-loads", "startups", "payloads"
BETWEEN_RUNS = "between-runs"
CROSS_CHECK = "cross-check"

T = TypeVar("T")


class Ending(StrEnum):
    """Endings of a size's load."""

    WHOLE = "whole"
    BLOWN = "blown"  # by the user's own condition, so the size has not borne the load
    CUT = "cut"  # by a budget or the user, which says nothing of the size


@dataclass(frozen=True)
class LoadFacts:
    """One load. Times are seconds on the run's clock, ``asked`` calls that were due (``None``:
    closed model), ``stopped_s`` when it was cut short, ``dropped`` calls by reason."""

    setting: Setting
    start_s: float
    asked: float | None
    dropped: Mapping[str, int] = field(default_factory=dict)
    ending: Ending = Ending.WHOLE
    note: str | None = None
    stopped_s: float | None = None


@dataclass(frozen=True)
class LoadTerms:
    """The load that every size was put under, in plain values; rates per second."""

    profile: str
    about: str
    arrival: str | None  # None: a closed model
    peak_rps: float | None
    users: int | None
    think_s: float | None
    seconds: float
    retry: str
    lanes: int


@dataclass(frozen=True)
class SizeLoads:
    """All loads of a run, in the order in which they were made."""

    asked: LoadTerms
    each: tuple[LoadFacts, ...] = ()


@dataclass(frozen=True)
class StartFacts:
    """One way to start. ``ready_s`` is how long it took until it could be called, ``paid_s`` for
    how long sandboxes were kept; ``note`` says why it was not measured as planned."""

    setting: Setting
    ready_s: float | None = None
    paid_s: float | None = None
    note: str | None = None


@dataclass(frozen=True)
class Startups:
    """All ways of a run, in the order in which they were measured."""

    each: tuple[StartFacts, ...] = ()


@dataclass(frozen=True)
class Seen:
    """CloudWatch's counts of some minutes. ``concurrency`` is the highest of a minute."""

    invocations: int
    errors: int
    throttles: int
    mean_ms: float | None
    concurrency: float | None


@dataclass(frozen=True)
class CheckedVersion:
    """One version or alias. What the client does not know is ``None``.

    ``unsure`` requests may have run, ``unsure_throttles`` may have been throttled by Lambda.
    ``within`` are the minutes of the run; ``seen`` has one more on either side.
    """

    arch: str
    qualifier: str | None
    memory_mb: int
    ran: int
    unsure: int
    errors: int | None
    throttles: int | None
    unsure_throttles: int
    mean_ms: float | None
    at_once: int | None
    within: Seen
    seen: Seen


@dataclass(frozen=True)
class TraceRow:
    """Summary of X-Ray's traces: how many were ``read``, how many are of requests sent from here.

    ``service_ms`` is what Lambda itself adds to a warm call, ``dwell_ms`` how long events waited,
    both in the median.
    """

    read: int
    matched: int
    with_init: int
    service_ms: float | None
    dwell_ms: float | None


@dataclass(frozen=True)
class CrossCheck:
    """A comparison: when (seconds since 1970), and whether the figures were complete by then.

    ``traces`` is ``None`` of a function that is not traced, or whose traces could not be read.
    """

    asked_at: float
    settled: bool
    rows: tuple[CheckedVersion, ...] = ()
    traces: TraceRow | None = None
    advice: tuple[Advice, ...] = ()


@dataclass(frozen=True)
class RunSpread:
    """Log-sd of a size's mean from one run of the function to the next: as it is ``usual``, and as
    the means of ``sizes`` that several of so many earlier ``runs`` called have it."""

    arch: str
    sd: float
    usual_sd: float
    runs: int = 0
    sizes: int = 0


@dataclass(frozen=True)
class RunSpreads:
    """What earlier runs tell, of each architecture that they tell of."""

    each: tuple[RunSpread, ...] = ()


@dataclass(frozen=True)
class Notes:
    """All that is noted beside the samples of a run; ``None`` is what was not measured."""

    loads: SizeLoads | None = None
    startups: Startups | None = None
    weights: Mapping[str, float] = field(default_factory=dict)  # of several classes of payloads
    spreads: RunSpreads = field(default_factory=RunSpreads)

    def on(self, arch: str) -> "Notes":
        """Return what concerns one architecture."""
        loads, startups = self.loads, self.startups
        if loads is not None:
            loads = replace(loads, each=tuple(f for f in loads.each if f.setting.arch == arch))
        if startups is not None:
            startups = Startups(tuple(f for f in startups.each if f.setting.arch == arch))
        spreads = RunSpreads(tuple(s for s in self.spreads.each if s.arch == arch))
        return replace(self, loads=loads, startups=startups, spreads=spreads)


def stored_notes(documents: Mapping[str, Mapping[str, Any]]) -> Notes:
    """Return what is noted in a run's documents, as far as it can be read."""
    kept = documents.get(PAYLOADS, {}).items()
    weights = {name: float(each) for name, each in kept if isinstance(each, int | float)}
    spreads = _stored(RunSpreads, documents.get(BETWEEN_RUNS)) or RunSpreads()
    return Notes(stored_loads(documents), stored_startups(documents), weights, spreads)


def stored_loads(documents: Mapping[str, Mapping[str, Any]]) -> SizeLoads | None:
    """Return the loads among a run's documents; ``None`` without any that can be read."""
    return _stored(SizeLoads, documents.get(LOADS))


def stored_startups(documents: Mapping[str, Mapping[str, Any]]) -> Startups | None:
    """Return the ways among a run's documents; ``None`` without any that can be read."""
    return _stored(Startups, documents.get(STARTUPS))


def stored_check(documents: Mapping[str, Mapping[str, Any]]) -> CrossCheck | None:
    """Return the cross-check among a run's documents; ``None`` without one that can be read."""
    return _stored(CrossCheck, documents.get(CROSS_CHECK))


def calm(samples: Sequence[Sample]) -> "SampleTable":
    """Return the samples that were not measured under load; all of a run that is only a load.

    Curves are fitted to these: calls that share a function with others may take longer than the
    size alone makes them, by queueing at whatever the function uses.
    """
    from tuner.sample_table import table_of  # many commands need no numpy

    table = table_of(samples)
    alone = table.only(lambda kind: kind.purpose is not Purpose.LOAD)
    return alone if len(alone) else table


def on_demand(samples: "SampleTable", startups: Startups | None) -> "SampleTable":
    """Return the samples that show cold starts on demand: of a comparison those, else all.

    Few warm calls of one size are there for the comparison, and are no ground to choose by.
    """
    if startups is None:
        return samples
    return samples.only(
        lambda kind: kind.setting.start == ON_DEMAND and kind.purpose is Purpose.COLD
    )


def _stored(kind: type[T], body: Mapping[str, Any] | None) -> T | None:
    try:
        return None if body is None else record(kind, body)
    except ValueError:
        return None
