"""Expectations of answers, such as ``status<500`` or ``json.ok == true``: read, and judged by.

An expectation is one comparison of a part of the answer with a value; it calls nothing and has no
side effect. Where the part is not there it does not hold. What becomes of a call whose answer is
not as expected is others' business.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tuner.errors import UsageError
from tuner.units import printable

_SUBJECT = re.compile(r"statusCode|status|duration|body|json", re.ASCII)
_STEP = re.compile(r"\.(?P<name>[\w-]+)|\[(?P<index>\d{1,9})\]|\[(?P<quoted>\"[^\"]*\"|'[^']*')\]")
_OPERATOR = re.compile(r"\s*(<=|>=|==|!=|<|>|contains\b)\s*")
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_TIME = re.compile(r"(\d{1,15}(?:\.\d{1,15})?)\s*(us|ms|s|min|m)", re.ASCII)
_BARE = re.compile(r"[^\s=<>!\"'][^\s\"']*")  # other texts need quotes
_UNIT_S = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "min": 60.0, "m": 60.0}
_WORDS: Mapping[str, Any] = {"true": True, "false": False, "null": None}
_FIX = "Write it like 'status<500', 'json.ok == true', 'body contains id' or 'duration<1s'."
_LONGEST = 300
#: Of an answer that is not as expected, so much is shown.
_SHOWN = 400
#: What an answer to an HTTP front has in common with other answers only by chance.
_PROXY_5XX = re.compile(rb'"statusCode"\s*:\s*"?5\d\d\b')


class Judged:
    """One answer as expectations see it; its JSON is read when one asks for it."""

    def __init__(self, status: int, body: bytes, took_s: float) -> None:
        self.status, self.body, self.took_s = status, body, took_s

    @cached_property
    def json(self) -> Any:
        """The answer's value; ``None`` if it is not JSON."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            return None

    @property
    def proxied(self) -> int | None:
        """The statusCode of an answer to API Gateway or a Function URL; ``None`` of another."""
        found = self.json.get("statusCode") if isinstance(self.json, dict) else None
        try:
            return None if isinstance(found, bool | None) else int(found)
        except (TypeError, ValueError, OverflowError):
            return None


def proxied_failure(body: bytes) -> int | None:
    """Return the statusCode of an answer that tells its HTTP front to answer with 5xx."""
    if _PROXY_5XX.search(body) is None:
        return None
    found = Judged(200, body, 0.0).proxied
    return found if found is not None and 500 <= found < 600 else None


@dataclass(frozen=True)
class Expectation:
    """A ``subject`` with its ``path`` (keys, indices of ``json``), to be ``operator`` ``value``."""

    text: str
    subject: str
    path: tuple[str | int, ...]
    operator: str
    value: Any

    def holds(self, answer: Judged) -> bool:
        """Return whether an answer is as expected."""
        found = _PARTS[self.subject](answer)
        for step in self.path:
            try:
                found = found[step]
            except (KeyError, IndexError, TypeError):
                return False
        if found is None and self.subject != "json":
            return False
        return _OPERATORS[self.operator](found, self.value)


def parse_expectation(text: str, option: str = "--expect") -> Expectation:
    """Read one expectation. Raises UsageError, which names the place that is not understood."""
    given = text.strip()
    subject = _SUBJECT.match(given)
    if subject is None or len(given) > _LONGEST:
        raise _bad(given, 0, "status, statusCode, duration, body or json", option)
    at, path = subject.end(), []
    while subject[0] == "json" and (step := _STEP.match(given, at)) is not None:
        index, quoted = step["index"], step["quoted"]
        path.append(int(index) if index else quoted[1:-1] if quoted else step["name"])
        at = step.end()
    operator = _OPERATOR.match(given, at)
    if operator is None:
        raise _bad(given, at, "<, <=, >, >=, ==, != or contains", option)
    written = given[operator.end() :]
    value = _value(written, subject[0], operator[1])
    if value is _UNREAD:
        raise _bad(given, operator.end(), _VALUES.get(subject[0], "a value"), option)
    return Expectation(given, subject[0], tuple(path), operator[1], value)


def failed_of(expected: tuple[Expectation, ...], answer: Judged) -> str | None:
    """Return the text of the first expectation that does not hold; ``None`` if all do."""
    return next((each.text for each in expected if not each.holds(answer)), None)


def shown(body: bytes) -> str:
    """Return the beginning of an answer, for people."""
    text = printable(body[: 4 * _SHOWN].decode("utf-8", "replace")).strip()
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


_UNREAD = object()
_VALUES = {
    "status": "a number",
    "statusCode": "a number",
    "duration": "a time such as 300ms",
    "body": "a text",
}


def _value(written: str, subject: str, operator: str) -> Any:
    """Read what is compared with; a text needs no quotes unless it could be something else."""
    if not written:
        return _UNREAD
    if subject == "duration":
        match = _TIME.fullmatch(written)
        return float(match[1]) * _UNIT_S[match[2]] if match and operator in _ORDERED else _UNREAD
    if subject in ("status", "statusCode"):
        fine = _NUMBER.fullmatch(written) and operator != "contains"
        return float(written) if fine else _UNREAD
    if written[0] in "\"'":
        closed = len(written) > 1 and written[-1] == written[0] and written[0] not in written[1:-1]
        return written[1:-1] if closed else _UNREAD
    if subject == "body" or operator == "contains":
        return written if operator in ("contains", "==", "!=") else _UNREAD
    if written in _WORDS:
        return _WORDS[written] if operator in ("==", "!=") else _UNREAD
    if _NUMBER.fullmatch(written):
        return float(written)
    return written if operator in ("==", "!=") and _BARE.fullmatch(written) else _UNREAD


def _bad(text: str, at: int, wanted: str, option: str) -> UsageError:
    cut = text if len(text) <= 60 else f"{text[:57]}..."
    reason = f"is not understood at character {at + 1}, where {wanted} belongs"
    return UsageError(f"{option} {cut!r}", reason, _FIX)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _equal(found: Any, value: Any) -> bool:
    if _is_number(value):
        return _is_number(found) and bool(found == value)
    return type(found) is type(value) and bool(found == value)


def _contains(found: Any, value: Any) -> bool:
    if isinstance(found, str):
        return value in found
    if isinstance(found, list | dict):
        return any(each == value or json.dumps(each) == value for each in found)
    return False


def _order(compare: Callable[[float, float], bool]) -> Callable[[Any, Any], bool]:
    return lambda found, value: _is_number(found) and _is_number(value) and compare(found, value)


_ORDERED: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": _order(lambda a, b: a < b),
    "<=": _order(lambda a, b: a <= b),
    ">": _order(lambda a, b: a > b),
    ">=": _order(lambda a, b: a >= b),
}
_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    **_ORDERED,
    "==": _equal,
    "!=": lambda found, value: not _equal(found, value),
    "contains": _contains,
}


def _status(answer: Judged) -> int:
    found = answer.proxied if b'"statusCode"' in answer.body else None
    return answer.status if found is None else found


_PARTS: Mapping[str, Callable[[Judged], Any]] = {
    "status": _status,
    "statusCode": lambda answer: answer.proxied,
    "duration": lambda answer: answer.took_s,
    "body": lambda answer: answer.body.decode("utf-8", "replace"),
    "json": lambda answer: answer.json,
}
