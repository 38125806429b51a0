"""Samples as columns, which figures are computed from, of ten samples as of a million.

A :class:`SampleTable` is a sequence of samples that has each of their fields as a numpy array, too.
It is made of sample objects, whose fields become arrays when they are first asked for, or of arrays
that a store has read, of which samples are made when somebody wants them. A number that is not
known is NaN in a column and ``None`` in a sample.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from operator import attrgetter
from typing import Any, NamedTuple, Protocol, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from tuner.records import INIT_CUT_MS, ON_DEMAND, PROXIED, Outcome, Purpose, Sample, Setting

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]
T = TypeVar("T")


class Kind(NamedTuple):
    """What samples have in common with many others: a run has few kinds, whatever its length."""

    purpose: Purpose
    outcome: Outcome
    setting: Setting


#: Fields of a sample by how their column keeps them: as numbers, as whole numbers, as they are.
OWN = tuple(each.name for each in fields(Sample) if each.name not in Kind._fields)
_HINTS = Sample.__annotations__
FLOATS = tuple(name for name in OWN if _HINTS[name] in (float, float | None))
WHOLE = tuple(name for name in OWN if _HINTS[name] is int)
OBJECTS = tuple(name for name in OWN if name not in (*FLOATS, *WHOLE))

#: Fields that answers are made of: the others tell calls apart, or are for loads.
FIGURES = (
    *("attempt", "round", "due_s", "sent_s", "done_s", "duration_ms", "billed_ms", "init_ms"),
    *("restore_ms", "max_memory_mb", "reason", "message", "log_tail"),
)

#: Samples that are made at once where they are made of columns.
_AT_ONCE = 4_096


class Source(Protocol):
    """Where the columns of a table come from."""

    @property
    def kinds(self) -> Sequence[Kind]:
        """The kinds that there are, at least."""
        ...

    def column(self, name: str) -> NDArray[Any]:
        """A field of all samples, or for "kind" the index of each one's in ``kinds``."""
        ...

    def samples(self, rows: Whole) -> Iterator[Sample]:
        """The samples of these rows."""
        ...


