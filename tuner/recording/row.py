"""One recorded invocation: cells become a checked row.

Knows the columns of a recording and the words of its status; complains with the line's number.
"""

from typing import Any, NamedTuple

from tuner.errors import UsageError
from tuner.recording.lines import Cells
from tuner.records import Outcome
from tuner.units import MEMORY_MAX_MB, MEMORY_MIN_MB


class Row(NamedTuple):
    """One recorded invocation; times in ms, memory in MB, ``None`` where not recorded.

    ``duration_ms`` is known whenever ``outcome`` is ok, and may be 0 in files of whole ms.
    """

    memory_mb: int
    duration_ms: float | None
    billed_ms: float | None = None
    init_ms: float | None = None  # set on a cold start only
    max_memory_mb: float | None = None
    client_ms: float | None = None
    outcome: Outcome = Outcome.OK


NUMBER_COLUMNS = ("duration_ms", "billed_ms", "init_ms", "max_memory_mb", "client_ms")
KNOWN_COLUMNS = {"memory_mb", "status", *NUMBER_COLUMNS}

_OUTCOMES = {
    **{outcome.value: outcome for outcome in Outcome},
    **dict.fromkeys(("", "success", "succeeded", "200"), Outcome.OK),
    **dict.fromkeys(("timed_out", "timedout", "sandbox.timedout"), Outcome.TIMEOUT),
    **dict.fromkeys(("oom", "outofmemory", "runtime.outofmemory"), Outcome.OUT_OF_MEMORY),
    **dict.fromkeys(("error", "failure", "failed"), Outcome.FUNCTION_ERROR),
    **dict.fromkeys(("unhandled", "exception"), Outcome.FUNCTION_ERROR),
    **dict.fromkeys(("throttle", "429"), Outcome.THROTTLED),
}


def read_row(cells: Cells) -> Row:
    """Check one line's cells; raises UsageError, in which the caller names the line."""
    status = cells.get("status")
    outcome = Outcome.OK if not status else _outcome(word_of(status))
    duration, billed, init, used, client = [
        _number(name, cells.get(name)) for name in NUMBER_COLUMNS
    ]
    if duration is None and outcome is Outcome.OK:
        raise UsageError(
            "",
            "duration_ms is missing or NaN",
            "Give it, or a status other than ok, or drop the line.",
        )
    # Exports that know no empty cell write 0 for a warm call's INIT.
    return Row(_memory(cells), duration, billed, init or None, used, client, outcome)


def word_of(value: Any) -> str:
    """A cell as text, the same from CSV and JSON; empty for an absent one."""
    return "" if value is None else str(value).strip()


def _outcome(word: str) -> Outcome:
    outcome = _OUTCOMES.get(word.lower().replace(" ", "_").replace("-", "_"))
    if outcome is None:
        raise UsageError(
            "",
            f"status {word[:40]!r} is unknown",
            "Use ok, timeout, out_of_memory, error or throttled.",
        )
    return outcome


def _number(name: str, value: Any) -> float | None:
    """A number from 0 up; ``None`` for an empty cell or NaN, which some tools write for one."""
    if value is None or value == "":
        return None
    try:
        number = float(value) if not isinstance(value, bool) else -1.0
    except (TypeError, ValueError, OverflowError):
        number = float("inf")
    if 0.0 <= number < 1e12:
        return number
    if number != number:
        return None
    reason = "is negative" if number < 0 and not isinstance(value, bool) else "is not a number"
    raise UsageError("", f"{name} {str(value)[:40]!r} {reason}", "Mend or drop the line.")


def _memory(cells: Cells) -> int:
    number = _number("memory_mb", cells.get("memory_mb"))
    if number is None:
        raise UsageError("", "memory_mb is missing", "Give it, or drop the line.")
    if number != int(number) or not MEMORY_MIN_MB <= number <= MEMORY_MAX_MB:
        raise UsageError(
            "",
            f"memory_mb {number:g} is not a size of Lambda",
            f"Lambda has whole MB from {MEMORY_MIN_MB} to {MEMORY_MAX_MB}.",
        )
    return int(number)
