"""What a store cannot take now waits in a file below ``.tuner/spool``, and is delivered later.

One file a run: a line of JSON that names store (without its password), run and owner, then one
line an entry. A file goes once its store has committed all of it in one transaction; delivered
twice, it adds nothing. A last line that is cut off was never reported as stored.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Connection

from tuner.errors import StoreError
from tuner.records import Advice, RunRecord
from tuner.store import queries
from tuner.store.connect import DEFAULT, make_folder
from tuner.store.entries import Closed, Entry, Samples, as_line, of_line
from tuner.store.failure import disk_error
from tuner.store.owner import Owner, this_process
from tuner.store.plain import dumps, record

FOLDER = DEFAULT.parent / "spool"

_SCHEMA = "tuner.spool/1"

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
            make_folder(FOLDER.parent)
            FOLDER.mkdir(exist_ok=True)
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
        """How many samples wait in it."""
        return sum(len(each.samples) for each in self.entries if isinstance(each, Samples))

    @property
    def in_work(self) -> bool:
        """Whether another process is still writing it."""
        if self.entries and isinstance(self.entries[-1], Closed):
            return False
        owner = self.head.owner
        return owner != this_process() and not owner.gone()


def waiting() -> list[Path]:
    """The files that wait here, for whichever stores."""
    return sorted(FOLDER.glob("*.jsonl")) if FOLDER.is_dir() else []


def head_of(path: Path) -> Head:
    """Whose file this is. Raises :class:`StoreError` for a file that is none of ours."""
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
        except (ValueError, RecursionError) as error:
            raise _damaged(path, f"line {number}: {error}") from error
    return Waiting(path, head, tuple(entries))


def deliver(file: Waiting, writing: Writing) -> None:
    """Write all of it into the store, in one transaction, and remove the file."""
    with writing() as connection:
        key = queries.lock_run(connection, file.head.run.run)
        if key is None:
            key = queries.insert_run(connection, _gone(file.head.run), file.head.owner)
        there = queries.numbers_from(connection, key, _first_call(file.entries))
        for entry in file.entries:
            entry.again(connection, key, there)
    with _complaints(file.path):
        file.path.unlink(missing_ok=True)


def _gone(run: RunRecord) -> RunRecord:
    """The run as it is written anew, as the store has lost it."""
    text = (
        "The store lost this run while it went on; only what was measured after that is there, "
        "so measure again before you rely on it."
    )
    return replace(run, warnings=(*run.warnings, Advice("samples-lost", text)))


def _first_call(entries: Sequence[Entry]) -> int:
    calls = (s.call for each in entries if isinstance(each, Samples) for s in each.samples)
    return min(calls, default=0)


def _head(path: Path, line: str) -> Head:
    try:
        found = record(Head, json.loads(line))
    except (ValueError, RecursionError) as error:
        raise _damaged(path, f"line 1: {error}") from error
    if found.schema != _SCHEMA:
        raise _damaged(path, f"schema {found.schema:.40} needs a newer tuner")
    return found


@contextmanager
def _complaints(path: Path) -> Iterator[None]:
    """Raise :class:`StoreError` for what the disk refuses."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise _damaged(path, "it is not text") from error
    except OSError as error:
        raise disk_error(f"file {path}", error, "Give write permission on .tuner.") from error


def _damaged(path: Path, reason: str) -> StoreError:
    fix = "It is left where it is; move it away to be rid of this message."
    return StoreError(f"file {path}", f"it cannot be delivered: {reason}", fix)


def _free(run: str) -> Path:
    """A name that no file has yet."""
    name, number = re.sub(r"[^\w-]", "_", run), 1
    while (path := FOLDER / f"{name}-{number}.jsonl").exists():
        number += 1
    return path