class SampleTable(Sequence[Sample]):
    """Samples in order, and their fields as arrays of the same length."""

    def __init__(self, source: Source, rows: Whole) -> None:
        self._source = source
        self._rows: Whole | None = rows  # None: all of the source
        self._length = rows.size
        self._known: dict[str, NDArray[Any]] = {}

    @classmethod
    def of(cls, source: Source) -> "SampleTable":
        """Everything that the source has."""
        count = source.column("kind").size
        whole = cls(source, np.empty(0, dtype=np.int64))
        whole._rows, whole._length = None, count
        return whole

    # Parts

    def only(self, wanted: Callable[[Kind], bool]) -> "SampleTable":
        """The samples of the kinds that are wanted."""
        chosen = np.fromiter(map(wanted, self._source.kinds), np.bool_, len(self._source.kinds))
        return self if chosen.all() else self.where(chosen[self.kind])

    def where(self, chosen: Flags) -> "SampleTable":
        """The samples for which ``chosen`` (one flag per sample) holds."""
        if chosen.all():
            return self
        rows = np.flatnonzero(chosen)
        return SampleTable(self._source, rows if self._rows is None else self._rows[rows])

    def counts(self) -> dict[Kind, int]:
        """Number of samples of each kind that there is, those that came first first."""
        kind, kinds = self.kind, self._source.kinds
        number = np.bincount(kind, minlength=len(kinds))
        first = np.zeros(len(kinds), dtype=np.int64)
        first[kind[::-1]] = np.arange(kind.size)[::-1]
        present = np.flatnonzero(number)
        ordered = present[np.argsort(first[present])]
        return {kinds[each]: int(number[each]) for each in ordered.tolist()}

    def number(self, wanted: Callable[[Kind], bool]) -> int:
        """Number of samples of the kinds that are wanted."""
        return sum(count for kind, count in self.counts().items() if wanted(kind))

    # Columns

    @property
    def kind(self) -> Whole:
        """Index of each sample's kind."""
        return self._column("kind")

    def by_kind(self, of: Callable[[Kind], Any], dtype: type[Any]) -> NDArray[Any]:
        """What follows from each sample's kind."""
        return np.array(list(map(of, self._source.kinds)), dtype=dtype)[self.kind]

    @property
    def memory_mb(self) -> Whole:
        """The size that was called."""
        return self.by_kind(lambda kind: kind.setting.memory_mb, np.int64)

    @property
    def attempt(self) -> Whole:
        """1 for the first request of a call."""
        return self._column("attempt")

    @property
    def round(self) -> Whole:
        """The interleaved batch of each."""
        return self._column("round")

    @property
    def due_s(self) -> Floats:
        """When each was to be sent, seconds on the run's clock."""
        return self._column("due_s")

    @property
    def sent_s(self) -> Floats:
        """When the first byte of each was written, seconds on the run's clock."""
        return self._column("sent_s")

    @property
    def done_s(self) -> Floats:
        """When each was over, seconds on the run's clock."""
        return self._column("done_s")

    @property
    def duration_ms(self) -> Floats:
        """REPORT's "Duration"."""
        return self._column("duration_ms")

    @property
    def billed_ms(self) -> Floats:
        """REPORT's "Billed Duration"."""
        return self._column("billed_ms")

    @property
    def init_ms(self) -> Floats:
        """REPORT's "Init Duration"."""
        return self._column("init_ms")

    @property
    def restore_ms(self) -> Floats:
        """REPORT's "Restore Duration"."""
        return self._column("restore_ms")

    @property
    def begun_ms(self) -> Floats:
        """INIT, or where there was none the restore."""
        init = self.init_ms
        return np.where(np.isnan(init), self.restore_ms, init)

    @property
    def max_memory_mb(self) -> Floats:
        """The most memory that its sandbox had used."""
        return self._column("max_memory_mb")

    @property
    def reason(self) -> NDArray[np.object_]:
        """Why it failed, in a word."""
        return self._column("reason")

    @property
    def latency_ms(self) -> Floats:
        """Milliseconds from the due time to the end."""
        return (self.done_s - self.due_s) * 1000.0

    @property
    def service_ms(self) -> Floats:
        """From the first byte sent to the last byte received."""
        return (self.done_s - self.sent_s) * 1000.0

    @property
    def lag_ms(self) -> Floats:
        """Milliseconds by which the load engine itself was late."""
        return (self.sent_s - self.due_s) * 1000.0

    @property
    def cold(self) -> Flags:
        """Whether each started its sandbox."""
        return ~(np.isnan(self.init_ms) & np.isnan(self.restore_ms))

    @property
    def answered_5xx(self) -> Flags:
        """Whether each succeeded with an answer that tells its HTTP front to fail."""
        well = self.by_kind(lambda kind: kind.outcome is Outcome.OK, np.bool_)
        found, reasons = np.zeros(len(self), dtype=np.bool_), self.reason
        at = np.flatnonzero(well & reasons.astype(np.bool_))  # hardly any that ended well
        found[at] = [str(reason).startswith(PROXIED) for reason in reasons[at]]
        return found

    @property
    def init_cut(self) -> Flags:
        """Whether the INIT of each ran into Lambda's limit."""
        on_demand = self.by_kind(lambda kind: kind.setting.start == ON_DEMAND, np.bool_)
        return np.asarray(on_demand & (self.init_ms >= INIT_CUT_MS), dtype=np.bool_)

    def values(self, name: str) -> list[Any]:
        """A field or a figure of each sample as samples have it, ``None`` where it is not known."""
        if name in Kind._fields:
            kept = [getattr(kind, name) for kind in self._source.kinds]
            return [kept[each] for each in self.kind.tolist()]
        return _plain(self._column(name) if name in OWN else getattr(self, name))

    def _column(self, name: str) -> NDArray[Any]:
        if self._rows is None:
            return self._source.column(name)
        if name not in self._known:
            self._known[name] = self._source.column(name)[self._rows]
        return self._known[name]

    # The sequence

    def __len__(self) -> int:
        return int(self._length)

    def _all_rows(self) -> Whole:
        return np.arange(self._length) if self._rows is None else self._rows

    @overload
    def __getitem__(self, at: int) -> Sample: ...
    @overload
    def __getitem__(self, at: slice) -> "SampleTable": ...
    def __getitem__(self, at: int | slice) -> "Sample | SampleTable":
        if isinstance(at, slice):
            return SampleTable(self._source, self._all_rows()[at])
        row = self._all_rows()[at]
        return next(self._source.samples(np.array([row])))

    def __iter__(self) -> Iterator[Sample]:
        return self._source.samples(self._all_rows())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{len(self)} samples>"


