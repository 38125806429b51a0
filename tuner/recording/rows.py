"""A recording's lines as checked rows, whatever its form: CSV, JSON or a log, gzipped or not.

To read another form of file: a reader in ``read_lines``; to know another name of a column:
``columns.py``; another column: ``RecordedRow``.
"""

import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from tuner.errors import UsageError, unreadable
from tuner.files import STREAM_BYTES, bounded, open_bytes, refuse_utf16
from tuner.recording.columns import NUMBER_COLUMNS, Cells, named, numbers_in, with_megabytes
from tuner.recording.logs import in_export, in_text, is_export
from tuner.recording.power_tuning import SizePoint, read_chart, read_output
from tuner.recording.table import is_unknown, read_table
from tuner.records import MEMORY_MAX_MB, MEMORY_MIN_MB, Outcome

#: A document in JSON is read whole, and not line by line.
_DOCUMENT_BYTES = 256 * 1024 * 1024


class MeanCells(dict[str, Any]):
    """Cells that are the mean of one size, not one invocation."""


def read_lines(file: Path) -> Iterator[tuple[int, Cells]]:
    """Yield line number and cells of each line that is an invocation, or the mean of a size.

    Raises UsageError for a file that is missing or cannot be read.
    """
    suffix = Path(file.name.lower().removesuffix(".gz")).suffix
    readers = {".csv": _csv_lines, ".tsv": _csv_lines, ".json": _document}
    readers |= dict.fromkeys((".jsonl", ".ndjson"), _json_lines)
    try:
        with open_text(file, str(file)) as stream:
            yield from readers.get(suffix, _log_lines)(file, stream)
    except FileNotFoundError:
        raise UsageError(str(file), "no such file", "Check the path after replay:.") from None
    except UnicodeDecodeError:
        raise UsageError(str(file), "is not text in UTF-8", "Save it as UTF-8.") from None
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise unreadable(str(file), error, "Check the file.") from None


def chart_lines(url: str) -> Iterator[tuple[int, Cells]]:
    """As :func:`read_lines`, of the address of power-tuning's chart, which holds its numbers."""
    yield from _means(read_chart(url, "the address"))


def is_power_tuning(file: Path) -> bool:
    """True if a file is named like an output of aws-lambda-power-tuning and is neither a run of
    ours nor a log."""
    if not file.name.lower().removesuffix(".gz").endswith(".json") or not file.is_file():
        return False
    try:
        with open_text(file, str(file)) as stream:
            text = stream.readline(1000)
            if '"tuner.run/' in text:
                return False
            return not _is_log([*_values(text + stream.read(), str(file))])
    except (OSError, EOFError, zlib.error, ValueError, UsageError):
        return False


@contextmanager
def open_text(file: Path, name: str) -> Iterator[IO[str]]:
    """Open a file as UTF-8 text, unpacked where it ends in .gz; ``name`` is what errors call it.

    Raises UsageError for UTF-16, UnicodeDecodeError, OSError, EOFError, zlib.error.
    """
    name_without_gz = file.name.lower().removesuffix(".gz")
    packed = name_without_gz != file.name.lower()
    with open_bytes(file) as plain, gzip.open(plain) if packed else plain as raw:
        document = name_without_gz.endswith(".json")
        whole = bounded(raw, _DOCUMENT_BYTES if document else STREAM_BYTES)
        refuse_utf16(whole.peek(4)[:4], name)
        yield io.TextIOWrapper(whole, encoding="utf-8-sig", newline="")


def _csv_lines(file: Path, stream: IO[str]) -> Iterator[tuple[int, Cells]]:
    table = read_table(stream, str(file))
    names = named(table.header, str(file))
    figures = {"duration_ms", "memory_mb"} & set(names.values())
    exported = bool(figures) and any(column.startswith("@") for column in table.header)
    messages = [column for column in ("@message", "message") if column in table.header]
    if figures:
        messages = []
    for line, values in table.with_numbers(numbers_in(table.header, names)).rows:
        row = dict(zip(table.header, values, strict=True))
        if messages:
            if cells := in_text(row[messages[0]]):
                yield line, cells
            continue
        cells = _ours(row, names)
        if exported and is_unknown(cells.get("memory_mb")) and is_unknown(cells.get("duration_ms")):
            continue  # a line of the log that is no REPORT
        yield line, cells


def _ours(row: Cells, names: Mapping[str, str]) -> dict[str, Any]:
    cells = {ours: row[column] for column, ours in names.items()}
    return cells if names.get("memory_mb") == "memory_mb" else with_megabytes(cells)


