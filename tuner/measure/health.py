"""Doubts about a measurement: each is an :class:`Advice` that ends in a next step.

Looks at the samples and at what is known of function and machine; changes and leaves out nothing.
A size that failed is no doubt about the measurement, so it is not mentioned here.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tuner.recording import Recording
from tuner.records import Advice, Backend, FunctionFacts, Outcome, Purpose, Sample
from tuner.sample_table import Floats, SampleTable, table_of
from tuner.units import counted, format_memory, format_share, listed

#: One vCPU's worth of memory (AWS Lambda quotas page).
_ONE_CORE_MB = 1769
#: The generator may be this late in the median, or this part of what it measures.
_LAG_MS, _LAG_SHARE = 1.0, 0.05
#: The applied CPU share may be off by this much; it becomes an error of durations of that size.
_SHARE_ERROR = 0.03
_FEW = 10  # below, a p95 is the maximum
_DRIFT, _DRIFT_SAMPLES = 0.10, 8  # later half against earlier half of a size's samples
_DRIFT_MS = 5.0  # below, a tenth is the scheduler's noise

#: Codes of doubts that count calls or sizes: they hold of what was looked at alone.
OF_CALLS = frozenset(
    {
        *("report-missing", "throttled", "transport-errors", "failed-calls", "answers-5xx"),
        *("init-timeout", "few-samples", "recorded-few"),
    }
)

_FAILURES = {
    Outcome.FUNCTION_ERROR: "raised an error",
    Outcome.SERVICE_ERROR: "got an error from Lambda",
    Outcome.TIMEOUT: "timed out",
    Outcome.OUT_OF_MEMORY: "ran out of memory",
}


def check(samples: Sequence[Sample], facts: FunctionFacts) -> tuple[Advice, ...]:
    """Everything that the reader of a result from these samples has to know."""
    measured = table_of(samples).only(lambda kind: kind.purpose is not Purpose.WARM_UP)
    sizes = sorted({kind.setting.memory_mb for kind in measured.counts()})
    return (
        *(() if facts.invoke_only else _report_missing(measured, facts)),
        *_late(measured),
        *_unanswered(measured),
        *_failing(measured),
        *answer_advice(
            Counter(measured.where(measured.answered_5xx).values("reason")),
            "durations and costs are those of such answers; check --payload or --event, then run "
            "it again",
        ),
        *init_advice(int(measured.cold.sum()), int(measured.init_cut.sum())),
        *_few_samples(measured),
        # A replay draws from the whole recording at random, so nothing in it comes later.
        *(() if facts.backend is Backend.REPLAY else _drift(measured)),
        *platform_advice(facts, sizes),
    )


def platform_advice(facts: FunctionFacts, sizes_mb: Iterable[int]) -> tuple[Advice, ...]:
    """Return what the local Lambda's machine cannot do as AWS does; nothing for other backends."""
    if facts.backend is not Backend.LOCAL:
        return ()
    return (*_cpu(facts.platform, sizes_mb), *_function(facts.platform, facts.runtime))


def _report_missing(samples: SampleTable, facts: FunctionFacts) -> Iterator[Advice]:
    answered = samples.only(lambda kind: kind.outcome is Outcome.OK)
    missing = int(np.isnan(answered.duration_ms).sum())
    fix = "Check the function's logging configuration."
    if facts.log_format == "JSON" and facts.system_log_level in ("WARN", "ERROR"):
        fix = f"Set the function's system log level to INFO (it is {facts.system_log_level})."
    if missing:
        yield Advice(
            "report-missing",
            f"{missing} of {len(answered)} answers had no REPORT line, so they cannot be priced. "
            f"{fix}",
        )


def _late(samples: SampleTable) -> Iterator[Advice]:
    if not len(samples):
        return
    lag = float(np.median(samples.lag_ms))
    if lag > max(_LAG_MS, _LAG_SHARE * float(np.median(samples.service_ms))):
        yield Advice(
            "generator-late",
            f"Calls were sent {lag:.1f} ms late in the median: the load generator was the "
            "bottleneck, and client latency includes its delay. Lower the rate, or allow more "
            "concurrency or workers.",
        )


def _unanswered(samples: SampleTable) -> Iterator[Advice]:
    """Calls that Lambda throttled, and those that never came back."""
    throttled = _reasons(samples, Outcome.THROTTLED)
    lost = _reasons(samples, Outcome.TRANSPORT_ERROR)
    if throttled:
        named = ", ".join(f"{reason} {n}" for reason, n in throttled.most_common(3))
        yield Advice(
            "throttled",
            f"{throttled.total()} of {len(samples)} calls were throttled ({named}). "
            "Raise the concurrency limit, or send fewer at once.",
        )
    if lost:
        yield Advice(
            "transport-errors",
            f"{lost.total()} of {len(samples)} calls got no answer ({lost.most_common(1)[0][0]}). "
            "Check the network between here and the function.",
        )


