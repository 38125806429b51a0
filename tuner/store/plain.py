"""Records as plain values that JSON can hold and as rows of the tables, and back again.

JSON is used for the structured columns and for exported files. Reading ignores keys that it does
not know (a later version wrote them) and gives a missing key its default; whatever cannot be a
record raises ``ValueError`` with the name of the field. Numbers that are not finite are not known,
so they become ``None``.
"""

import gc
import json
import math
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from functools import cache, lru_cache
from numbers import Integral, Real
from typing import Any, TypeVar

from tuner.errors import StoreError
from tuner.records import (
    Outcome,
    Purpose,
    RunRecord,
    Sample,
    Setting,
)

T = TypeVar("T")


def plain(value: object) -> Any:
    """Turn records, mappings, sequences and numbers into what JSON can hold."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value) if math.isfinite(value) else None
    if is_dataclass(value):
        found: dict[str, Any] = {}
        for field in fields(value):
            own = getattr(value, field.name)
            found |= plain(own) if isinstance(own, Setting) else {field.name: plain(own)}
        return found
    if isinstance(value, Setting):
        return {name: plain(each) for name, each in value._asdict().items()}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(each) for each in value]
    return str(value)


def dumps(value: object) -> str:
    """Write a record or a structure of them as one line of JSON."""
    return json.dumps(plain(value), allow_nan=False, separators=(",", ":"))


def text(value: str | None) -> str | None:
    """Make foreign text storable: databases refuse NUL and lone surrogates."""
    if value is None or (value.isprintable() and value.isascii()):
        return value
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def record(kind: type[T], values: object) -> T:
    """Build the dataclass ``kind`` from what :func:`plain` made of it.

    Raises ``ValueError`` if a field is missing that has no default, or has a wrong type.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"{kind.__name__} is not an object")
    found: dict[str, Any] = {}
    for name, hint, required in _layout(typing.cast("Any", kind)):
        if hint is Setting:
            found[name] = _setting(values)
        elif name in values:
            found[name] = _value(name, hint, values[name])
        elif required:
            raise ValueError(f"{name} is missing")
    return kind(**found)


def _setting(values: Mapping[Any, Any]) -> Setting:
    hints = Setting.__annotations__
    known = {name: _value(name, hints[name], values[name]) for name in hints if name in values}
    if "memory_mb" not in known:
        raise ValueError("memory_mb is missing")
    return _one(Setting(**known))


@lru_cache(1000)
def _one(setting: Setting) -> Setting:
    """Return one object for all that are equal: a file may have a million samples."""
    return setting


@cache
def _layout(kind: Any) -> tuple[tuple[str, Any, bool], ...]:
    hints = typing.get_type_hints(kind)
    return tuple(
        (f.name, hints[f.name], f.default is MISSING and f.default_factory is MISSING)
        for f in fields(kind)
    )


def _value(name: str, hint: Any, value: object) -> Any:
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is types.UnionType:
        return None if value is None else _value(name, inner[0], value)
    if origin is tuple and isinstance(value, list):
        return tuple(_value(name, inner[0], each) for each in value)
    if origin is Mapping and isinstance(value, Mapping):
        return dict(value)
    if origin is None:
        return _scalar(name, hint, value)
    raise ValueError(f"{name} cannot be {value!r:.60}")


def _scalar(name: str, kind: Any, value: object) -> Any:
    if is_dataclass(kind):
        return record(typing.cast("type[Any]", kind), value)
    if issubclass(kind, StrEnum) and isinstance(value, str) and value in set(kind):
        return kind(value)
    whole = isinstance(value, int) and not isinstance(value, bool)
    if kind is float and (whole or isinstance(value, float)):
        number = float(typing.cast("float", value))
        if name in _MOMENTS and not 0 <= number < _END_OF_CALENDAR_S:
            raise ValueError(f"{name} cannot be {value!r:.60}")
        return number
    if (kind is int and whole) or (kind in (str, bool) and type(value) is kind):
        return value
    raise ValueError(f"{name} cannot be {value!r:.60}")


#: Fields in seconds since the epoch, and where Python's calendar ends: at the year 10,000.
_MOMENTS = ("started_at", "finished_at", "accepted_at")
_END_OF_CALENDAR_S = 253_402_300_800.0

#: Fields of a sample that few different values are shared by, and all others.
_SHARED = ("purpose", "outcome", "setting")
_FIELDS = tuple(field.name for field in fields(Sample) if field.name not in _SHARED)
#: The sample's columns in this order: its fields, the shared ones last.
SAMPLE_COLUMNS = (*_FIELDS, "purpose", "outcome", *Setting._fields)

