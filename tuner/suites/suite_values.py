"""Typed values out of a suite's tables; what is wrong is noted and reads as something harmless."""

from typing import Any

from tuner.engine.values import Values, shown


class SuiteValues(Values):
    """As :class:`tuner.engine.values.Values`, with what a suite has beside."""

    def __init__(self) -> None:
        super().__init__({})

    def table_of(self, table: dict[str, Any], key: str, where: str = "") -> dict[str, Any]:
        value = table.get(key, {})
        if not isinstance(value, dict):
            self.complain(f"{where}{key} is not a table")
            return {}
        return value

    def text_of(self, table: dict[str, Any], key: str, where: str) -> str | None:
        value = table.get(key)
        if value is None or isinstance(value, str):
            return value
        if key == "rate" and isinstance(value, int | float) and not isinstance(value, bool):
            return str(value)
        if key != "payload" or not isinstance(value, dict | list):
            self.complain(f"{where}{key} {shown(value)} is not text")
        return None

    def texts_of(self, table: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.complain(f"{where}{key} {shown(value)} is not a list of texts")
            return ()
        return tuple(value)

    def flag(self, table: dict[str, Any], key: str, default: bool, where: str) -> bool:
        value = table.get(key, default)
        if not isinstance(value, bool):
            self.complain(f"{where}{key} {shown(value)} is neither true nor false")
            return default
        return value

    def count(self, table: dict[str, Any], key: str, where: str) -> int | None:
        value = table.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= 10_000:
            self.complain(f"{where}{key} {shown(value)} is not a number from 0 to 10,000")
            return None
        return value

    def confidence(self, own: dict[str, Any]) -> float:
        value = own.get("confidence", 0.99)
        good = isinstance(value, int | float) and not isinstance(value, bool)
        if not good or not 0.5 <= value < 1.0:
            self.complain(f"suite: confidence {shown(value)} is not from 0.5 to below 1")
            return 0.99
        return float(value)
