"""Placeholders between ``{{`` and ``}}`` in an event template, and how they are filled.

Chance is a seeded generator and the time is an argument, so a run's events can be made again.

==========================  =======================================================
``{{uuid}}``                a random UUID
``{{hex 16}}``              so many hexadecimal digits; ``{{digits 12}}`` decimal ones
``{{int 1 100}}``           a whole number, both ends allowed; ``{{float 0 1}}``
``{{now}}``                 the time as ``2026-01-31T09:00:00.000Z``; also ``now s``,
                            ``now ms``, ``now date``, ``now clf`` (a web server's log)
``{{choice GET POST}}``     one of these; ``{{choice GET=8 POST=2}}`` by weight
``{{row users.csv email}}`` a column of a random line; one line for a whole record
``{{email}}``               that field of the row, where ``--payloads`` are rows of a table
``{{n}}``                   0, 1, 2, ... over the records of a run
==========================  =======================================================

A last word ``@name`` keeps the value: the same placeholder with it again is equal within a record
of a batch, or within an event. A text that is nothing but a number's placeholder becomes a number;
``{{str int 1 9}}`` stays text.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

from tuner.errors import UsageError

_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_FIX = "See loadprofiles/events/*.json for examples."
_MOST_DIGITS = 4096

Value = str | int | float
#: Rows of a CSV by file name; each row maps columns to cells.
Tables = Callable[[str], Sequence[Mapping[str, str]]]


@dataclass
class Scope:
    """The values that placeholders of one record draw on; ``now_s`` is seconds since 1970."""

    random: Random
    now_s: float
    number: int
    tables: Tables
    row: Mapping[str, Any] = field(default_factory=dict)  # of --payloads
    kept: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, Mapping[str, str]] = field(default_factory=dict)


def fill(text: str, scope: Scope) -> Any:
    """Return the text with its placeholders filled; alone, a field of a row keeps its type.

    Raises UsageError for an invalid one.
    """
    whole = _PLACEHOLDER.fullmatch(text)
    if whole and text.count("{{") == 1:
        return _value(whole[1], scope)
    return _PLACEHOLDER.sub(lambda found: str(_value(found[1], scope)), text)


def _value(inside: str, scope: Scope) -> Any:
    words = inside.split()
    if words and words[-1].startswith("@"):
        if inside not in scope.kept:
            scope.kept[inside] = _made(words[:-1], inside, scope)
        return scope.kept[inside]
    return _made(words, inside, scope)


def _made(words: Sequence[str], inside: str, scope: Scope) -> Any:
    if (field_ := " ".join(words)) in scope.row:
        return scope.row[field_]
    if words and words[0] == "str":
        return str(_made(words[1:], inside, scope))
    make = _MAKERS.get(words[0]) if words else None
    if make is None:
        known = ", ".join([*scope.row, *_MAKERS])
        raise _bad(inside, f"is not one of {known}")
    try:
        return make(scope, *words[1:])
    except (TypeError, ValueError, IndexError, KeyError, OverflowError):
        raise _bad(inside, "is incomplete or has invalid values") from None


def _drawn(scope: Scope, digits: str, length: str) -> Value:
    if not 1 <= int(length) <= _MOST_DIGITS:
        raise ValueError("too long or too short")
    return "".join(scope.random.choices(digits, k=int(length)))


def _float(scope: Scope, low: str, high: str) -> Value:
    return round(float(low) + (float(high) - float(low)) * scope.random.random(), 6)


def _now(scope: Scope, form: str = "iso") -> Value:
    if form == "s":
        return int(scope.now_s)
    if form == "ms":
        return int(scope.now_s * 1000)
    moment = datetime.fromtimestamp(scope.now_s, UTC)
    if form == "iso":
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return moment.strftime({"date": "%Y-%m-%d", "clf": "%d/%b/%Y:%H:%M:%S +0000"}[form])


def _choice(scope: Scope, *words: str) -> Value:
    parts = [word.rpartition("=") for word in words]
    weighted = all(equals and re.fullmatch(r"\d+(\.\d+)?", weight) for _, equals, weight in parts)
    if not weighted:
        return scope.random.choice(words)
    weights = [float(weight) for _, _, weight in parts]
    return scope.random.choices([name for name, _, _ in parts], weights)[0]


def _row(scope: Scope, name: str, column: str) -> Value:
    if name not in scope.lines:
        scope.lines[name] = scope.random.choice(scope.tables(name))
    line = scope.lines[name]
    if column not in line:
        known = ", ".join(line)
        raise UsageError(f"{name}", f"has no column {column[:40]!r}", f"There are: {known}.")
    return line[column]


#: What fills a placeholder of this name, from its further words; too many or few are a TypeError.
_MAKERS: Mapping[str, Callable[..., Value]] = {
    "uuid": lambda scope: str(UUID(int=scope.random.getrandbits(128), version=4)),
    "hex": lambda scope, length: _drawn(scope, "0123456789abcdef", length),
    "digits": lambda scope, length: _drawn(scope, "0123456789", length),
    "int": lambda scope, low, high: scope.random.randint(int(low), int(high)),
    "float": _float,
    "now": _now,
    "choice": _choice,
    "row": _row,
    "n": lambda scope: scope.number,
}


def _bad(inside: str, reason: str) -> UsageError:
    shown = inside if len(inside) <= 40 else f"{inside[:37]}..."
    return UsageError(f"placeholder {{{{{shown}}}}}", reason, _FIX)