def table_of(samples: Sequence[Sample]) -> SampleTable:
    """The samples as a table; of a table itself."""
    if isinstance(samples, SampleTable):
        return samples
    return SampleTable.of(_Objects(samples))


def total(values: Floats) -> float:
    """Sum of values, added up one after another, as who counts them while they come does."""
    return float(np.cumsum(values)[-1]) if values.size else 0.0


class _Objects:
    """Columns of sample objects."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = list(samples)
        known: dict[tuple[Purpose, Outcome, Setting], int] = {}
        codes = [
            known.setdefault((s.purpose, s.outcome, s.setting), len(known)) for s in self._samples
        ]
        self.kinds = [Kind(*each) for each in known]
        self._columns: dict[str, NDArray[Any]] = {"kind": np.array(codes, dtype=np.int64)}

    def column(self, name: str) -> NDArray[Any]:
        if name not in self._columns:
            values = list(map(attrgetter(name), self._samples))
            self._columns[name] = as_column(name, values)
        return self._columns[name]

    def samples(self, rows: Whole) -> Iterator[Sample]:
        return map(self._samples.__getitem__, rows.tolist())


def as_column(name: str, values: Sequence[Any]) -> NDArray[Any]:
    """The values of a field as its column."""
    if name in FLOATS:
        return np.array(values, dtype=np.float64)
    if name in (*WHOLE, "kind"):
        return np.array(values, dtype=np.int64)
    column = np.empty(len(values), dtype=np.object_)
    column[:] = values
    return column


# A frozen class's own __init__ sets each field the long way; a run may have a million samples.
_SET = tuple(getattr(Sample, name).__set__ for name in (*OWN, *Kind._fields))


class Columns:
    """Columns that were read as such: "kind" and those of ``OWN``, or of ``FIGURES`` alone, of
    which no samples can be made."""

    def __init__(self, kinds: Sequence[Kind], columns: Mapping[str, NDArray[Any]]) -> None:
        self.kinds = kinds
        self._columns = columns

    def column(self, name: str) -> NDArray[Any]:
        try:
            return self._columns[name]
        except KeyError:
            raise LookupError(f"{name} of these samples was not read") from None

    def samples(self, rows: Whole) -> Iterator[Sample]:
        for first in range(0, rows.size, _AT_ONCE):
            at = rows[first : first + _AT_ONCE]
            own = [_plain(self.column(name)[at]) for name in OWN]
            kinds = [self.kinds[each] for each in self.column("kind")[at].tolist()]
            yield from map(_sample, zip(*own, *zip(*kinds, strict=True), strict=True))


def _sample(values: Iterable[Any]) -> Sample:
    sample = Sample.__new__(Sample)
    for put, value in zip(_SET, values, strict=True):
        put(sample, value)
    return sample


def _plain(column: NDArray[Any]) -> list[Any]:
    """The values of a column as a sample has them."""
    if column.dtype != np.float64:
        return list(column.tolist())
    unknown = np.isnan(column)
    if unknown.all():
        return [None] * column.size
    values: list[Any] = column.tolist()
    return [None if v != v else v for v in values] if unknown.any() else values
