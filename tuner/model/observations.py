"""A run as the model sees it: arrays of warm durations, cold starts and sizes that failed.

Built from samples once; nothing here fits or judges. Only invocations that ended ``ok`` have a
duration worth modelling; sizes that were killed or timed out are remembered by name.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tuner.model import FloatArray, IntArray
from tuner.model.rounds import RoundDrift, between_rounds
from tuner.records import ON_DEMAND, Outcome, Purpose, Sample
from tuner.sample_table import Floats, Kind, SampleTable, table_of

#: A size is infeasible when this share of its invocations was killed or timed out.
FAILED_SHARE = 0.2
#: So many errors and no success, and a size counts as one where the function fails. Of a function
#: that fails half of the time whatever its memory, one in 32 such rows is chance.
ERRORS_IN_A_ROW = 5
#: AWS reports two decimals; anything shorter is recorded as this.
SHORTEST_MS = 0.01


@dataclass(frozen=True)
class ColdCalls:
    """Cold invocations that ended ok, one row each; restore counts as init (SnapStart)."""

    memory_mb: IntArray
    init_ms: FloatArray
    duration_ms: FloatArray  # of the first invocation, without INIT
    billed_ms: FloatArray  # NaN where not known

    def __len__(self) -> int:
        return int(self.memory_mb.size)


@dataclass(frozen=True)
class Observations:
    """Warm invocations as arrays of one length n, cold starts, and what failed.

    ``failures`` maps a size (MB) to why it cannot run the function. ``first_calls`` says that the
    recording has hardly any warm rows, so that the durations of first invocations (without
    INIT) stand in for them. ``dropped`` counts rows without a usable duration.
    """

    memory_mb: IntArray
    duration_ms: FloatArray
    billed_ms: FloatArray
    round: IntArray
    cold: ColdCalls
    failures: Mapping[int, str] = field(default_factory=dict)
    client_overhead_ms: FloatArray = field(default_factory=lambda: np.zeros(0))
    max_memory_mb: float | None = None  # the most that any invocation used
    throttle_share: float = 0.0  # of all requests
    error_share: float = 0.0  # of all calls that were not throttled; answers of 5xx are errors
    only_5xx: bool = False  # every call that succeeded was answered 5xx
    first_calls: bool = False
    dropped: int = 0

    def __len__(self) -> int:
        return int(self.memory_mb.size)

    @cached_property
    def sizes_mb(self) -> IntArray:
        """The sizes with at least one duration, ascending."""
        return np.unique(self.memory_mb)

    @cached_property
    def index(self) -> IntArray:
        """Index in ``sizes_mb`` of each invocation's size."""
        return np.searchsorted(self.sizes_mb, self.memory_mb)

    @cached_property
    def calls(self) -> IntArray:
        """Number of durations of each size."""
        return np.bincount(self.index, minlength=self.sizes_mb.size)

    @cached_property
    def drift(self) -> RoundDrift:
        """What rounds of a run differ by at all sizes alike."""
        return between_rounds(self.memory_mb, np.log(self.duration_ms), self.round)

    def at(self, memory_mb: int) -> FloatArray:
        """Durations (ms) seen at one size."""
        return np.asarray(self.duration_ms[self.memory_mb == memory_mb], dtype=np.float64)

    def infeasible_mb(self) -> int:
        """The largest size known to be too small (0: none): what it cannot run, less cannot.

        Errors above a size that works do not come from too little memory.
        """
        least = self.sizes_mb.min(initial=np.iinfo(np.int64).max)
        broken = ((size, self.failures[size] != _ERRS) for size in self.broken_mb())
        return max((size for size, killed in broken if killed or size < least), default=0)

    def broken_mb(self) -> list[int]:
        """The sizes (MB) that failed and never worked, ascending."""
        ok = set(self.sizes_mb.tolist())
        return [size for size in self.failures if size not in ok]


