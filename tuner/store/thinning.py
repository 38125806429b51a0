"""Many samples as a few HDR histograms, and samples again that have the same percentiles.

Samples are alike that differ in nothing but numbers: purpose, setting, version, attempt, outcome,
reason and whether they were cold. Messages and log tails, which may hold data of payloads, are
dropped. Of each such group its count is kept, and of each figure a
histogram to three significant digits (hdrhistogram.org). What comes back is a set of stand-ins: as
many as there were, each figure with its distribution, in a random order. Figures of one call are
matched by rank, which is right where the larger one goes with the larger other.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from random import Random
from typing import Any

from tuner.records import Advice, Outcome, Purpose, Sample, Setting
from tuner.store.plain import REPORTED, plain, record

#: The document that a thinned run has in place of its samples.
DOCUMENT = "thinned"

_SCHEMA = "tuner.thinned/1"
_DIGITS = 3
_LONGEST = 10**11  # µs: more than a day
#: Interleaved rounds are kept apart where each of their groups has so many samples on average.
_PER_ROUND = 100
#: Reasons that are kept by name; a function may put anything into its errors.
_REASONS = 30

#: What REPORT and retries tell of a sample; it may lack each.
_REPORTED = ("retry_after_s", *REPORTED, "backoff_ms")
#: What is kept of a sample by histogram: milliseconds, seconds or MB.
_FIGURES: dict[str, Callable[[Sample], float | None]] = {
    "latency_ms": lambda s: s.latency_ms,
    "lag_ms": lambda s: s.lag_ms,
    "first_byte_ms": lambda s: (
        None if s.first_byte_s is None else (s.first_byte_s - s.due_s) * 1000.0
    ),
    **{name: attrgetter(name) for name in _REPORTED},
}

#: Fields that samples of a group have in common, as they are.
_COMMON = ("purpose", "setting", "qualifier", "attempt", "outcome", "status", "payload")
_SAME = attrgetter(*_COMMON, "reason", "round")
_MAY_LACK = attrgetter("first_byte_s", *_REPORTED)


@dataclass(frozen=True)
class Alike:
    """Common properties of a group's samples; ``known`` are the figures that they have."""

    purpose: Purpose
    setting: Setting
    qualifier: str | None
    attempt: int
    outcome: Outcome
    status: int | None
    reason: str | None
    payload: int | None
    round: int | None  # None: rounds were not kept apart
    known: tuple[str, ...]


@dataclass(frozen=True)
class Histogram:
    """Numbers times ``scale``, rounded, in HdrHistogram's own format (V2, base64)."""

    scale: int
    encoded: str


@dataclass(frozen=True)
class Group:
    """Number and figures of samples that are alike."""

    alike: Alike
    count: int
    figures: Mapping[str, Any] = field(default_factory=dict)  # name: Histogram


@dataclass(frozen=True)
class Thinned:
    """The document: when (seconds since the epoch) how many samples became which groups."""

    schema: str
    at: float
    count: int
    groups: tuple[Group, ...]


def thinned(samples: Sequence[Sample], at: float) -> dict[str, Any]:
    """The document for these samples."""
    by_key: dict[tuple[Any, ...], list[Sample]] = {}
    for sample in samples:
        by_key.setdefault((*_SAME(sample), *(v is None for v in _MAY_LACK(sample))), []).append(
            sample
        )
    by_round = _PER_ROUND * len(by_key) <= len(samples)
    common = {reason for reason, _ in Counter(s.reason for s in samples).most_common(_REASONS)}
    groups: dict[Alike, list[Sample]] = {}
    for members in by_key.values():
        groups.setdefault(_alike(members[0], common, by_round), []).extend(members)
    made = tuple(_group(alike, members) for alike, members in groups.items())
    document: dict[str, Any] = plain(Thinned(_SCHEMA, at, len(samples), made))
    return document


def stand_ins(document: Mapping[str, Any], seed: str) -> list[Sample]:
    """Samples with the same counts and percentiles. Raises ``ValueError`` for another document."""
    read = record(Thinned, document)
    if read.schema != _SCHEMA:
        raise ValueError(f"schema {read.schema:.40} needs a newer tuner")
    random = Random(f"{seed}/thinned")
    made = [each for group in read.groups for each in _members(group, random)]
    random.shuffle(made)
    return [_sample(number, alike, figures) for number, (alike, figures) in enumerate(made)]


