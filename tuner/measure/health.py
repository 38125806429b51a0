"""Doubts about a measurement: each is an :class:`Advice` that ends in a next step.

Looks at the samples and at what is known of function and machine; changes and leaves out nothing.
A size that failed is no doubt about the measurement, so it is not mentioned here.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

from tuner.recording import Recording
from tuner.records import Advice, Backend, FunctionFacts, Outcome, Purpose, Sample

#: One vCPU's worth of memory (AWS Lambda quotas page).
_ONE_CORE_MB = 1769
#: The generator may be this late in the median, or this part of what it measures.
_LAG_MS, _LAG_SHARE = 1.0, 0.05
#: The applied CPU share may be off by this much; it becomes an error of durations of that size.
_SHARE_ERROR = 0.03
_FEW = 10  # below, a p95 is the maximum
_DRIFT, _DRIFT_SAMPLES = 0.10, 8  # later half against earlier half of a size's samples
_DRIFT_MS = 5.0  # below, a tenth is the scheduler's noise


_FAILURES = {
    Outcome.FUNCTION_ERROR: "raised an error",
    Outcome.SERVICE_ERROR: "got an error from Lambda",
    Outcome.TIMEOUT: "timed out",
    Outcome.OUT_OF_MEMORY: "ran out of memory",
}


def check(samples: Sequence[Sample], facts: FunctionFacts) -> tuple[Advice, ...]:
    """Everything that the reader of a result from these samples has to know."""
    measured = [sample for sample in samples if sample.purpose is not Purpose.WARM_UP]
    sizes = sorted({sample.memory_mb for sample in measured})
    found = (
        _report_missing(measured, facts),
        _late(measured),
        _throttled(measured),
        _transport(measured),
        _failing(measured),
        _few_samples(measured),
        # A replay draws from the whole recording at random, so nothing in it comes later.
        None if facts.backend is Backend.REPLAY else _drift(measured),
        *platform_advice(facts, sizes),
    )
    return tuple(advice for advice in found if advice is not None)


def platform_advice(facts: FunctionFacts, sizes_mb: Iterable[int]) -> tuple[Advice, ...]:
    """Return what the local Lambda's machine cannot do as AWS does; nothing for other backends."""
    if facts.backend is not Backend.LOCAL:
        return ()
    found = (
        _too_few_cores(facts.platform, list(sizes_mb)),
        _share_off(facts.platform),
        _stands_in(facts),
        _template(facts.platform),
    )
    return tuple(advice for advice in found if advice is not None)


def machine_changed(before: FunctionFacts, now: FunctionFacts) -> Advice | None:
    """A doubt about a run that is resumed on another machine, or with another CPU control."""
    keys = ("machine", "cores", "cpu_method")
    old, new = ([facts.platform.get(key) for key in keys] for facts in (before, now))
    if before.backend is not Backend.LOCAL or old == new:
        return None
    text = (
        f"This run began on another kind of machine ({_listed(old)}) than it goes on with "
        f"({_listed(new)}); sizes cannot be compared. Start a new run."
    )
    return Advice("mixed-hardware", text)


def _report_missing(samples: Sequence[Sample], facts: FunctionFacts) -> Advice | None:
    answered = [s for s in samples if s.outcome is Outcome.OK]
    missing = sum(sample.duration_ms is None for sample in answered)
    if not missing:
        return None
    text = f"{missing} of {len(answered)} answers had no REPORT line, so they cannot be priced."
    if facts.log_format == "JSON" and facts.system_log_level in ("WARN", "ERROR"):
        return Advice(
            "report-missing",
            f"{text} Set the function's system log level to INFO (it is {facts.system_log_level}).",
        )
    return Advice("report-missing", f"{text} Check the function's logging configuration.")


def _late(samples: Sequence[Sample]) -> Advice | None:
    if not samples:
        return None
    lag = median(sample.lag_ms for sample in samples)
    service = median(sample.service_ms for sample in samples)
    if lag <= max(_LAG_MS, _LAG_SHARE * service):
        return None
    text = (
        f"Calls were sent {lag:.1f} ms late in the median: the load generator was the bottleneck, "
        "and client latency includes its delay. Lower the rate, or allow more concurrency or "
        "workers."
    )
    return Advice("generator-late", text)


def _throttled(samples: Sequence[Sample]) -> Advice | None:
    reasons = Counter(s.reason for s in samples if s.outcome is Outcome.THROTTLED)
    if not reasons:
        return None
    total = sum(reasons.values())
    named = ", ".join(f"{reason} {n}" for reason, n in reasons.most_common(3))
    text = (
        f"{total} of {len(samples)} calls were throttled ({named}). "
        "Raise the concurrency limit, or send fewer at once."
    )
    return Advice("throttled", text)


def _transport(samples: Sequence[Sample]) -> Advice | None:
    words = Counter(s.reason for s in samples if s.outcome is Outcome.TRANSPORT_ERROR)
    if not words:
        return None
    text = (
        f"{sum(words.values())} of {len(samples)} calls got no answer "
        f"({words.most_common(1)[0][0]}). Check the network between here and the function."
    )
    return Advice("transport-errors", text)


def _failing(samples: Sequence[Sample]) -> Advice | None:
    """Failures at sizes that do work: what is measured there is of the other calls alone."""
    worked = {s.memory_mb for s in samples if s.outcome is Outcome.OK}
    there = [s for s in samples if s.memory_mb in worked]
    words = Counter(_FAILURES[s.outcome] for s in there if s.outcome in _FAILURES)
    if not words:
        return None
    named = ", ".join(f"{count} {word}" for word, count in words.most_common())
    text = (
        f"{sum(words.values())} of {len(there)} calls failed at sizes where others succeeded "
        f"({named}); durations and costs count only those that succeeded. Fix the errors, then run "
        "it again."
    )
    return Advice("failed-calls", text)


