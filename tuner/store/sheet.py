"""Samples as a table for other programs: CSV, which ``replay:`` reads again, or Parquet.

One row for each request, in order; times in milliseconds and seconds as the columns say. What
messages and logs say is left out: they may hold data of payloads.
"""

import csv
import gzip
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from tuner.errors import TunerError
from tuner.files import written_whole
from tuner.records import Sample, Setting
from tuner.store.failure import disk_error

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
_WHOLE = {"memory_mb", "call", "attempt", "round", "http_status"}
_TEXT = {"status", "reason", "request_id", "purpose", *_SETTING}


def is_table(path: Path) -> bool:
    """True if a file is named like a table."""
    return path.name.lower().endswith(ENDINGS)


def write_table(samples: Sequence[Sample], path: Path) -> None:
    """Write them in the form that the name ends in; the file appears whole or not at all.

    Raises :class:`StoreError` if it cannot be written, :class:`TunerError` without pyarrow.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as place:
            if path.suffix.lower() == ".parquet":
                _write_parquet(samples, place)
            else:
                _write_csv(samples, place, zipped=path.suffix.lower() == ".gz")
    except OSError as error:
        raise disk_error(f"file {path}", error, "Choose a writable folder.") from error


def _write_csv(samples: Sequence[Sample], path: Path, *, zipped: bool) -> None:
    with _open(path, zipped=zipped) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(map(_row, samples))


def _open(path: Path, *, zipped: bool) -> IO[str]:
    if zipped:
        return gzip.open(path, "wt", encoding="utf-8", newline="")
    return path.open("w", encoding="utf-8", newline="")


def _row(sample: Sample) -> list[Any]:
    return list(_values(sample))


def _values(sample: Sample) -> Iterator[Any]:
    yield sample.memory_mb
    yield sample.outcome.value
    for field in _FIELDS.values():
        value = getattr(sample, field)
        yield round(value, 6) if isinstance(value, float) else value
    yield sample.purpose.value
    for name in _SETTING:
        yield getattr(sample.setting, name)


def _write_parquet(samples: Sequence[Sample], path: Path) -> None:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        fix = "Install it: pip install 'tuner[parquet]'; or export to .csv."
        raise TunerError(f"file {path.stem}", "pyarrow is not installed", fix) from error
    kinds = {name: pa.int64() if name in _WHOLE else pa.float64() for name in COLUMNS}
    kinds |= dict.fromkeys(_TEXT, pa.string())
    columns = zip(*map(_row, samples), strict=True) if samples else ([] for _ in COLUMNS)
    arrays = [
        pa.array(list(values), type=kinds[name])
        for name, values in zip(COLUMNS, columns, strict=True)
    ]
    parquet.write_table(pa.table(arrays, names=list(COLUMNS)), path)
