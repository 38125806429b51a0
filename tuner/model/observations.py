"""A run as the model sees it: arrays of warm durations, cold starts and sizes that failed.

Built from samples once; nothing here fits or judges. Only invocations that ended ``ok`` have a
duration worth modelling; sizes that were killed or timed out are remembered by name.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tuner.model import FloatArray, IntArray
from tuner.records import ON_DEMAND, Outcome, Purpose, Sample

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
    error_share: float = 0.0  # of all calls that were not throttled
    first_calls: bool = False
    dropped: int = 0

    def __len__(self) -> int:
        return int(self.memory_mb.size)

    @property
    def sizes_mb(self) -> IntArray:
        """The sizes with at least one duration, ascending."""
        return np.unique(self.memory_mb)

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
    asked = [s for s in samples if s.purpose is not Purpose.WARM_UP]
    ok = [s for s in asked if s.outcome is Outcome.OK]
    usable = [s for s in ok if _usable(s.duration_ms)]
    plain = [s for s in usable if s.purpose is not Purpose.COLD]
    first_calls = 2 * sum(s.cold for s in plain) > len(plain)
    warm = plain if first_calls else [s for s in plain if not s.cold]
    peaks = [s.max_memory_mb for s in usable if _usable(s.max_memory_mb)]
    return Observations(
        memory_mb=np.fromiter((s.memory_mb for s in warm), np.int64, len(warm)),
        duration_ms=np.fromiter(map(_duration, warm), np.float64, len(warm)),
        billed_ms=np.fromiter(map(_billed, warm), np.float64, len(warm)),
        round=np.fromiter((s.round for s in warm), np.int64, len(warm)),
        cold=_cold([s for s in usable if s.cold]),
        failures=_failures(asked),
        client_overhead_ms=np.fromiter(
            (max(0.0, s.latency_ms - _duration(s)) for s in warm), np.float64, len(warm)
        ),
        throttle_share=_share(asked, _THROTTLED),
        error_share=_share([s for s in asked if s.outcome not in _THROTTLED], _ERRORS),
        max_memory_mb=max((p for p in peaks if p is not None), default=None),
        first_calls=first_calls,
        dropped=len(ok) - len(usable),
    )


_THROTTLED = frozenset({Outcome.THROTTLED})
_ERRORS = frozenset(Outcome) - {Outcome.OK, Outcome.THROTTLED}


def _share(samples: Sequence[Sample], outcomes: frozenset[Outcome]) -> float:
    return sum(s.outcome in outcomes for s in samples) / len(samples) if samples else 0.0


def _usable(value: float | None) -> bool:
    return value is not None and math.isfinite(value) and value >= 0


def _duration(sample: Sample) -> float:
    return max(SHORTEST_MS, sample.duration_ms or 0.0)


def _billed(sample: Sample) -> float:
    """Billed duration without INIT: what the same call would cost warm."""
    if not sample.cold and sample.billed_ms is not None and _usable(sample.billed_ms):
        return float(sample.billed_ms)
    return float(math.ceil(_duration(sample)))


def _cold(samples: Sequence[Sample]) -> ColdCalls:
    init = [s.init_ms if s.init_ms is not None else s.restore_ms for s in samples]
    known = [(s, i) for s, i in zip(samples, init, strict=True) if i is not None and _usable(i)]
    billed = [_cold_billed(s) for s, _ in known]
    return ColdCalls(
        memory_mb=np.array([s.memory_mb for s, _ in known], dtype=np.int64),
        init_ms=np.array([i for _, i in known], dtype=np.float64),
        duration_ms=np.array([_duration(s) for s, _ in known], dtype=np.float64),
        billed_ms=np.array(billed, dtype=np.float64),
    )


def _cold_billed(sample: Sample) -> float:
    """Billed duration of a cold call, NaN where it is not known. Recordings from before August
    2025 lack INIT, which was free then ("AWS Lambda standardizes billing for INIT phase", 2025)."""
    if sample.billed_ms is None or not _usable(sample.billed_ms):
        return math.nan
    if sample.init_ms is None or sample.init_cut or sample.setting.start != ON_DEMAND:
        return float(sample.billed_ms)
    whole = _duration(sample) + sample.init_ms
    free = sample.billed_ms + 1.0 < whole
    return float(math.ceil(whole)) if free else float(sample.billed_ms)


_TOO_SMALL = {
    Outcome.OUT_OF_MEMORY: "runs out of memory",
    Outcome.TIMEOUT: "times out",
}
_ERRS = "raises an error in every call"


def _failures(samples: Sequence[Sample]) -> dict[int, str]:
    ended = Counter((s.memory_mb, s.outcome) for s in samples)
    failures = {}
    for size in {memory for memory, _ in ended}:
        killed = {o: ended[size, o] for o in _TOO_SMALL}
        total = sum(killed.values()) + ended[size, Outcome.OK]
        if not total and ended[size, Outcome.FUNCTION_ERROR] >= ERRORS_IN_A_ROW:
            failures[size] = _ERRS
        elif sum(killed.values()) >= max(1.0, FAILED_SHARE * total):
            failures[size] = _TOO_SMALL[max(killed, key=lambda o: killed[o])]
    return dict(sorted(failures.items()))
