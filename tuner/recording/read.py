"""Reading a recording: which rows are wanted, whether they belong together, rows by size.

One pass over the file. Mixing several functions would give a result about none of them, so
columns that tell functions apart have to be settled with ``where``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tuner.errors import UsageError
from tuner.recording.columns import FUNCTION_COLUMNS, KNOWN_COLUMNS, Cells
from tuner.recording.rows import MeanCells, RecordedRow, chart_lines, read_lines, read_row, word_of
from tuner.records import Advice, Outcome


@dataclass(frozen=True)
class Recording:
    """The rows of one function, by size. ``arch`` is ``None`` where the file does not say.

    ``columns`` are the file's own; ``groups`` holds the values of each further column that still
    has a few different ones; ``notes`` say what the reader of a result has to know of them.
    """

    path: str
    arch: str | None
    columns: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[Advice, ...] = ()
    by_size: Mapping[int, Sequence[RecordedRow]] = field(default_factory=dict, repr=False)

    def sizes(self) -> tuple[int, ...]:
        """The recorded sizes in MB, ascending."""
        return tuple(sorted(self.by_size))

    def rows(self, memory_mb: int) -> Sequence[RecordedRow]:
        """All rows of one size, in the file's order; a size without rows is a UsageError."""
        rows = self.by_size.get(memory_mb)
        if not rows:
            reason = f"has no rows of {memory_mb} MB; it has {_listed(self.sizes(), 30)} MB"
            fix = "Choose among these with --memory, or take them all with --memory recorded."
            raise UsageError(self.path, reason, fix)
        return rows


_ARCHES = {
    **dict.fromkeys(("x86_64", "x86", "x64", "amd64"), "x86_64"),
    **dict.fromkeys(("arm64", "arm", "aarch64"), "arm64"),
}
_CHART = "https://lambda-power-tuning.show"
#: What a call of 0 ms counts as where whole milliseconds were recorded, and what the shortest other
#: call of its size takes at most where it may have been one.
_BELOW_MS, _BESIDE_ZERO_MS = 0.5, 10.0
#: A further column with more values than this (a time, a request id) is no group.
_MOST_VALUES = 50


def read_recording(path: str | Path, where: Mapping[str, str] | None = None) -> Recording:
    """Read a file in any of its forms, also ``.gz``, keeping the rows that match ``where``.

    An output of aws-lambda-power-tuning, or the address of its chart, is one row, the mean, of
    each size.

    ``where`` maps columns to the value they must have. Raises UsageError for a missing file, for
    anything in it that cannot be used, and when several functions are left.
    """
    file, lines = _opened(path)
    scan = _Scan(file, where or {})
    for line, cells in lines:
        scan.take(line, cells)
    return _recorded(scan, None)


def _opened(path: str | Path) -> tuple[Path, Iterator[tuple[int, Cells]]]:
    """A name for errors, and the lines."""
    if isinstance(path, str) and path.startswith(_CHART):
        return Path("lambda-power-tuning.show"), chart_lines(path)
    file = Path(path).expanduser()
    return file, read_lines(file)


def _recorded(scan: "_Scan", arch: str | None) -> Recording:
    """A finished pass, checked; ``arch`` where it is known what all its rows have."""
    scan.check()
    groups = scan.groups()
    return Recording(
        path=str(scan.file),
        arch=arch or _arch(scan.file, scan.values.get("arch", {})),
        columns=tuple(scan.columns),
        groups=groups,
        notes=tuple(_notes(scan, groups)),
        by_size=scan.by_size,
    )


def read_architectures(
    path: str | Path, where: Mapping[str, str] | None = None
) -> dict[str, Recording]:
    """The recording of each architecture in a file whose column ``arch`` has several.

    As :func:`read_recording`, which reads a file of one. Raises UsageError also for a row that
    does not say its architecture.
    """
    file, lines = _opened(path)
    scans: dict[str, _Scan] = {}
    for line, cells in lines:
        word = word_of(cells.get("arch"))
        arch = _ARCHES.get(word.lower(), word)
        scans.setdefault(arch, _Scan(file, where or {})).take(line, cells)
    kept = {arch: scan for arch, scan in sorted(scans.items()) if scan.by_size}
    for word in kept.keys() - set(_ARCHES.values()):
        reason = f"arch {word[:40]!r} is unknown" if word else "has rows without arch"
        fix = "To compare architectures, say x86_64 or arm64 in every row."
        raise UsageError(str(file), reason, fix)
    if not kept:  # whatever is amiss, a plain reading says it
        kept = {"": next(iter(scans.values()), _Scan(file, where or {}))}
    return {arch: _recorded(scan, arch) for arch, scan in kept.items()}


