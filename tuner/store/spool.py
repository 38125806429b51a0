"""Samples that a store cannot take now: kept in a file below ``.tuner/spool``, delivered later.

One file a run: a line of JSON that names store (without its password), run and owner, then one
line an entry. A file goes once its store has committed all of it in one transaction; delivered
twice, it adds nothing. A last line that is cut off was never reported as stored. A file that is
damaged otherwise is set aside, beside the others.
"""

import json
import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection

from tuner.errors import StoreError
from tuner.files import own_folder, refuse_leaving
from tuner.records import Advice, RunRecord
from tuner.store import queries
from tuner.store.connect import DEFAULT
from tuner.store.entries import (
    Closed,
    Entry,
    NewerEntry,
    Samples,
    as_line,
    numbers_there,
    of_line,
)
from tuner.store.failure import disk_error
from tuner.store.migrations import bring_up
from tuner.store.plain import dumps, record
from tuner.store.queries import Owner, this_process

FOLDER = DEFAULT.parent / "spool"

_SCHEMA = "tuner.spool/1"
#: More bytes than any first line has; seconds in which one is written.
_LONGEST_HEAD, _BEGINS_S = 1_000_000, 5.0
_BEGINNING = b'{"schema":"tuner.spool/'

#: Opens a transaction that writes.
Writing = Callable[[], AbstractContextManager[Connection]]


@dataclass(frozen=True)
class Head:
    """The first line of a file: for which store, of which run, by which process."""

    schema: str
    store: str
    run: RunRecord
    owner: Owner


class Spool:
    """The file of a run while this process writes it."""

    def __init__(self, where: str, run: RunRecord) -> None:
        """Begin a file. Raises :class:`StoreError` if none can be written."""
        self.samples = 0
        self.path = _free(run.run)
        with _complaints(self.path):
            own_folder(FOLDER)
            self._file = self.path.open("x", encoding="utf-8")
        self._line(dumps(Head(_SCHEMA, where, run, this_process())))

    def write(self, entry: Entry) -> None:
        """Keep an entry; it survives the death of this process."""
        self._line(as_line(entry))
        self.samples += len(entry.samples) if isinstance(entry, Samples) else 0

    def close(self) -> None:
        """Leave the file to others, which otherwise wait until this process has ended."""
        with suppress(StoreError):
            self._line(as_line(Closed()))
        self._file.close()

    def _line(self, line: str) -> None:
        with _complaints(self.path):
            self._file.write(line + "\n")
            self._file.flush()


@dataclass(frozen=True)
class Waiting:
    """A file that waits, as it was read."""

    path: Path
    head: Head
    entries: tuple[Entry, ...]

    @property
    def samples(self) -> int:
        """Number of samples that wait in it."""
        return sum(len(each.samples) for each in self.entries if isinstance(each, Samples))

    @property
    def in_work(self) -> bool:
        """True while another process is still writing it."""
        if self.entries and isinstance(self.entries[-1], Closed):
            return False
        owner = self.head.owner
        return owner != this_process() and not owner.gone()


def waiting() -> list[Path]:
    """The files that wait here, for whichever stores."""
    try:
        refuse_leaving(FOLDER)
    except OSError:
        return []
    found = FOLDER.glob("*.jsonl") if FOLDER.is_dir() else ()
    return sorted(path for path in found if path.is_file())  # a pipe would be read for ever


def _empty(path: Path) -> bool:
    """Tell if a file has not got its first line yet. Remove one that a full disk has kept from it,
    since nothing waits in it."""
    with suppress(OSError):
        begun = path.read_bytes()[:_LONGEST_HEAD]
        ours = begun.startswith(_BEGINNING) or _BEGINNING.startswith(begun)
        if b"\n" not in begun and ours:
            if time.time() - path.stat().st_mtime > _BEGINS_S:
                path.unlink()
            return True
    return False


def _set_aside(path: Path) -> str:
    """Rename a file that can never be delivered, and say what it is called then."""
    aside, number = path.with_name(f"{path.name}.damaged"), 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{number}")
    try:
        path.rename(aside)
    except OSError:
        return "Move it away to stop this message."
    return f"It is kept as {aside}; delete it if you do not miss its samples."


