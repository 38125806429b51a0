"""Rows of samples read as columns: a run may have a million, and few of them are ever objects.

What most samples have is read as NULL, as a text object for each of them would take longer than
everything else. Rows are taken some thousands at a time; what no row of a run has takes no memory.
"""

import gc
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Select, bindparam, func, select

from tuner.records import ON_DEMAND, Outcome, Purpose, Setting
from tuner.sample_table import FLOATS, OWN, WHOLE, Columns, Kind, SampleTable, as_column
from tuner.store.plain import TEXTS
from tuner.store.tables import samples

#: The usual texts of the columns that make a sample's kind, by column.
_USUAL = {
    "purpose": str(Purpose.WARM),
    "outcome": str(Outcome.OK),
    "arch": "x86_64",
    "start": ON_DEMAND,
    "code": "",
    "load": "",
    "payload_class": "",
}
_OF_KIND = ("purpose", "outcome", *Setting._fields)
_SIZE = _OF_KIND.index("memory_mb")
#: Rows that are taken at a time, as they fit into a processor's cache; and of one statement.
_ROWS, _OF_A_PAGE = 1_000, 100_000

#: Where only a whole number may stand, and the most memory that makes sense.
_WHOLE = (*WHOLE, "status", "payload")
_MOST_MB = 1_000_000
#: Numbers that figures are made of, and the most of them that makes sense, in seconds or
#: milliseconds.
_OF_FIGURES = ("due_s", "sent_s", "duration_ms", "billed_ms", "init_ms")
_MOST = 1e12


def read_samples(connection: Connection, key: int, fields: Sequence[str] = OWN) -> SampleTable:
    """These fields of all samples of a run in order of arrival, and their kinds.

    Raises ValueError for rows that make no sense.
    """
    kinds, parts = _Kinds(), _Parts(fields)
    with _without_collector():
        for rows in _rows(connection, key, _page(fields)):
            _, *columns = zip(*rows, strict=True)
            own = zip(fields, columns, strict=False)
            kind = kinds.codes(columns[len(fields) :])
            parts.add({**{name: _column(name, values) for name, values in own}, "kind": kind})
    return SampleTable.of(Columns(kinds.found, parts.joined()))


def _rows(connection: Connection, key: int, page: Select[Any]) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of a run, some thousands at a time, as the driver has them: those of SQLAlchemy
    take as long again."""
    last: int | None = -1
    while last is not None:
        found = connection.execute(page, {"key": key, "last": last})
        cursor: Any = found.cursor
        last = None
        while rows := cursor.fetchmany(_ROWS):
            yield rows
            last = rows[-1][0]
        found.close()


@contextmanager
def _without_collector() -> Iterator[None]:
    """Pause garbage collection: nothing of what is read is garbage that it would find."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _page(fields: Sequence[str]) -> Select[Any]:
    """A page of a run's rows: a driver may hold all rows of a statement in memory."""
    usual = [
        func.nullif(samples.c[name], _USUAL[name]) if name in _USUAL else samples.c[name]
        for name in _OF_KIND
    ]
    wanted = select(samples.c.id, *(samples.c[name] for name in fields), *usual)
    own = (samples.c.run_id == bindparam("key")) & (samples.c.id > bindparam("last"))
    return wanted.where(own).order_by(samples.c.id).limit(_OF_A_PAGE)


