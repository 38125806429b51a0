"""What ``tuner.toml`` holds beside suites and defaults of options: the table ``[store]``."""

from collections.abc import Mapping
from typing import Any

from tuner.errors import UsageError
from tuner.units import parse_seconds

#: The tables that a ``tuner.toml`` may have.
TABLES = ("defaults", "suite", "case", "environments", "store")
_RETENTION = "retention"


def retention_s(document: Mapping[str, Any]) -> float | None:
    """Seconds after which samples of stored runs may be thinned, ``None`` if nothing says that;
    raises UsageError."""
    written = _store(document).get(_RETENTION)
    if written is None:
        return None
    if not isinstance(written, str):
        fix = 'Write it like "30d".'
        raise UsageError(f"store: {_RETENTION}", f"{written!r:.40} is not a string", fix)
    return parse_seconds(written, f"store: {_RETENTION}")


def mistakes(document: Mapping[str, Any]) -> list[str]:
    """Every mistake outside suites and defaults."""
    found = [f"{name!r:.40} is no table of it" for name in document if name not in TABLES]
    try:
        found += [
            f"store: {key!r:.40} is unknown; it has {_RETENTION}"
            for key in _store(document)
            if key != _RETENTION
        ]
        retention_s(document)
    except UsageError as error:
        found.append(f"{error.thing} {error.reason}; {error.fix}".rstrip("."))
    return found


def _store(document: Mapping[str, Any]) -> Mapping[str, Any]:
    table = document.get("store", {})
    if not isinstance(table, dict):
        raise UsageError("store", "is not a table", "Write [store] above it.")
    return table