def from_samples(samples: Sequence[Sample]) -> Observations:
    """Sort samples into warm and cold; throttles, errors and warm-up calls have no place here."""
    asked = table_of(samples).only(lambda kind: kind.purpose is not Purpose.WARM_UP)
    ok = asked.only(lambda kind: kind.outcome is Outcome.OK)
    usable = ok.where(_usable(ok.duration_ms))
    cold, plain = usable.cold, usable.only(lambda kind: kind.purpose is not Purpose.COLD)
    first_calls = 2 * int(plain.cold.sum()) > len(plain)
    warm = plain if first_calls else plain.where(~plain.cold)
    duration_ms, peaks = _duration(warm), usable.max_memory_mb
    return Observations(
        memory_mb=warm.memory_mb,
        duration_ms=duration_ms,
        billed_ms=_billed(warm, duration_ms),
        round=warm.round,
        cold=_cold(usable.where(cold)),
        failures=_failures(asked),
        client_overhead_ms=np.maximum(0.0, warm.latency_ms - duration_ms),
        throttle_share=_share(asked.by_kind(_throttled, np.bool_)),
        error_share=_share(_wrong(asked.only(lambda kind: not _throttled(kind)))),
        max_memory_mb=_most(peaks[_usable(peaks)]),
        only_5xx=bool(len(ok)) and bool(ok.answered_5xx.all()),
        first_calls=first_calls,
        dropped=len(ok) - len(usable),
    )


def _throttled(kind: Kind) -> bool:
    return kind.outcome is Outcome.THROTTLED


def _wrong(samples: SampleTable) -> NDArray[np.bool_]:
    """Which did not end well, or succeeded with an answer of 5xx."""
    failed = samples.by_kind(lambda kind: kind.outcome is not Outcome.OK, np.bool_)
    return failed | samples.answered_5xx


def _share(among: NDArray[np.bool_]) -> float:
    return float(among.mean()) if among.size else 0.0


def _usable(values: Floats) -> NDArray[np.bool_]:
    """Which values are known, finite and not below zero."""
    return np.asarray(np.isfinite(values) & (values >= 0), dtype=np.bool_)


def _most(values: Floats) -> float | None:
    return float(values.max()) if values.size else None


def _duration(samples: SampleTable) -> FloatArray:
    return np.maximum(SHORTEST_MS, samples.duration_ms)


def _billed(samples: SampleTable, duration_ms: FloatArray) -> FloatArray:
    """Billed duration without INIT: what the same call would cost warm."""
    reported = ~samples.cold & _usable(samples.billed_ms)
    return np.where(reported, samples.billed_ms, np.ceil(duration_ms))


def _cold(samples: SampleTable) -> ColdCalls:
    known = samples.where(_usable(samples.begun_ms))
    return ColdCalls(
        memory_mb=known.memory_mb,
        init_ms=known.begun_ms,
        duration_ms=_duration(known),
        billed_ms=cold_billed_ms(known),
    )


def cold_billed_ms(samples: SampleTable) -> FloatArray:
    """Billed duration of cold calls, NaN where it is not known. Recordings from before August
    2025 lack INIT, which was free then ("AWS Lambda standardizes billing for INIT phase", 2025)."""
    billed, whole = samples.billed_ms, _duration(samples) + samples.init_ms
    on_demand = samples.by_kind(lambda kind: kind.setting.start == ON_DEMAND, np.bool_)
    free = on_demand & ~samples.init_cut & (billed + 1.0 < whole)
    return np.where(_usable(billed), np.where(free, np.ceil(whole), billed), np.nan)


_TOO_SMALL = {
    Outcome.OUT_OF_MEMORY: "runs out of memory",
    Outcome.TIMEOUT: "times out",
}
_ERRS = "raises an error in every call"


def _failures(samples: SampleTable) -> dict[int, str]:
    ended = Counter[tuple[int, Outcome]]()
    for kind, count in samples.counts().items():
        ended[kind.setting.memory_mb, kind.outcome] += count
    failures = {}
    for size in {memory for memory, _ in ended}:
        killed = {o: ended[size, o] for o in _TOO_SMALL}
        total = sum(killed.values()) + ended[size, Outcome.OK]
        if not total and ended[size, Outcome.FUNCTION_ERROR] >= ERRORS_IN_A_ROW:
            failures[size] = _ERRS
        elif sum(killed.values()) >= max(1.0, FAILED_SHARE * total):
            failures[size] = _TOO_SMALL[max(killed, key=lambda o: killed[o])]
    return dict(sorted(failures.items()))
