"""Reads typed values of a configuration file's table, with all complaints at once.

A value that is missing or wrong reads as a harmless one, so that everything else is still checked.
"""

from collections.abc import Callable, Mapping
from typing import Any

from tuner.errors import UsageError
from tuner.units import parse_rate, parse_seconds

#: No machine sends more; a larger number is a typing error.
HIGHEST_PER_S = 100_000.0
#: Checks of texts whose meaning is known elsewhere, by key; they raise UsageError.
Checks = Mapping[str, Callable[[str], object]]


class Values:
    """Gathers ``complaints``; ``where`` goes in front of a key's name."""

    def __init__(self, checks: Checks) -> None:
        self.complaints: list[str] = []
        self._checks = checks

    def rate(self, table: dict[str, Any], key: str, where: str, zero: bool = False) -> float:
        """Return calls per second, above zero (or zero, too)."""
        if key not in table:
            self.complain(f'{where}{key} is missing, such as {key} = "20rps"')
            return 1.0
        text = str(table[key]).strip()
        if zero and text.removesuffix("rps").rstrip("/s").strip() in ("0", "0.0"):
            return 0.0
        rate = self._parsed(parse_rate, text, f"{where}{key}")
        if rate > HIGHEST_PER_S:
            self.complain(f"{where}{key} {shown(text)} is above {HIGHEST_PER_S:,.0f}/s")
        return rate

    def seconds(
        self, table: dict[str, Any], key: str, where: str, default: float | None, zero: bool = False
    ) -> float:
        """Return a time in seconds; ``None`` as default means that it has to be given."""
        if key not in table:
            if default is None:
                self.complain(f'{where}{key} is missing, such as {key} = "1m"')
            return 1.0 if default is None else default
        text = str(table[key])
        if zero and text.strip() in ("0", "0s"):
            return 0.0
        return self._parsed(parse_seconds, text, f"{where}{key}")

    def _parsed(self, parse: Callable[[str, str], float], text: str, name: str) -> float:
        try:
            return parse(text, name)
        except UsageError as error:
            self.complain(f"{error.thing} {error.reason}")
            return 1.0

    def whole(self, table: dict[str, Any], key: str, low: int, high: int, where: str = "") -> int:
        """Return a whole number, at least 1 if it is given at all."""
        value = table.get(key, low)
        good = isinstance(value, int) and not isinstance(value, bool)
        if not good or (key in table and not max(1, low) <= value <= high):
            self.complain(f"{where}{key} {shown(value)} is not a number from 1 to {high:,}")
            return max(1, low)
        return int(value)

    def text(self, table: dict[str, Any], key: str, default: str) -> str:
        """Return a text."""
        value = table.get(key, default)
        if not isinstance(value, str):
            self.complain(f"{key} {shown(value)} is not text")
            return default
        return value

    def choice(self, table: dict[str, Any], key: str, known: tuple[str, ...]) -> str | None:
        """Return one of a few words."""
        value = table.get(key)
        if value is not None and value not in known:
            self.complain(f"{key} {shown(value)} is not one of {', '.join(known)}")
            return None
        return value

    def texts(self, table: dict[str, Any], key: str) -> tuple[str, ...]:
        """Return a list of texts, each checked by its key's check."""
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.complain(f'{key} is not a list of texts, such as ["errors>5%"]')
            return ()
        for item in value:
            try:
                self._checks.get(key, str)(item)
            except UsageError as error:
                self.complain(f"{error.thing} {error.reason}")
        return tuple(value)

    def unknown(self, table: dict[str, Any], known: set[str], where: str) -> None:
        """Complain about keys that are not known."""
        for key in table:
            if key not in known:
                self.complain(f"{where}{shown(key)} is not a known key")

    def complain(self, text: str) -> None:
        """Note what is wrong."""
        self.complaints.append(text)


def shown(value: object) -> str:
    """Quote a value for a complaint."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
