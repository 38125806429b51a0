"""A recording's file as lines of cells, whatever its form: CSV or JSON lines, gzipped or not.

A ``.json`` file is an output of aws-lambda-power-tuning: each of its sizes counts as a line.

Complaints about the file itself are raised here; what the cells mean is not known here.
"""

import csv
import gzip
import json
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from tuner.errors import UsageError
from tuner.recording.power_tuning import read_output

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
    """Whether a file is named like an output of aws-lambda-power-tuning and is no run of ours."""
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
            f"{file}, line {reader.line_num}", f"is not CSV: {error}", "Mend or drop the line."
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
