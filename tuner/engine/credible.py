"""Checks of what a worker says, before any of it is believed or counted.

Workers run on other machines and run users' code: one that sends what cannot be is named and
dropped, and the load goes on. :func:`fault_of` judges form and size; what can only be judged by the
clock or by what was ordered is :mod:`tuner.engine.dispatch`'s.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from tuner.engine import wire
from tuner.engine.answer import LONGEST_MESSAGE, LONGEST_TAIL
from tuner.records import Outcome

_NONE = type(None)
_INT, _TEXT, _NUMBER = (int,), (str,), (float, int)
_MAYBE_TEXT, _MAYBE_NUMBER = (str, _NONE), (float, int, _NONE)
_OUTCOMES = frozenset(outcome.value for outcome in Outcome)
#: Types of a :class:`tuner.engine.wire.Result`, in its order.
_RESULT: tuple[tuple[type, ...], ...] = (
    *(_INT, _INT, _NUMBER, _NUMBER, _MAYBE_NUMBER, _NUMBER, _TEXT, (int, _NONE), _MAYBE_TEXT),
    *(_MAYBE_NUMBER, _MAYBE_TEXT, *(_MAYBE_NUMBER,) * 6, _MAYBE_TEXT, _MAYBE_TEXT, _MAYBE_NUMBER),
)
_NUMBERS = itemgetter(
    *(index for index, kinds in enumerate(_RESULT) if float in kinds or int in kinds)
)
_TEXTS = itemgetter(*(index for index, kinds in enumerate(_RESULT) if str in kinds))
#: Types that a result had and may have, so that most need no second look; a few dozen.
_SEEN: set[tuple[type, ...]] = set()
#: Milliseconds, MB and seconds of this size are not of this world.
_LARGEST = 1e12
_LONGEST = 2 * (LONGEST_MESSAGE + LONGEST_TAIL)
_SHORT = 1_000
_MOST_MISTAKES = 20
_HOOKS = ("pre", "post")


def fault_of(kind: object, fields: Sequence[Any]) -> str | None:
    """Say what is wrong with a message of a worker; ``None`` if it is as it should be."""
    if kind == wire.RESULT:
        return _result_fault(fields)
    check = _CHECKS.get(kind) if isinstance(kind, str) else None
    if check is None:
        return "a message of no known kind"
    return None if check(fields) else f"a message {kind!r} of another form"


def _result_fault(fields: Sequence[Any]) -> str | None:
    """The fault of a result; it is asked thousands of times a second."""
    if (kinds := tuple(map(type, fields))) not in _SEEN:
        if len(fields) != len(_RESULT):
            return f"a result of {len(fields)} fields instead of {len(_RESULT)}"
        for value, allowed in zip(fields, _RESULT, strict=True):
            if type(value) not in allowed:
                return f"a result with a field of type {type(value).__name__}"
        _SEEN.add(kinds)
    numbers = [value or 0.0 for value in _NUMBERS(fields)]
    if not (min(numbers) >= 0.0 and sum(numbers) < _LARGEST):  # NaN is neither
        return "a result with a number that cannot be"
    if sum([len(value) for value in _TEXTS(fields) if value]) > _LONGEST:
        return "a result with a text that is too long"
    if fields[6] not in _OUTCOMES:
        return "a result with an unknown outcome"
    if not fields[3] <= fields[5]:
        return "a result that ended before it was sent"
    return None


def _of(*kinds: tuple[type, ...]) -> Callable[[Sequence[Any]], bool]:
    """Make a check of the types, and of the size of numbers and texts."""

    def check(fields: Sequence[Any]) -> bool:
        return len(fields) == len(kinds) and all(map(_fine, fields, kinds))

    return check


def _fine(value: Any, kinds: tuple[type, ...]) -> bool:
    if type(value) not in kinds:
        return False
    if isinstance(value, str):
        return len(value) <= _SHORT
    return isinstance(value, bytes | None) or bool(-_LARGEST < value < _LARGEST)


def _mistakes(fields: Sequence[Any]) -> bool:
    return len(fields) <= _MOST_MISTAKES and all(
        type(each) is tuple and _of(_TEXT, _INT)(each) for each in fields
    )


def _hook(fields: Sequence[Any]) -> bool:
    return _HOOK(fields) and fields[0] in _HOOKS


_HOOK = _of(_TEXT, _INT, (bytes,), _MAYBE_TEXT, (int, _NONE))
_CHECKS: Mapping[str, Callable[[Sequence[Any]], bool]] = {
    wire.VERSION: _of(_INT),
    wire.READY: _of(_TEXT, _INT),
    wire.SET: _of(),
    wire.BEAT: lambda fields: (
        _of(_NUMBER, _NUMBER)(fields) and all(0 <= f < _SHORT for f in fields)
    ),
    wire.DROPPED: _of(_INT, _TEXT),
    wire.END: _of(),
    wire.FAILED: _of(_TEXT),
    wire.PONG: _of(_NUMBER, _NUMBER),
    wire.HOOK: _hook,
    wire.MISTAKES: _mistakes,
    wire.NOTE: _of(_TEXT),
}
