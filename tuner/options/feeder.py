"""Payloads from a table: one row of a CSV or of JSON lines is one call, as it is or in a template.

Files are read line by line, whatever their size: of more rows than are kept, a fair sample is, or
the first ones where their order counts. Raises only :class:`tuner.errors.UsageError`.
"""

import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from random import Random
from typing import IO, Any

from tuner.engine.batches import Payload
from tuner.engine.profiles.events import EventTemplate
from tuner.errors import UsageError, unreadable
from tuner.recording.power_tuning import load_json
from tuner.recording.rows import open_text
from tuner.recording.table import read_table

#: Endings of files whose rows are payloads.
ENDINGS = (".csv", ".tsv", ".jsonl", ".ndjson")
#: All bodies together, bytes: workers hold them in memory.
MOST_BYTES = 64 * 1024 * 1024
_JSON_FIX = 'Each line is one payload, like {"id": 7}.'


def is_feed(name: str) -> bool:
    """True if a file is named like a table of payloads."""
    return name.lower().removesuffix(".gz").endswith(ENDINGS)


@contextmanager
def opened(name: str) -> Iterator[IO[str]]:
    """A file as text, unpacked where it ends in .gz."""
    place = f"--payloads {name}"
    try:
        with open_text(Path(name), place) as stream:
            yield stream
    except UnicodeDecodeError:
        raise UsageError(place, "is not text in UTF-8", "Save it as UTF-8.") from None
    except (OSError, EOFError, zlib.error) as error:
        raise unreadable(place, error) from None


def rows_of(stream: Iterable[str], name: str) -> Iterator[Any]:
    """Each row: of a CSV an object of texts by column, of JSON lines its value."""
    if name.lower().removesuffix(".gz").endswith((".csv", ".tsv")):
        table = read_table(stream, name, whole=True)
        for _, cells in table.rows:
            yield dict(zip(table.header, cells, strict=True))
        return
    for number, line in enumerate(stream, 1):
        if line.strip():
            try:
                yield load_json(line)
            except (ValueError, RecursionError) as error:
                place = f"--payloads {name}, line {number}"
                raise UsageError(place, f"is not JSON: {error}", _JSON_FIX) from None


def kept_rows(rows: Iterable[Any], most: int, seed: int | None) -> list[Any]:
    """At most so many rows: the first ones without a seed, else a fair sample in their order
    (Vitter, "Random sampling with a reservoir", 1985, algorithm R)."""
    if seed is None:
        return list(islice(rows, most))
    random = Random(f"{seed}/rows")
    kept: list[tuple[int, Any]] = []
    for number, row in enumerate(rows):
        if number < most:
            kept.append((number, row))
        elif (place := random.randrange(number + 1)) < most:
            kept[place] = number, row
    return [row for _, row in sorted(kept, key=lambda each: each[0])]


def fed(
    rows: Iterable[Any],
    name: str,
    template: EventTemplate | None,
    now: Callable[[], float],
    seed: int,
    checked: Callable[[str, str], bytes],
) -> tuple[Payload, ...]:
    """A payload of each row; ``checked`` makes a body of JSON text, and complains by name."""
    found, total = [], 0
    for number, row in enumerate(rows, 1):
        place = f"--payloads {name}, row {number}"
        if template is None:
            body = checked(json.dumps(row, ensure_ascii=False, separators=(",", ":")), place)
        else:
            body = template.filled(row, number - 1, seed, now())
        total += len(body)
        if total > MOST_BYTES:
            reason = f"makes more than {MOST_BYTES // 2**20} MB of payloads"
            raise UsageError(
                f"--payloads {name}", reason, "Give fewer rows, or make them by --pre."
            )
        found.append(Payload(body))
    if not found:
        raise UsageError(f"--payloads {name}", "has no rows", "Give a row for each payload.")
    return tuple(found)
