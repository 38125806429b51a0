"""Samples as a table for other programs: CSV, which ``replay:`` reads again, or Parquet.

One row for each request, in order; times in milliseconds and seconds as the columns say. What
messages and logs say is left out: they may hold data of payloads.
"""

import csv
import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from tuner.errors import TunerError
from tuner.files import written_whole
from tuner.records import Sample, Setting
from tuner.store.failure import disk_error

if TYPE_CHECKING:
    from tuner.sample_table import SampleTable

#: Endings of file names that ask for a table.
ENDINGS = (".csv", ".csv.gz", ".parquet")
#: Column -> field of the sample; columns of replay: have their names there.
_FIELDS = {
    "duration_ms": "duration_ms",
    "billed_ms": "billed_ms",
    "init_ms": "init_ms",
    "restore_ms": "restore_ms",
    "max_memory_mb": "max_memory_mb",
    "client_ms": "service_ms",
    "latency_ms": "latency_ms",
    "lag_ms": "lag_ms",
    "backoff_ms": "backoff_ms",
    "due_s": "due_s",
    "call": "call",
    "attempt": "attempt",
    "round": "round",
    "http_status": "status",
    "reason": "reason",
    "request_id": "request_id",
}
_SETTING = tuple(name for name in Setting._fields if name != "memory_mb")
COLUMNS = ("memory_mb", "status", *_FIELDS, "purpose", *_SETTING)
_AT_ONCE = 10_000  # rows that are written together
_WHOLE = {"memory_mb", "call", "attempt", "round", "http_status"}
_TEXT = {"status", "reason", "request_id", "purpose", *_SETTING}


def is_table(path: Path) -> bool:
    """True if a file is named like a table."""
    return path.name.lower().endswith(ENDINGS)


def write_table(samples: Sequence[Sample], path: Path) -> None:
    """Write them in the form that the name ends in; the file appears whole or not at all.

    Raises :class:`StoreError` if it cannot be written, :class:`TunerError` without pyarrow.
    """
    from tuner.sample_table import table_of  # many commands need no numpy

    table = table_of(samples)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as place:
            if path.suffix.lower() == ".parquet":
                _write_parquet(table, place)
            else:
                _write_csv(table, place, zipped=path.suffix.lower() == ".gz")
    except OSError as error:
        raise disk_error(f"file {path}", error, "Choose a writable folder.") from error


def _write_csv(samples: "SampleTable", path: Path, *, zipped: bool) -> None:
    with _open(path, zipped=zipped) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for first in range(0, len(samples), _AT_ONCE):
            some = samples[first : first + _AT_ONCE]
            writer.writerows(zip(*(_column(some, name) for name in COLUMNS), strict=True))


def _open(path: Path, *, zipped: bool) -> IO[str]:
    if zipped:
        return gzip.open(path, "wt", encoding="utf-8", newline="")
    return path.open("w", encoding="utf-8", newline="")


def _column(samples: "SampleTable", name: str) -> list[Any]:
    """One column of the table; times to a millionth of their unit."""
    field = _FIELDS.get(name, "outcome" if name == "status" else name)
    if field in _SETTING:
        return [getattr(setting, field) for setting in samples.values("setting")]
    if field in ("outcome", "purpose"):
        return [each.value for each in samples.values(field)]
    return [round(v, 6) if isinstance(v, float) else v for v in samples.values(field)]


def _write_parquet(samples: "SampleTable", path: Path) -> None:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        fix = "Install it: pip install 'tuner[parquet]'; or export to .csv."
        raise TunerError(f"file {path.stem}", "pyarrow is not installed", fix) from error
    kinds = {name: pa.int64() if name in _WHOLE else pa.float64() for name in COLUMNS}
    kinds |= dict.fromkeys(_TEXT, pa.string())
    arrays = [pa.array(_column(samples, name), type=kinds[name]) for name in COLUMNS]
    parquet.write_table(pa.table(arrays, names=list(COLUMNS)), path)