class _Kinds(dict[tuple[Any, ...], int]):
    """Numbers of the kinds that were read so far."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Kind] = []

    def codes(self, columns: Sequence[tuple[Any, ...]]) -> NDArray[np.int64]:
        """The numbers of the kinds of rows, from their columns of ``_OF_KIND``."""
        count = len(columns[0])
        if all(each.count(None) == count for at, each in enumerate(columns) if at != _SIZE):
            sizes = columns[_SIZE]  # all that rows differ in
            known = {each: self[_usual_of(each)] for each in set(sizes)}
            return np.fromiter(map(known.__getitem__, sizes), np.int64, count)
        return np.fromiter(map(self.__getitem__, zip(*columns, strict=True)), np.int64, count)

    def __missing__(self, values: tuple[Any, ...]) -> int:
        purpose, outcome, *setting = (
            _USUAL.get(name) if value is None else value
            for name, value in zip(_OF_KIND, values, strict=True)
        )
        self.found.append(Kind(Purpose(str(purpose)), Outcome(str(outcome)), _setting(setting)))
        self[values] = len(self)
        return self[values]


def _usual_of(memory_mb: object) -> tuple[Any, ...]:
    """The columns of a size's usual kind."""
    return tuple(memory_mb if name == "memory_mb" else None for name in _OF_KIND)


def _setting(values: Sequence[Any]) -> Setting:
    setting = Setting(*values)
    if not isinstance(setting.memory_mb, int) or not 0 < setting.memory_mb <= _MOST_MB:
        raise ValueError(f"memory_mb of a sample is {setting.memory_mb!r:.40}")
    return setting


class _Parts:
    """Columns that arrive in pieces; ``None`` is a piece without any value."""

    def __init__(self, fields: Sequence[str]) -> None:
        self._of: dict[str, list[NDArray[Any] | None]] = {name: [] for name in (*fields, "kind")}
        self._sizes: list[int] = []

    def add(self, columns: dict[str, Any]) -> None:
        for name, column in columns.items():
            self._of[name].append(column)
        self._sizes.append(columns["kind"].size)

    def joined(self) -> dict[str, NDArray[Any]]:
        """The whole columns; the pieces are let go one column after another."""
        return {name: self._whole(name, self._of.pop(name)) for name in list(self._of)}

    def _whole(self, name: str, pieces: Iterable[NDArray[Any] | None]) -> NDArray[Any]:
        known = list(pieces)
        if all(each is None for each in known):
            return np.broadcast_to(as_column(name, [None] * bool(known)), sum(self._sizes))
        sized = zip(known, self._sizes, strict=True)
        return np.concatenate(
            [as_column(name, [None]).repeat(size) if each is None else each for each, size in sized]
        )


def _column(name: str, values: tuple[Any, ...]) -> NDArray[Any] | None:
    """A piece of a column. Raises ValueError for what cannot be a sample's."""
    if values.count(None) == len(values) and name not in WHOLE:
        return None
    if name in FLOATS:
        return _numbers(name, values)
    if name in WHOLE:
        return _whole_numbers(name, values)
    _check_kinds(name, set(map(type, values)))
    return as_column(name, values)


def _numbers(name: str, values: tuple[Any, ...]) -> NDArray[np.float64]:
    try:
        column = np.frombuffer(array("d", values))
    except TypeError:  # some are not known, or no numbers
        _check_kinds(name, set(map(type, values)))
        column = as_column(name, values)
    if np.isinf(column).any():
        raise ValueError("a number of a sample is infinite")
    signed = np.abs(column) if name in ("due_s", "sent_s") else column
    if name in _OF_FIGURES and (signed >= _MOST).any():
        raise ValueError("a moment or a duration of a sample is too large")
    return column


def _whole_numbers(name: str, values: tuple[Any, ...]) -> NDArray[np.int64]:
    try:
        return np.frombuffer(array("q", values), dtype=np.int64)
    except TypeError:
        _check_kinds(name, set(map(type, values)))
        raise ValueError(f"{name} of a sample is missing") from None


def _check_kinds(name: str, kinds: set[type]) -> None:
    """Raise ValueError for a text where a number is stored; SQLite keeps any kind anywhere."""
    if bytes in kinds or (str in kinds and name not in TEXTS):
        raise ValueError(f"{name} of a sample is no number")
    if float in kinds and name in _WHOLE:
        raise ValueError(f"{name} of a sample is no whole number")
