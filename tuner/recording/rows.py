"""A recording's lines as checked rows, whatever its form: CSV or JSON lines, gzipped or not.

A ``.json`` file is an output of aws-lambda-power-tuning: each of its sizes counts as a line. To
read another form of file: a reader in ``read_lines``; to know another column: ``RecordedRow``.
"""

import csv
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

from tuner.errors import UsageError
from tuner.recording.power_tuning import read_output
from tuner.records import Outcome
from tuner.units import MEMORY_MAX_MB, MEMORY_MIN_MB

#: One line's cells by column; text from CSV, any JSON value from JSON lines.
Cells = Mapping[str, Any]


def read_lines(file: Path) -> Iterator[tuple[int, Cells]]:
    """Yield line number and cells of each line that is not blank.

    Raises UsageError for a file that is missing or cannot be read.
    """
    name = file.name.lower().removesuffix(".gz")
    readers = {
        ".csv": _csv_lines,
        ".jsonl": _json_lines,
        ".ndjson": _json_lines,
        ".json": _power_tuning,
    }
    read = readers.get(Path(name).suffix)
    if read is None:
        fix = "A recording ends in .csv or .jsonl, power-tuning's output in .json, also with .gz."
        raise UsageError(str(file), "is not a recording", fix)
    try:
        with _open(file) as stream:
            yield from read(file, stream)
    except FileNotFoundError:
        raise UsageError(str(file), "no such file", "Check the path after replay:.") from None
    except UnicodeDecodeError:
        raise UsageError(str(file), "is not text in UTF-8", "Save it as UTF-8.") from None
    except (OSError, EOFError, zlib.error, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UsageError(str(file), f"cannot be read: {reason}", "Check the file.") from None


def is_power_tuning(file: Path) -> bool:
    """True if a file is named like an output of aws-lambda-power-tuning and is no run of ours."""
    if not file.name.lower().removesuffix(".gz").endswith(".json") or not file.is_file():
        return False
    try:
        with _open(file) as stream:
            return '"tuner.run/' not in stream.readline(1000)
    except (OSError, EOFError, zlib.error, ValueError):
        return False


def _open(file: Path) -> IO[str]:
    if file.name.lower().endswith(".gz"):
        return gzip.open(file, "rt", encoding="utf-8-sig", newline="")
    return file.open(encoding="utf-8-sig", newline="")


def _csv_lines(file: Path, stream: IO[str]) -> Iterator[tuple[int, Cells]]:
    reader = csv.reader(stream)
    try:
        header = [name.strip() for name in next(reader, [])]
        twice = sorted({name for name in header if header.count(name) > 1})
        if twice:
            raise UsageError(
                f"{file}, line 1", f"names the column {twice[0]!r} twice", "Rename one of them."
            )
        for values in reader:
            if len(values) > len(header):
                raise UsageError(
                    f"{file}, line {reader.line_num}",
                    f"has {len(values)} values for {len(header)} columns",
                    "Quote values that hold a comma.",
                )
            if values:
                missing = [""] * (len(header) - len(values))
                yield reader.line_num, dict(zip(header, values + missing, strict=True))
    except csv.Error as error:
        raise UsageError(
            f"{file}, line {reader.line_num}", f"is not CSV: {error}", "Fix or drop the line."
        ) from None


def _json_lines(file: Path, stream: IO[str]) -> Iterator[tuple[int, Cells]]:
    for number, line in enumerate(stream, start=1):
        if not line.strip():
            continue
        try:
            cells = json.loads(line)
        except (ValueError, RecursionError):
            cells = None
        if not isinstance(cells, dict):
            raise UsageError(
                f"{file}, line {number}",
                "is not a JSON object",
                'Each line is one invocation, like {"memory_mb": 512, "duration_ms": 24.1}.',
            )
        yield number, cells


def _power_tuning(file: Path, stream: IO[str]) -> Iterator[tuple[int, Cells]]:
    for number, point in enumerate(read_output(stream.read(), str(file)), start=1):
        yield number, {"memory_mb": point.memory_mb, "duration_ms": point.duration_ms}


class RecordedRow(NamedTuple):
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


def read_row(cells: Cells) -> RecordedRow:
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
    return RecordedRow(_memory(cells), duration, billed, init or None, used, client, outcome)


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
    raise UsageError("", f"{name} {str(value)[:40]!r} {reason}", "Fix or drop the line.")


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