def count_of(document: Mapping[str, Any]) -> int:
    """Number of samples that there were; 0 for a document that does not tell."""
    count = document.get("count")
    return count if isinstance(count, int) else 0


def advice(document: Mapping[str, Any]) -> Advice:
    """Warn of what a run that was thinned can no longer tell."""
    text = (
        f"The {count_of(document):,} samples of this run were thinned to histograms. Counts, means "
        "and percentiles of each size are as measured, to three digits. The order of calls is "
        "gone: no drift can be shown, the run cannot be resumed, and confidence treats its calls "
        "as independent. Measure again before a close decision."
    )
    return Advice("samples-in-histograms", text)


def _alike(sample: Sample, reasons: set[str | None], by_round: bool) -> Alike:
    common: dict[str, Any] = {name: getattr(sample, name) for name in _COMMON}
    return Alike(
        **common,
        reason=sample.reason if sample.reason in reasons else "other reasons",
        round=sample.round if by_round else None,
        known=tuple(name for name, of in _FIGURES.items() if of(sample) is not None),
    )


def _group(alike: Alike, samples: Sequence[Sample]) -> Group:
    import numpy as np

    figures = {
        name: _histogram(np.array([_FIGURES[name](s) for s in samples], dtype=np.float64))
        for name in alike.known
    }
    return Group(alike, len(samples), figures)


def _histogram(values: Any) -> Histogram:
    """Whole numbers keep their own unit, in which small ones are exact."""
    import numpy as np
    from hdrh.histogram import HdrHistogram

    scale = 1 if np.all(values == np.rint(values)) else 1000
    whole = np.clip(np.rint(values * scale), 0, _LONGEST).astype(np.int64)
    histogram: Any = HdrHistogram(1, _LONGEST, _DIGITS)
    for value, count in zip(*np.unique(whole, return_counts=True), strict=True):
        histogram.record_value(int(value), int(count))
    return Histogram(scale, histogram.encode().decode())


def _members(group: Group, random: Random) -> list[tuple[Alike, dict[str, float]]]:
    """Return a row of figures for each sample of a group, matched by rank."""
    known = set(group.alike.known)
    if known != group.figures.keys() or not {"latency_ms", "lag_ms"} <= known <= _FIGURES.keys():
        raise ValueError("figures and histograms do not go together")
    columns = {name: _values(name, each, group.count) for name, each in group.figures.items()}
    return [
        (group.alike, {name: values[row] for name, values in columns.items()})
        for row in range(group.count)
    ]


def _values(name: str, histogram: object, count: int) -> list[float]:
    """All numbers of a histogram, ascending."""
    import numpy as np
    from hdrh.histogram import HdrHistogram

    read = record(Histogram, histogram)
    try:
        decoded: Any = HdrHistogram.decode(read.encoded)
    except Exception as error:  # the library has classes of its own beside those of zlib and others
        raise ValueError(f"the histogram of {name} is damaged: {error}") from error
    if read.scale not in (1, 1000):
        raise ValueError(f"the histogram of {name} has the scale {read.scale}")
    found: list[float] = []
    counts = np.ctypeslib.as_array(decoded.counts)  # its own iterator takes a third of a second
    for index in np.flatnonzero(counts):
        least = decoded.get_value_from_index(int(index))
        most = decoded.get_highest_equivalent_value(least)
        if len(found) + int(counts[index]) > count:
            raise ValueError(f"the histogram of {name} has more than {count} values")
        found += [(least + most) // 2 / read.scale] * int(counts[index])
    if len(found) != count:
        raise ValueError(f"the histogram of {name} has {len(found)} values, not {count}")
    return found


def _sample(number: int, alike: Alike, figures: Mapping[str, float]) -> Sample:
    """A stand-in; it was due at the run's start, as nobody knows when."""
    first_byte = figures.get("first_byte_ms")
    known: dict[str, Any] = {name: getattr(alike, name) for name in _COMMON}
    known |= {name: figures[name] for name in _REPORTED if name in figures}
    return Sample(
        call=number,
        round=alike.round or 0,
        due_s=0.0,
        sent_s=figures["lag_ms"] / 1000.0,
        first_byte_s=None if first_byte is None else first_byte / 1000.0,
        done_s=figures["latency_ms"] / 1000.0,
        reason=alike.reason,
        **known,
    )