def _reasons(samples: SampleTable, outcome: Outcome) -> Counter[str | None]:
    return Counter(samples.only(lambda kind: kind.outcome is outcome).values("reason"))


def _failing(samples: SampleTable) -> Iterator[Advice]:
    """Failures at sizes that do work: what is measured there is of the other calls alone."""
    counts = samples.counts()
    worked = {kind.setting.memory_mb for kind in counts if kind.outcome is Outcome.OK}
    there = samples.only(lambda kind: kind.setting.memory_mb in worked)
    words = Counter[str]()
    for kind, count in there.counts().items():
        if kind.outcome in _FAILURES:
            words[_FAILURES[kind.outcome]] += count
    if words:
        named = ", ".join(f"{count} {word}" for word, count in words.most_common())
        yield Advice(
            "failed-calls",
            f"{words.total()} of {len(there)} calls failed at sizes where others succeeded "
            f"({named}); durations and costs count only those that succeeded. Fix the errors, then "
            "run it again.",
        )


def answer_advice(by_status: Mapping[str, int], fix: str) -> Iterator[Advice]:
    """Return a doubt if calls succeeded with answers of 5xx, which are counted ``by_status``."""
    if not by_status:
        return
    count, kind = sum(by_status.values()), max(by_status, key=lambda status: by_status[status])
    text = f"{counted(count, 'call')} succeeded with an answer of {kind}, which callers of an HTTP"
    yield Advice("answers-5xx", f"{text} front see as errors; {fix}.")


def init_advice(cold: int, cut: int) -> Iterator[Advice]:
    """Return a doubt if INIT was ``cut`` in some cold starts: a caller then waits for two."""
    if cut:
        yield Advice(
            "init-timeout",
            f"INIT ran into Lambda's limit of 10 s in {cut:,} of {cold:,} cold starts and began "
            "anew within the call, which counts against the timeout. Do less at import, or allow "
            "more memory; with provisioned concurrency INIT may take up to 15 min.",
        )


def _few_samples(samples: SampleTable) -> Iterator[Advice]:
    counts = Counter[int]()
    for kind, count in _warm(samples).counts().items():
        counts[kind.setting.memory_mb] += count
    if few := sum(count < _FEW for count in counts.values()):
        which = "All sizes" if few == len(counts) else f"{few} of the {len(counts)} sizes"
        which = "The size" if len(counts) == 1 else which
        have, own = ("has", "its") if few == 1 else ("have", "their")
        yield Advice(
            "few-samples",
            f"{which} {have} fewer than {_FEW} warm samples of {own} own: {own} p95 and p99 in the "
            "table are those of few calls, and the answer's are estimates of the curve. If the "
            "tail matters, measure more: --memory with a list, and --method grid "
            "--samples 100.",
        )