class _Scan:
    """Everything that one pass over the file gathers."""

    def __init__(self, file: Path, where: Mapping[str, str]) -> None:
        self.file = file
        self.where = where
        self.columns: dict[str, None] = {}
        self.by_size: dict[int, list[RecordedRow]] = {}
        self.means = False
        self.zeros: dict[int, int] = {}  # size -> the first line on which a call took 0 ms
        self.whole = True  # all durations are whole milliseconds
        # Dictionaries as ordered sets: column -> its values, of all rows and of those kept.
        self.offered: dict[str, dict[str, None]] = {column: {} for column in where}
        self.values: dict[str, dict[str, None]] = {}

    def take(self, line: int, cells: Cells) -> None:
        """Check one line and keep it if it is wanted."""
        if not cells.keys() <= self.columns.keys():
            self.columns.update(dict.fromkeys(cells))
            self.values = {
                column: self.values.get(column, {})
                for column in self.columns
                if column not in KNOWN_COLUMNS
            }
        for column, wanted in self.where.items():
            value = word_of(cells.get(column))
            self.offered[column][value] = None
            if value != wanted:
                return
        try:
            row = read_row(cells)
        except UsageError as error:
            self._require_columns()  # a column that is missing altogether explains it better
            place = f"{self.file}, line {line}"
            raise UsageError(place, error.reason, error.fix) from None
        self.by_size.setdefault(row.memory_mb, []).append(row)
        if _took_none(row):
            self.zeros.setdefault(row.memory_mb, line)
        self.whole = self.whole and (row.duration_ms or 0.0).is_integer()
        self.means = self.means or isinstance(cells, MeanCells)
        for column, seen in self.values.items():
            if len(seen) <= _MOST_VALUES or column in FUNCTION_COLUMNS:
                seen[word_of(cells.get(column))] = None

    def check(self) -> None:
        """Complain about what only the whole file shows."""
        for column, wanted in self.where.items() if self.columns else ():
            thing = f"--where {column}={wanted}"
            if column not in self.columns:
                fix = f"It has {_listed(tuple(self.columns), 20)}."
                raise UsageError(thing, f"{self.file.name} has no column {column!r}", fix)
            if wanted not in self.offered[column]:
                beside = " beside the other --where" if len(self.where) > 1 else ""
                fix = f"{column} is one of {_listed(sorted(self.offered[column]), 20)}."
                raise UsageError(thing, f"no row of {self.file.name} has it{beside}", fix)
        if not self.by_size:
            raise UsageError(str(self.file), "holds no rows", "Record some invocations first.")
        self._require_one_function()
        self._settle_zeros()

    def _settle_zeros(self) -> None:
        """Take calls of 0 ms as half of a millisecond where whole ones were recorded, and refuse
        them where no call can have been as short."""
        for size, line in self.zeros.items():
            rows = self.by_size[size]
            others = [r.duration_ms for r in rows if r.duration_ms and r.outcome is Outcome.OK]
            reason = "" if self.whole else "although fractions of a millisecond were recorded"
            if others and min(others) > _BESIDE_ZERO_MS:
                reason = f"while other calls of {size} MB took at least {min(others):g} ms"
            if reason:
                fix = "Leave the cell empty and give a status, or drop the line."
                raise UsageError(f"{self.file}, line {line}", f"duration_ms is 0, {reason}", fix)
            self.by_size[size] = [
                row._replace(duration_ms=_BELOW_MS) if _took_none(row) else row for row in rows
            ]

    def groups(self) -> dict[str, tuple[str, ...]]:
        """The columns, beyond the known ones, that have a few different values."""
        return {
            column: tuple(sorted(values))
            for column, values in self.values.items()
            if len(values) > 1 and (len(values) <= _MOST_VALUES or column in FUNCTION_COLUMNS)
        }

    def _require_columns(self) -> None:
        missing = [name for name in ("memory_mb", "duration_ms") if name not in self.columns]
        if missing[:1] == ["duration_ms"] and "init_ms" in self.columns:
            reason = "holds cold starts only (init_ms without duration_ms), which cannot be priced"
            fix = "Record whole invocations: memory_mb and duration_ms for each."
            raise UsageError(str(self.file), reason, fix)
        if missing:
            reason = f"has no column {missing[0]}; it has {_listed(tuple(self.columns), 12)}"
            fix = "Name the columns memory_mb, duration_ms and, if known, billed_ms, init_ms."
            raise UsageError(str(self.file), reason, fix)

    def _require_one_function(self) -> None:
        mixed = {k: values for k, values in self.groups().items() if k in FUNCTION_COLUMNS}
        if not mixed:
            return
        listed = "; ".join(f"{column}: {_listed(values, 12)}" for column, values in mixed.items())
        example = " ".join(f"--where {column}={_quoted(v[0])}" for column, v in mixed.items())
        fix = f"Choose one: {example}"
        if set(mixed) == {"arch"}:
            fix += "; or compare them: --architectures both"
        raise UsageError(str(self.file), f"holds several functions ({listed})", fix)


def _took_none(row: RecordedRow) -> bool:
    """True for a call that ended well in 0 ms; one that failed may not have begun."""
    return row.duration_ms == 0 and row.outcome is Outcome.OK


def _arch(file: Path, values: Mapping[str, None]) -> str | None:
    word = next(iter(values), "")
    if word and word.lower() not in _ARCHES:
        raise UsageError(str(file), f"arch {word[:40]!r} is unknown", "Use x86_64 or arm64.")
    return _ARCHES.get(word.lower())


def _notes(scan: _Scan, groups: Mapping[str, Sequence[str]]) -> Iterator[Advice]:
    for column, values in groups.items():
        yield Advice(
            "recording-mixed",
            f"The recording mixes {len(values)} values of {column} ({_listed(values, 4)}); "
            f"use --where {column}=VALUE if they are not one function.",
        )
    if scan.zeros:
        yield Advice(
            "recorded-zero",
            f"{scan.file.name} has calls of 0 ms, below its whole milliseconds; each counts as "
            f"{_BELOW_MS:g} ms. Record fractions to tell such sizes apart.",
        )
    if scan.means:
        yield Advice(
            "recorded-means",
            f"{scan.file.name} has only a trimmed mean of each size and no cold starts: "
            "spread, percentiles and confidence are guesses. Measure the function to know them.",
        )


def _quoted(value: str) -> str:
    return value if value.replace("-", "").replace("_", "").isalnum() else f"'{value}'"


def _listed(values: Sequence[object], most: int) -> str:
    shown = ", ".join(str(value)[:60] for value in values[:most])
    return shown if len(values) <= most else f"{shown} and {len(values) - most} more"
