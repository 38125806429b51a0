"""A run as a file: one JSON object a line, gzipped if the name ends in ``.gz``.

The first line is ``{"schema": "tuner.run/1", "run": {...}}``; then come ``{"sample": {...}}`` in
order, ``{"document": {"name": ..., "body": {...}}}``, and ``{"end": {"samples": N}}``, without
which a file counts as cut off.
"""

import gzip
import io
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from tuner.errors import StoreError, UsageError, unreadable, unwritable
from tuner.files import bounded, open_bytes, written_whole
from tuner.records import RunRecord, Sample
from tuner.store import thinning
from tuner.store.migrations import brought_up
from tuner.store.plain import dumps, record

if TYPE_CHECKING:
    from tuner.sample_table import SampleTable

SCHEMA = "tuner.run/1"

_NOT_A_RUN = (ValueError, EOFError, zlib.error, RecursionError, gzip.BadGzipFile)


@dataclass(frozen=True)
class StoredRun:
    """A run with everything that was stored of it."""

    run: RunRecord
    samples: Sequence[Sample]
    documents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def whole(stored: StoredRun) -> StoredRun:
    """Add stand-ins for the samples of a run that was thinned. Raises :class:`StoreError`."""
    document = stored.documents.get(thinning.DOCUMENT)
    if document is None or len(stored.samples):
        return stored
    return replace(stored, samples=stood_in(document, stored.run.run))


def stood_in(document: Mapping[str, Any], run: str) -> "SampleTable":
    """Stand-ins for the samples of a run, from its histograms. Raises :class:`StoreError`."""
    from tuner.sample_table import table_of

    try:
        return table_of(thinning.stand_ins(document, run))
    except ValueError as error:
        fix = f"Upgrade tuner, or delete it with `tuner runs delete {run}`."
        raise StoreError(f"run {run}", f"its histograms cannot be read: {error}", fix) from error


def write(stored: StoredRun, path: Path) -> None:
    """Write a run; the file appears whole or not at all. Raises :class:`StoreError`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as place, _create(place, zipped=path.suffix == ".gz") as file:
            file.writelines(line + "\n" for line in lines(stored))
    except OSError as error:
        raise unwritable(f"file {path}", error, "Choose a writable folder.") from error


def read(path: Path, *, plain: bool = False) -> StoredRun:
    """Read a run again; only of a ``plain`` file where that may be read twice.

    Raises :class:`StoreError` for what is not a whole exported run, and :class:`UsageError` for a
    file that cannot be read.
    """
    try:
        with open_bytes(path, plain=plain) as file:
            zipped = file.peek(2)[:2] == b"\x1f\x8b"
            with gzip.open(file) if zipped else file as raw:
                return parse(io.TextIOWrapper(bounded(raw), encoding="utf-8"))
    except _NOT_A_RUN as error:
        fix = "Export it again with `tuner runs export`."
        raise StoreError(f"file {path}", f"not an exported run: {error}", fix) from error
    except FileNotFoundError:
        raise UsageError(f"file {path}", "there is no such file", "Check the path.") from None
    except OSError as error:
        raise unreadable(f"file {path}", error) from error


def lines(stored: StoredRun) -> Iterator[str]:
    """The lines of the file, without their ends."""
    yield dumps({"schema": SCHEMA, "run": stored.run})
    for sample in stored.samples:
        yield dumps({"sample": sample})
    for name, body in stored.documents.items():
        yield dumps({"document": {"name": name, "body": body}})
    yield dumps({"end": {"samples": len(stored.samples)}})


def parse(text: Iterable[str]) -> StoredRun:
    """Read the lines of a file. Raises ``ValueError`` that names the line."""
    run: RunRecord | None = None
    samples: list[Sample] = []
    documents: dict[str, Mapping[str, Any]] = {}
    for number, line in enumerate(text, start=1):
        try:
            content = _object(json.loads(line))
            if run is None:
                run = _header(content)
            elif "sample" in content:
                samples.append(record(Sample, content["sample"]))
            elif "document" in content:
                document = _object(content["document"])
                documents[str(document.get("name"))] = _object(document.get("body"))
            elif "end" in content:
                written = _object(content["end"]).get("samples")
                if written != len(samples):
                    raise ValueError(f"{len(samples)} samples where {written!r:.20} were written")
                return StoredRun(run, *brought_up(samples, documents, run.facts.arch))
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from error
    raise ValueError("it is cut off")


def _header(content: Mapping[str, Any]) -> RunRecord:
    schema = str(content.get("schema"))
    if schema != SCHEMA:
        newer = schema.startswith("tuner.run/")
        raise ValueError(f"schema {schema:.40} needs a newer tuner" if newer else "no tuner schema")
    return record(RunRecord, content.get("run"))


def _object(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")
    return value


def _create(path: Path, *, zipped: bool) -> IO[str]:
    if zipped:
        return gzip.open(path, "wt", encoding="utf-8")
    return path.open("w", encoding="utf-8")