class Damaged(StoreError):  # noqa: N818 - reads as what happened
    """A file that no version can deliver."""


def head_of(path: Path) -> Head:
    """Read a file's first line. Raises :class:`StoreError` for a file that is none of ours."""
    with _complaints(path), path.open(encoding="utf-8") as file:
        return _head(path, file.readline())


def read(path: Path) -> Waiting:
    """Read a file. Raises :class:`StoreError` for what is not one of ours."""
    with _complaints(path):
        whole = path.read_text(encoding="utf-8").split("\n")[:-1]  # without a line that is cut off
    head, entries = _head(path, whole[0] if whole else ""), []
    for number, line in enumerate(whole[1:], start=2):
        try:
            entries.append(of_line(line))
        except NewerEntry as error:
            raise _newer(path, f"line {number}: {error}") from error
        except (ValueError, RecursionError) as error:
            raise _damaged(path, f"line {number}: {error}") from error
    return Waiting(path, head, tuple(entries))


def deliver(file: Waiting, writing: Writing) -> None:
    """Write all of it into the store, in one transaction, and remove the file."""
    with writing() as connection:
        key = queries.lock_run(connection, file.head.run.run)
        if key is None:
            key = queries.insert_run(connection, _gone(file.head.run), file.head.owner)
        there = numbers_there(connection, key, file.entries)
        for entry in file.entries:
            entry.again(connection, key, there)
        bring_up(connection, key)  # an earlier version may have written the file
    with _complaints(file.path):
        file.path.unlink(missing_ok=True)


def _gone(run: RunRecord) -> RunRecord:
    """The run as it is written anew, as the store has lost it."""
    text = (
        "The store lost this run while it was running; only what was measured later is there. "
        "Measure again before you rely on it."
    )
    return replace(run, warnings=(*run.warnings, Advice("samples-lost", text)))


def _head(path: Path, line: str) -> Head:
    try:
        content = json.loads(line)
        schema = content.get("schema") if isinstance(content, dict) else None
        if str(schema).startswith("tuner.spool/") and schema != _SCHEMA:
            raise _newer(path, f"schema {schema:.40} needs a newer tuner")
        found = record(Head, content)
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"line 1: {error}") from error
    if found.schema != _SCHEMA:
        raise _damaged(path, f"line 1: {found.schema!r:.40} is another schema")
    return found


@contextmanager
def _complaints(path: Path) -> Iterator[None]:
    """Raise :class:`StoreError` for what the disk refuses."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise _damaged(path, "it is not text") from error
    except OSError as error:
        raise disk_error(f"file {path}", error, "Grant write permission on .tuner.") from error


def _damaged(path: Path, reason: str) -> Damaged:
    return Damaged(f"file {path}", f"it cannot be delivered: {reason}", "Move it away.")


def _newer(path: Path, reason: str) -> StoreError:
    fix = "Move it away to stop this message."
    return StoreError(f"file {path}", f"it cannot be delivered: {reason}", fix)


def _free(run: str) -> Path:
    """A name that no file has yet."""
    name, number = re.sub(r"[^\w-]", "_", run), 1
    while (path := FOLDER / f"{name}-{number}.jsonl").exists():
        number += 1
    return path


_LOG = logging.getLogger("tuner.store")


def delivered(where: str, writing: Writing) -> Iterator[Waiting]:
    """Deliver what waits here for this store and nobody still writes, one run after another.

    What cannot be delivered is logged; where that is for good, the file is set aside.
    """
    for path in waiting():
        if _empty(path):
            continue
        try:
            if head_of(path).store != where:
                continue
            file = read(path)
            if file.in_work:
                continue
            deliver(file, writing)
        except Damaged as error:
            if path.exists():  # otherwise another process has set it aside
                _LOG.warning("%s: %s\n%s", error.thing, error.reason, _set_aside(path))
        except StoreError as error:
            _LOG.warning("%s", error)
        else:
            yield file