def _drift(samples: SampleTable) -> Iterator[Advice]:
    ratios = [
        float(np.median(times[times.size // 2 :]) / np.median(times[: times.size // 2]))
        for times in _by_size(_warm(samples))
        if times.size >= _DRIFT_SAMPLES and np.median(times) >= _DRIFT_MS
    ]
    # One size may wander by chance; all of them together do not.
    change = float(np.median(ratios)) - 1.0 if ratios else 0.0
    if abs(change) > _DRIFT:
        yield Advice(
            "drift",
            f"The later half of the calls was {format_share(abs(change))} "
            f"{'slower' if change > 0 else 'faster'} in the median of the sizes: the machine or "
            "the function changed during the run. Sizes were interleaved, so their ranking holds; "
            "run it again for exact durations.",
        )


def _by_size(samples: SampleTable) -> Iterator[Floats]:
    """The durations of each size that are known and not zero, in the order of being sent."""
    order = np.argsort(samples.sent_s, kind="stable")
    duration_ms, memory_mb = samples.duration_ms[order], samples.memory_mb[order]
    known = duration_ms > 0
    for size in np.unique(memory_mb):
        yield duration_ms[known & (memory_mb == size)]


def _warm(samples: SampleTable) -> SampleTable:
    ok = samples.only(lambda kind: kind.outcome is Outcome.OK and kind.purpose is not Purpose.COLD)
    return ok.where(~ok.cold)


def _cpu(platform: Mapping[str, Any], sizes_mb: Iterable[int]) -> Iterator[Advice]:
    cores = platform.get("cores")
    beyond = [s for s in sizes_mb if isinstance(cores, int) and s / _ONE_CORE_MB > cores]
    if isinstance(cores, int) and beyond:
        yield Advice(
            "cores-few",
            f"This machine has {counted(cores, 'core')}, fewer than Lambda gives "
            f"{_listed(beyond)}: parallel code looks slower here. Rely on sizes up to "
            f"{format_memory(cores * _ONE_CORE_MB)}, or measure on AWS.",
        )
    shares = platform.get("cpu_share") or ()
    off = [row for row in shares if abs(row.get("error", 0.0)) > _SHARE_ERROR]
    if off:
        worst = max(off, key=lambda row: abs(row["error"]))
        error = worst["error"]
        size = format_memory(worst["memory_mb"])
        amount = f"{format_share(abs(error))} {'less' if error < 0.0 else 'more'}"
        yield Advice(
            "cpu-share-off",
            f"A test of this machine before the run got {amount} CPU than Lambda gives "
            f"{size} ({platform.get('cpu_method', 'unknown method')}); "
            "durations may be off as much. Close other programs and run again.",
        )


def _function(platform: Mapping[str, Any], runtime: str | None) -> Iterator[Advice]:
    if runtime is not None and runtime in (platform.get("stands_in_for") or ()):
        node = runtime.startswith("nodejs")
        other = f"Node.js {platform.get('node')}" if node else f"Python {platform.get('python')}"
        fix = "Install that Node.js" if node else "Run tuner with that Python"
        yield Advice(
            "runtime-stands-in",
            f"{other} ran in place of {runtime}; speeds differ between versions. {fix}, or measure "
            "on AWS.",
        )
    if absent := platform.get("absent_packages"):
        named = ", ".join(map(str, absent))
        yield Advice(
            "packages-absent",
            f"The code names {named}, which AWS's runtime has and npm could not fetch here. Run "
            "`npm install` for them in its folder.",
        )
    if extensions := platform.get("extensions"):
        yield Advice(
            "extensions-absent",
            f"Lambda extensions do not start here: {', '.join(map(str, extensions))}. On AWS they "
            "add to INIT, to Duration and to the memory used. Measure with them on AWS.",
        )
    if foreign := platform.get("foreign_modules"):
        named = ", ".join(map(str, foreign[:3]))
        more = f" and {len(foreign) - 3} more" if len(foreign) > 3 else ""
        yield Advice(
            "foreign-modules",
            f"Compiled for another architecture than this machine's {platform.get('machine')}: "
            f"{named}{more}. They cannot be loaded here. Build the package and its layers for this "
            "machine, or measure on AWS.",
        )
    if loose := platform.get("not_enforced"):
        yield Advice(
            "not-isolated",
            f"Not as on AWS, since the kernel here allows no more: {'; '.join(map(str, loose))}. "
            "What works here may fail there.",
        )
    if notes := platform.get("template_notes"):
        yield Advice("template-unknown", f"Of the template: {'. '.join(map(str, notes))}.")


def _listed(sizes_mb: Iterable[int]) -> str:
    return f"{listed(f'{size:,}' for size in sizes_mb)} MB"


_FEW_ROWS = 5  # of a size; below, its scatter cannot be seen


def recording_advice(recording: Recording, sizes_mb: Iterable[int]) -> tuple[Advice, ...]:
    """Return doubts about a recording: sizes with few rows, or with cold ones only."""
    return tuple(_recorded(recording, [size for size in sizes_mb if recording.by_size.get(size)]))


def _recorded(recording: Recording, sizes_mb: Sequence[int]) -> Iterator[Advice]:
    few = sum(len(recording.by_size[size]) < _FEW_ROWS for size in sizes_mb)
    if few and not any(note.code == "recorded-means" for note in recording.notes):
        which = "every size" if few == len(sizes_mb) else f"{few} of the {len(sizes_mb)} sizes"
        yield Advice(
            "recorded-few",
            f"The recording has fewer than {_FEW_ROWS} rows of {which}. A replay draws the same "
            "rows repeatedly, so the answer looks more certain than it is. Record more calls.",
        )
    cold = [size for size in sizes_mb if all(row.init_ms for row in recording.rows(size))]
    if cold:
        which = "every size" if len(cold) == len(recording.by_size) else _listed(cold)
        yield Advice(
            "recorded-cold",
            f"All recorded rows of {which} are cold starts; warm figures are their durations "
            "without INIT, which may be slower than warm calls. Record warm invocations as well.",
        )
