"""The columns of a recording under the names that others give them.

Logs Insights counts memory in bytes, of 1,000,000 or of 2**20 a MB; both become MB.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from tuner.errors import UsageError

#: One line's cells by column; text from CSV, any JSON value from JSON.
Cells = Mapping[str, Any]

NUMBER_COLUMNS = ("duration_ms", "billed_ms", "init_ms", "max_memory_mb", "client_ms")
KNOWN_COLUMNS = frozenset({"memory_mb", "status", *NUMBER_COLUMNS})
#: Columns that tell functions apart, as recordings in the wild name them.
FUNCTION_COLUMNS = frozenset(
    {"function", "function_name", "name", "workload", "benchmark", "handler", "@log"}
    | {"runtime", "language", "package", "arch", "log_group"}
)

_ALIASES = {
    **dict.fromkeys(("memorymb", "memorysize", "memorysizemb"), "memory_mb"),
    **dict.fromkeys(("durationms", "duration"), "duration_ms"),
    **dict.fromkeys(("billedms", "billedduration", "billeddurationms"), "billed_ms"),
    **dict.fromkeys(("initms", "initduration", "initdurationms"), "init_ms"),
    **dict.fromkeys(("maxmemorymb", "maxmemoryused", "maxmemoryusedmb"), "max_memory_mb"),
    **dict.fromkeys(("clientms",), "client_ms"),
    **dict.fromkeys(("status",), "status"),
    **dict.fromkeys(("arch", "architecture"), "arch"),
    **dict.fromkeys(("loggroup", "loggroupname"), "log_group"),
}
#: Insights' own fields that say nothing of the function.
_FIELDS = re.compile(r"@(?!log$)\w+")


@cache
def named(columns: tuple[str, ...], name: str) -> Mapping[str, str]:
    """Our name of each column that is kept. Raises UsageError for two that mean the same."""
    found: dict[str, str] = {}
    words = {column: re.sub(r"[^a-z0-9]", "", column.lower()) for column in columns}
    # A bare "duration" may be in seconds, unless it stands among AWS's own fields.
    of_lambda = {"billedduration", "initduration", "maxmemoryused"} & set(words.values())
    for column, word in words.items():
        ours = _ALIASES.get(word)
        if word == "duration" and not (of_lambda or column.startswith("@")):
            ours = None
        if column in KNOWN_COLUMNS:
            ours = column
        elif ours in columns:
            ours = None  # the plain name goes before others
        if ours in found.values():
            first = next(each for each, known in found.items() if known == ours)
            reason = f"has the columns {first!r} and {column!r}; which one is {ours}?"
            raise UsageError(name, reason, "Drop one of them.")
        if ours is None and column.lower() in FUNCTION_COLUMNS:
            ours = column.lower() if column.lower() not in columns else column
        if ours or not _FIELDS.fullmatch(column):
            found[column] = ours or column
    return found


def with_megabytes(cells: dict[str, Any]) -> dict[str, Any]:
    """The cells with memory in MB where it is in bytes: nothing has a million MB."""
    size, used = _bytes(cells.get("memory_mb")), _bytes(cells.get("max_memory_mb"))
    unit = 2**20 if (size or used or 1) % 2**20 == 0 else 10**6
    for column, number in (("memory_mb", size), ("max_memory_mb", used)):
        if number is not None:
            cells[column] = number / unit
    return cells


def _bytes(value: Any) -> float | None:
    try:
        number = float(value) if isinstance(value, int | float | str) else 0.0
    except (ValueError, OverflowError):
        return None
    return number if 1e6 <= number < 1e12 else None


def numbers_in(header: Sequence[str], names: Mapping[str, str]) -> list[int]:
    """Places of the columns that hold numbers."""
    wanted = {"memory_mb", *NUMBER_COLUMNS}
    return [place for place, column in enumerate(header) if names.get(column) in wanted]