def _json_lines(file: Path, stream: IO[str]) -> Iterator[tuple[int, Cells]]:
    for number, line in enumerate(stream, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            fix = 'Each line is one invocation, like {"memory_mb": 512, "duration_ms": 24.1}.'
            raise UsageError(f"{file}, line {number}", "is not a JSON object", fix)
        yield from _of_value(value, number, f"{file}, line {number}")


def _of_value(value: dict[str, Any], number: int, place: str) -> Iterator[tuple[int, Cells]]:
    for cells in in_export(value, place) if is_export(value) else (value,):
        yield number, _ours(cells, named(tuple(cells), place))


def _document(file: Path, stream: IO[str]) -> Iterator[tuple[int, Cells]]:
    """One JSON value, or several one after another, as Firehose writes them."""
    text = stream.read()
    values = list(_values(text, str(file)))
    if not _is_log(values):
        yield from _means(read_output(text, str(file)))
        return
    if isinstance(values[0], list):
        values = values[0]
    for number, value in enumerate(values, start=1):
        if not isinstance(value, dict):
            fix = "Each is an object, like an event of a log."
            raise UsageError(f"{file}, value {number}", "is not a JSON object", fix)
        yield from _of_value(value, number, str(file))


def _is_log(values: list[Any]) -> bool:
    """True for values that are no output of power-tuning, which is one object."""
    return len(values) > 1 or any((isinstance(v, list) and v) or is_export(v) for v in values)


_INK = re.compile(r"\S")


def _values(text: str, name: str) -> Iterator[Any]:
    """The JSON values in a text; none if already the first cannot be read."""
    decoder, at = json.JSONDecoder(), 0
    while ink := _INK.search(text, at):
        try:
            value, at = decoder.raw_decode(text, ink.start())
        except (ValueError, RecursionError):
            if at == 0:
                return
            reason = f"is not JSON from character {ink.start() + 1:,} on"
            raise UsageError(name, reason, "Export it again; it may have been cut off.") from None
        yield value


def _means(points: tuple[SizePoint, ...]) -> Iterator[tuple[int, Cells]]:
    for number, point in enumerate(points, start=1):
        yield number, MeanCells(memory_mb=point.memory_mb, duration_ms=point.duration_ms)


def _log_lines(file: Path, stream: IO[str]) -> Iterator[tuple[int, Cells]]:
    found = False
    for number, line in enumerate(stream, start=1):
        if cells := in_text(line):
            found = True
            yield number, cells
    if not found:
        fix = (
            "A recording is CSV (.csv), JSON lines (.jsonl), a log with REPORT lines, or an export "
            "of CloudWatch Logs or power-tuning (.json); also with .gz."
        )
        raise UsageError(str(file), "is not a recording", fix)


class RecordedRow(NamedTuple):
    """One recorded invocation; times in ms, memory in MB, ``None`` where not recorded.

    ``duration_ms`` is known whenever ``outcome`` is ok. It is 0 only until the whole file is read.
    """

    memory_mb: int
    duration_ms: float | None
    billed_ms: float | None = None
    init_ms: float | None = None  # set on a cold start only
    max_memory_mb: float | None = None
    client_ms: float | None = None
    outcome: Outcome = Outcome.OK


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
    outcome = Outcome.OK if is_unknown(status) else _outcome(word_of(status))
    duration, billed, init, used, client = [
        _number(name, cells.get(name)) for name in NUMBER_COLUMNS
    ]
    if duration is None and outcome is Outcome.OK:
        fix = "Give it, or a status other than ok, or drop the line."
        raise UsageError("", "duration_ms is missing or NaN", fix)
    memory_mb = _memory(cells)
    # Exports that know no empty cell write 0 for a warm call's INIT.
    row = RecordedRow(memory_mb, duration, billed, init or None, used, client, outcome)
    if why := _impossible(row):
        raise UsageError("", why, "Check the columns and their units, or drop the line.")
    return row


#: Lambda's longest timeout with INIT and a margin, ms; and how far above its size Lambda reports
#: the memory of a function that ran out of it.
_LONGEST_MS, _MOST_USED = 1_000_000.0, 1.1
#: Durations are billed rounded up; but of a call that timed out, whose REPORT may be all there is,
#: the timeout is billed, a whole number of seconds, though it ended a little later.
_ROUNDED_MS, _LATE_MS = 1.0, 1_000.0


def _impossible(row: RecordedRow) -> str | None:
    """Say which figures no call of Lambda can have; ``None`` if all can be."""
    times = {"duration_ms": row.duration_ms, "billed_ms": row.billed_ms, "init_ms": row.init_ms}
    for name, time_ms in times.items():
        if time_ms is not None and time_ms > _LONGEST_MS:
            return f"{name} {time_ms:g} is longer than Lambda's 15 minutes"
    used, size = row.max_memory_mb, row.memory_mb
    if used is not None and used > _MOST_USED * size:
        return f"max_memory_mb {used:g} is above memory_mb {size}"
    duration, billed = row.duration_ms, row.billed_ms
    if duration is not None and billed is not None:
        late = billed >= _LATE_MS and billed % 1_000 == 0
        if billed + (_LATE_MS if late else _ROUNDED_MS) < duration:
            return f"billed_ms {billed:g} is below duration_ms {duration:g}"
    return None


def word_of(value: Any) -> str:
    """A cell as text, the same from CSV and JSON; empty for an absent one."""
    return "" if value is None else str(value).strip()


def _outcome(word: str) -> Outcome:
    outcome = _OUTCOMES.get(word.lower().replace(" ", "_").replace("-", "_"))
    if outcome is None:
        fix = "Use ok, timeout, out_of_memory, error or throttled."
        raise UsageError("", f"status {word[:40]!r} is unknown", fix)
    return outcome


def _number(name: str, value: Any) -> float | None:
    """A number from 0 up; ``None`` for an empty cell and what tools write for one."""
    if is_unknown(value):
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
        fix = f"Lambda has whole MB from {MEMORY_MIN_MB} to {MEMORY_MAX_MB}."
        raise UsageError("", f"memory_mb {number:g} is not a size of Lambda", fix)
    return int(number)