def _few_samples(samples: Sequence[Sample]) -> Advice | None:
    counts = Counter(s.memory_mb for s in samples if _is_warm(s))
    few = [n for n in counts.values() if n < _FEW]
    if not few:
        return None
    which = "All sizes" if len(few) == len(counts) else f"{len(few)} of the {len(counts)} sizes"
    text = (
        f"{which} have fewer than {_FEW} warm samples of their own, so p95 and p99 are estimates "
        "from the fit. If the tail matters, measure more: --invocations 200 or --method grid."
    )
    return Advice("few-samples", text)


def _drift(samples: Sequence[Sample]) -> Advice | None:
    by_size: dict[int, list[float]] = defaultdict(list)
    for sample in sorted(samples, key=lambda s: s.sent_s):
        if _is_warm(sample) and sample.duration_ms:
            by_size[sample.memory_mb].append(sample.duration_ms)
    ratios = [
        median(times[len(times) // 2 :]) / median(times[: len(times) // 2])
        for times in by_size.values()
        if len(times) >= _DRIFT_SAMPLES and median(times) >= _DRIFT_MS
    ]
    # One size may wander by chance; all of them together do not.
    if not ratios or abs(median(ratios) - 1.0) <= _DRIFT:
        return None
    change = median(ratios) - 1.0
    text = (
        f"The later half of the calls was {abs(change):.0%} {'slower' if change > 0 else 'faster'} "
        "at every size: the machine or the function changed during the run. Sizes were "
        "interleaved, so their ranking holds; run it again for exact durations."
    )
    return Advice("drift", text)


def _too_few_cores(platform: Mapping[str, Any], sizes_mb: Sequence[int]) -> Advice | None:
    cores = platform.get("cores")
    if not isinstance(cores, int):
        return None
    beyond = [size for size in sizes_mb if size / _ONE_CORE_MB > cores]
    if not beyond:
        return None
    text = (
        f"This machine has {cores} cores, fewer than Lambda gives {_sizes(beyond)}: parallel code "
        f"looks slower here. Rely on sizes up to {cores * _ONE_CORE_MB:,} MB, or measure on AWS."
    )
    return Advice("cores-few", text)


def _share_off(platform: Mapping[str, Any]) -> Advice | None:
    rows = platform.get("cpu_share") or []
    off = [row for row in rows if abs(row.get("error", 0.0)) > _SHARE_ERROR]
    if not off:
        return None
    worst = max(off, key=lambda row: abs(row["error"]))
    text = (
        f"The CPU share applied at {worst['memory_mb']} MB was {worst['error']:+.0%} off "
        f"({platform.get('cpu_method', 'unknown method')}), and durations with it. Close other "
        "programs and run again."
    )
    return Advice("cpu-share-off", text)


def _stands_in(facts: FunctionFacts) -> Advice | None:
    if facts.runtime is None or facts.runtime not in (facts.platform.get("stands_in_for") or ()):
        return None
    text = (
        f"Python {facts.platform.get('python')} ran in place of {facts.runtime}; speeds differ "
        "between versions. Run tuner with that Python, or measure on AWS."
    )
    return Advice("runtime-stands-in", text)


def _template(platform: Mapping[str, Any]) -> Advice | None:
    notes = platform.get("template_notes") or []
    if not notes:
        return None
    return Advice("template-unknown", f"Of the template: {'. '.join(map(str, notes))}.")


def _is_warm(sample: Sample) -> bool:
    return sample.outcome is Outcome.OK and sample.purpose is not Purpose.COLD and not sample.cold


def _sizes(sizes_mb: Sequence[int]) -> str:
    return f"{', '.join(f'{size:,}' for size in sizes_mb)} MB"


def _listed(values: Sequence[object]) -> str:
    return ", ".join("unknown" if value is None else str(value) for value in values)


_FEW_ROWS = 5  # of a size; below, its scatter cannot be seen


def recording_advice(recording: Recording, sizes_mb: Iterable[int]) -> tuple[Advice, ...]:
    """Return doubts about a recording: sizes with few rows, or with cold ones only."""
    sizes = list(sizes_mb)
    found = (_recorded_few(recording, sizes), _recorded_cold(recording, sizes))
    return tuple(advice for advice in found if advice is not None)


def _recorded_few(recording: Recording, sizes_mb: Sequence[int]) -> Advice | None:
    counts = [len(recording.by_size[size]) for size in sizes_mb if recording.by_size.get(size)]
    few = [count for count in counts if count < _FEW_ROWS]
    if not few or any(note.code == "recorded-means" for note in recording.notes):
        return None
    which = "every size" if len(few) == len(counts) else f"{len(few)} of the {len(counts)} sizes"
    text = (
        f"The recording has fewer than {_FEW_ROWS} rows of {which}. A replay draws the same rows "
        "repeatedly, so the answer looks more certain than it is. Record more calls."
    )
    return Advice("recorded-few", text)


def _recorded_cold(recording: Recording, sizes_mb: Sequence[int]) -> Advice | None:
    cold = [
        size
        for size in sizes_mb
        if recording.by_size.get(size) and all(row.init_ms for row in recording.rows(size))
    ]
    if not cold:
        return None
    listed = f"{', '.join(f'{size:,}' for size in cold)} MB"
    which = "every size" if len(cold) == len(recording.by_size) else listed
    text = (
        f"All recorded rows of {which} are cold starts; warm figures are their durations "
        "without INIT, which may be slower than warm calls. Record warm invocations as well."
    )
    return Advice("recorded-cold", text)