#: What REPORT says of a sample.
REPORTED = (
    "duration_ms", "billed_ms", "init_ms", "restore_ms", "billed_restore_ms", "max_memory_mb",
)  # fmt: skip
#: Where a text may stand among a sample's own columns, where only a whole number may, and the most
#: memory that makes sense.
_MAY_BE_TEXT = ("qualifier", "reason", "request_id", "message", "log_tail")
_WHOLE = ("call", "attempt", "round", "status", "payload")
_MOST_MB = 1_000_000
#: What figures are made of, and the most of it that makes sense, in seconds or milliseconds.
_DUE, _SENT, _RAN, _BILLED, _INIT = map(
    _FIELDS.index, ("due_s", "sent_s", "duration_ms", "billed_ms", "init_ms")
)
_MOST = 1e12
_INFINITE = frozenset({math.inf, -math.inf})


def sample_row(run_id: int, sample: Sample) -> dict[str, Any]:
    """Return a row of ``tuner_samples``."""
    row: dict[str, Any] = {name: getattr(sample, name) for name in _FIELDS}
    row |= sample.setting._asdict()
    row["run_id"] = run_id
    row["purpose"], row["outcome"] = str(sample.purpose), str(sample.outcome)
    for name in (*_MAY_BE_TEXT, *Setting._fields[1:]):
        row[name] = text(row[name])
    return row


# A frozen class's own __init__ sets each field the long way; a run may have a million samples.
_SET = tuple(getattr(Sample, name).__set__ for name in _FIELDS)
_SET_SHARED = tuple(getattr(Sample, name).__set__ for name in _SHARED)


def samples_of(rows: Iterable[Sequence[Any]]) -> list[Sample]:
    """Samples from rows whose columns are ``SAMPLE_COLUMNS``; what is shared is one object.

    Raises ValueError for a row that makes no sense.
    """
    put_purpose, put_outcome, put_setting = _SET_SHARED
    known: dict[Any, tuple[Purpose, Outcome, Setting]] = {}
    good: set[tuple[type, ...]] = set()
    count = len(_FIELDS)
    samples = []
    with _without_collector():
        for row in rows:
            kinds = tuple(map(type, row))
            if kinds not in good:
                _check_kinds(kinds)
                good.add(kinds)
            if not _INFINITE.isdisjoint(row):
                raise ValueError("a number of a sample is infinite")
            if not (
                -_MOST < row[_DUE] < _MOST
                and -_MOST < row[_SENT] < _MOST
                and (row[_RAN] or 0.0) < _MOST
                and (row[_BILLED] or 0.0) < _MOST
                and (row[_INIT] or 0.0) < _MOST
            ):
                raise ValueError("a moment or a duration of a sample is too large")
            sample = Sample.__new__(Sample)
            for put, value in zip(_SET, row, strict=False):
                put(sample, value)
            key = row[count:]
            shared = known.get(key)
            if shared is None:
                purpose, outcome, *setting = key
                shared = Purpose(purpose), Outcome(outcome), _stored_setting(setting)
                known[key] = shared
            put_purpose(sample, shared[0])
            put_outcome(sample, shared[1])
            put_setting(sample, shared[2])
            samples.append(sample)
    return samples


def _check_kinds(kinds: tuple[type, ...]) -> None:
    """Raise ValueError for a text where a number is stored; SQLite keeps any kind anywhere."""
    for name, kind in zip(_FIELDS, kinds, strict=False):
        if (name not in _MAY_BE_TEXT and issubclass(kind, str)) or issubclass(kind, bytes):
            raise ValueError(f"{name} of a sample is no number")
        if name in _WHOLE and issubclass(kind, float):
            raise ValueError(f"{name} of a sample is no whole number")


def _stored_setting(values: Sequence[Any]) -> Setting:
    setting = Setting(*values)
    if not isinstance(setting.memory_mb, int) or not 0 < setting.memory_mb <= _MOST_MB:
        raise ValueError(f"memory_mb of a sample is {setting.memory_mb!r:.40}")
    return setting


@contextmanager
def _without_collector() -> Iterator[None]:
    """Pause garbage collection: nothing of what is read is garbage yet."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def columns(one: Any) -> dict[str, Any]:
    """The fields of a record as columns: texts made storable, structures as JSON."""
    return {field.name: _column(getattr(one, field.name)) for field in fields(one)}


def _column(value: object) -> Any:
    if isinstance(value, str):
        return text(str(value))
    return value if value is None or isinstance(value, int | float) else dumps(value)


def run_of(row: Any, where: str) -> RunRecord:
    """A run from its row. Raises :class:`StoreError` if the row makes no sense."""
    try:
        structures = {name: json.loads(getattr(row, name)) for name in _STRUCTURES}
        return record(RunRecord, {**row._mapping, **structures})
    except (ValueError, TypeError) as error:
        fix = f"Delete it with `tuner runs delete {row.run}`."
        raise StoreError(f"{where}, run {row.run}", f"it cannot be read: {error}", fix) from error


_STRUCTURES = ("options", "facts", "warnings")
