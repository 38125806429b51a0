"""Records as plain values that JSON can hold and as rows of the tables, and back again.

JSON is used for the structured columns and for exported files. Reading ignores keys that it does
not know (a later version wrote them) and gives a missing key its default; whatever cannot be a
record raises ``ValueError`` with the name of the field. Numbers that are not finite are not known,
so they become ``None``.
"""

import json
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from functools import cache, lru_cache
from numbers import Integral, Real
from typing import Any, TypeVar

from tuner.errors import StoreError
from tuner.records import (
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

#: What REPORT says of a sample.
REPORTED = (
    "duration_ms", "billed_ms", "init_ms", "restore_ms", "billed_restore_ms", "max_memory_mb",
)  # fmt: skip
#: Fields of a sample that are columns of its row as they are, and those of them that are texts.
_FIELDS = tuple(
    field.name for field in fields(Sample) if field.name not in ("purpose", "outcome", "setting")
)
TEXTS = ("qualifier", "reason", "request_id", "message", "log_tail")


def sample_row(run_id: int, sample: Sample) -> dict[str, Any]:
    """Return a row of ``tuner_samples``."""
    row: dict[str, Any] = {name: getattr(sample, name) for name in _FIELDS}
    row |= sample.setting._asdict()
    row["run_id"] = run_id
    row["purpose"], row["outcome"] = str(sample.purpose), str(sample.outcome)
    for name in (*TEXTS, *Setting._fields[1:]):
        row[name] = text(row[name])
    return row


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
