"""The journal of changes: what a function was like, and what is about to be done to it.

Every change is written and synced to disk before it is made, so that any end of the process
(SIGKILL and power loss included) leaves enough to restore the function (``restore.py``). One file
per measured function, readable by its owner only, without environment variables, payloads or
credentials. A lock on the file shows whether the run that wrote it still lives.
"""

import contextlib
import fcntl
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

from tuner.aws.seal import sealed, take_seal
from tuner.errors import TargetError, TunerError
from tuner.files import open_own, own_folder

SCHEMA = "tuner.journal/1"

#: The start of a description that a run has set and not restored yet.
MARK = re.compile(r"tuner [0-9A-HJKMNP-TV-Z]{26} ", re.ASCII)
_RUN = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}", re.ASCII)

Step = Mapping[str, Any]


@dataclass(frozen=True)
class Before:
    """The values that are restored: the two that are changed on ``$LATEST``."""

    memory_mb: int
    description: str
    revision_id: str
    code_sha256: str
    last_modified: str = ""

    @classmethod
    def of(cls, start: Mapping[str, Any]) -> "Before":
        """Those of a FunctionConfiguration."""
        texts = start.get("Description", ""), start.get("RevisionId", ""), start["CodeSha256"]
        return cls(start["MemorySize"], *texts, start.get("LastModified", ""))

    def holds(self, now: Mapping[str, Any]) -> bool:
        """Tell if a FunctionConfiguration has the values that are restored."""
        found = now["MemorySize"], now.get("Description", "")
        return found == (self.memory_mb, self.description)


@dataclass(frozen=True)
class JournalHeader:
    """The first line of a journal: whose function, where, and what it was like."""

    id: str  # ULID; part of every description that is written, which shows what is ours
    function: str  # as the user named it, without qualifier
    arn: str  # the same as a full ARN without qualifier: names an account and a region, too
    region: str
    endpoint_url: str
    profile: str | None
    before: Before
    opened_at: float  # seconds since the epoch
    pid: int
    assume_role: str | None = None  # the role that the measurement was made in
    clone: str | None = None  # a temporary copy's ARN; then nothing else is changed

    @property
    def mark(self) -> str:
        """The start of every description of ours; only we write it."""
        return f"tuner {self.id} "  # MARK reads it


@dataclass(frozen=True)
class JournalEntry:
    """A journal as it stands: its header, its steps so far, and its file if it has one."""

    header: JournalHeader
    steps: tuple[Step, ...] = ()
    path: Path | None = None
    running: bool = False  # the process that wrote it is alive
    trusted: bool = True  # of this process, or sealed by this user on this machine

    def unconfirmed(self, action: str) -> Step | None:
        """The last step of this kind if it was begun and not confirmed: it may have happened."""
        last: Step | None = None
        for step, following in pairwise((*self.steps, {})):
            if step.get("do") == action:
                last = None if "did" in following else step
        return last

    def replaced(self) -> set[str]:
        """The RevisionIds of ``$LATEST`` that are past: each was known before the one after it."""
        known = [self.header.before.revision_id]
        known += [str(step["revision_id"]) for step in self.steps if step.get("revision_id")]
        return set(known) - {known[-1], ""}

    def modified(self) -> str:
        """The latest LastModified of ``$LATEST`` that is known: an earlier one is an old read."""
        known = (str(step.get("modified", "")) for step in self.steps)
        return max((self.header.before.last_modified, *known))

    def last_sets(self) -> list[Step]:
        """The last confirmed change of ``$LATEST`` and what was begun after it, since it was last
        restored: what it may have from us now."""
        sets: list[Step] = []
        for last, step in pairwise(({}, *self.steps)):
            if step.get("do") == "set":
                sets.append(step)
            elif "did" in step and last.get("do") in ("set", "put-back"):
                sets = sets[-1:] if last["do"] == "set" else []
        return sets

    def restored(self) -> bool:
        """Tell if the last change of ``$LATEST`` was to restore it, and that was seen."""
        seen = False
        for last, step in pairwise(({}, *self.steps)):
            seen = seen and step.get("do") not in ("set", "put-back")
            seen = seen or ("did" in step and last.get("do") == "put-back")
        return seen

    def size_mb(self) -> int:
        """The memory of ``$LATEST`` as we left it, as far as the journal says."""
        sets = self.last_sets()
        return int(sets[-1]["memory_mb"]) if sets else self.header.before.memory_mb

    def tags_seen(self) -> bool:
        """Tell if the run's tags were read on the function after they were put."""
        return any(step.get("seen") for step in self.steps)

    def written(self, action: str) -> list[Step]:
        """The steps of one kind (``set``, ``publish``, ``put-back``), in order."""
        return [step for step in self.steps if step.get("do") == action]


class Journal:
    """An open journal, only in memory without a directory, for a function that ends with this
    process (the embedded local Lambda's)."""

    def __init__(self, directory: Path | None, header: JournalHeader) -> None:
        self.header = header
        self._steps: list[Step] = []
        self._seal = ""  # of the last line
        self._path: Path | None = None
        self._file: int | None = None
        if directory is not None:
            self._path = directory / f"{header.id}.jsonl"
            with _using(directory):
                self._file = write_new(self._path, self._sealed(_opening(header)))

    def will(self, action: str, **details: Any) -> None:
        """Write a step before it is made; returns when that is on disk."""
        self._append({"do": action, **details})

    def did(self, **details: Any) -> None:
        """Write that the last step was made."""
        self._append({"did": True, **details})

    def saw_tags(self) -> None:
        """Write that the run's tags were read on the function."""
        self._append({"seen": True})

    def refused(self) -> None:
        """Write that the last step was refused: nothing of it was made, nor can be."""
        self._append({"refused": True})

    @contextlib.contextmanager
    def making(self, action: str, operation: str, **details: Any) -> Iterator[None]:
        """Write a step, and that it was not made if AWS refuses its operation."""
        self.will(action, **details)
        try:
            yield
        except TunerError as error:
            if error.refused == operation:
                self.refused()
            raise

    def entry(self) -> JournalEntry:
        return JournalEntry(self.header, _begun(self._steps), self._path, running=True)

    def finish(self) -> None:
        """Remove the file: everything is restored."""
        discard(self.entry())
        self.close()

    def close(self) -> None:
        """Close the file; what is in it stays pending unless it was finished."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _append(self, step: Step) -> None:
        self._steps.append(step)
        if self._file is not None and self._path is not None:
            with _using(self._path):
                _write(self._file, self._sealed(step))

    def _sealed(self, content: Step) -> bytes:
        """A line of the file, sealed with the one before it: none can be altered or left out."""
        line = sealed(content, self._seal)
        self._seal = line.get("seal", "")
        return json.dumps(line, separators=(",", ":")).encode() + b"\n"


def pending(directory: Path) -> list[JournalEntry]:
    """The journals in a directory, oldest first; raises TargetError for a file that is none."""
    return list(filter(None, map(read_entry, journal_files(directory))))


def journal_files(directory: Path) -> list[Path]:
    """The files of the journals, oldest first; none if there is no such directory."""
    with _using(directory):
        return sorted(directory.glob("*.jsonl")) if directory.is_dir() else []


def read_entry(path: Path) -> JournalEntry | None:
    """One journal; ``None`` if it was removed meanwhile."""
    with _using(path):
        file = _open(path)
        if file is None:
            return None
        with os.fdopen(file, "rb") as stream:
            running = not lock(file)
            data = stream.read()
    header, steps, trusted = parse_journal(data, str(path))
    return JournalEntry(header, steps, path, running, trusted)


@contextlib.contextmanager
def claimed(entry: JournalEntry) -> Iterator[bool]:
    """Hold a journal while it is restored; gives ``False`` if another process holds it, or has
    restored it."""
    if entry.path is None:
        yield True
        return
    with _using(entry.path):
        file = _open(entry.path)
    try:
        yield file is not None and lock(file)
    finally:
        if file is not None:
            os.close(file)


def discard(entry: JournalEntry) -> None:
    """Remove the file of a journal whose function is restored."""
    if entry.path is not None:
        with _using(entry.path):
            _remove(entry.path)


def parse_journal(data: bytes, name: str) -> tuple[JournalHeader, tuple[Step, ...], bool]:
    """Read a journal's bytes, and tell if this user has sealed all of it on this machine. A last
    line that was cut off is left out: nothing followed it."""
    lines = data.split(b"\n")[:-1]
    try:
        first, *rest = [json.loads(line) for line in lines]
        if not isinstance(first, dict) or first.get("schema") != SCHEMA:
            raise ValueError("its schema is not known")
        seal = str(first.get("seal", ""))
        trusted = take_seal(first)
        for step in rest:
            _check_step(step)
            after, seal = seal, str(step.get("seal", ""))
            trusted &= take_seal(step, after)
        first["before"] = record(Before, first["before"])
        header: JournalHeader = record(JournalHeader, first)
        if not _RUN.fullmatch(header.id):
            raise ValueError(f"id is {header.id!r:.80}")
        return header, _begun(rest), trusted
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        fix = "Compare the function by hand with what the file says, then delete the file."
        raise TargetError(name, f"cannot be read as a journal ({error})", fix) from error


def _begun(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Leave out the steps that were refused."""
    return tuple(
        step
        for step, following in pairwise((*steps, {}))
        if not ({"refused"} & {*step, *following})
    )


#: What a step has to have, by what it does, and of which type; and what else it may have.
_NEEDED: Mapping[str, Mapping[str, Any]] = {
    "set": {"memory_mb": int, "description": str, "revision_id": str},
    "publish": {"description": str},
    "provision": {"version": str},
    "tag": {"keys": list},
}
_ALLOWED = {"modified": str, "tagged": list, "until": int | float, "attempts": int, "version": str}


def _check_step(step: Any) -> None:
    """Raise ValueError for a step that we do not write."""
    if not isinstance(step, dict):
        raise ValueError("a step is not an object")
    needed = _NEEDED.get(str(step.get("do")), {})
    for name, kind in {**_ALLOWED, "revision_id": str, **needed}.items():
        value = step.get(name)
        fits = isinstance(value, kind) and not isinstance(value, bool)
        if not fits and (name in step or name in needed):
            raise ValueError(f"{name} of a step is {value!r:.80}")


_MAY_BE_EMPTY = ("description", "revision_id")


def record(kind: Any, values: Mapping[str, Any]) -> Any:
    """A dataclass from a file, with each field of its type; raises ValueError otherwise."""
    missing = [f.name for f in fields(kind) if f.default is MISSING and f.name not in values]
    if missing:
        raise ValueError(f"{missing[0]} is missing")
    known = {field.name: field for field in fields(kind) if field.name in values}
    for name, field in known.items():
        wanted: Any = int | float if field.type is float else field.type
        empty = values[name] == "" and field.default is MISSING and name not in _MAY_BE_EMPTY
        no_number = isinstance(values[name], bool) and field.type is not bool
        if empty or no_number or not isinstance(values[name], wanted):
            raise ValueError(f"{name} is {values[name]!r}")
    return kind(**{name: values[name] for name in known})


def _opening(header: JournalHeader) -> dict[str, Any]:
    return {"schema": SCHEMA, **asdict(header)}


@contextlib.contextmanager
def _using(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = f"the journal of changes cannot be used ({error.strerror or error})"
        fix = "Make the directory writable, or run in another one: no change is begun without it."
        raise TargetError(str(path), reason, getattr(error, "fix", fix)) from error


def write_new(path: Path, data: bytes) -> int:
    """Make or replace a file, whole or not at all: written aside, then renamed. Returns it open and
    locked; raises OSError."""
    own_folder(path.parent)
    aside = path.with_suffix(".new")
    aside.unlink(missing_ok=True)
    file = open_own(aside, os.O_RDWR | os.O_CREAT | os.O_EXCL)
    try:
        lock(file)
        _write(file, data)
        aside.replace(path)
        sync_directory(path.parent)
    except OSError:
        os.close(file)
        aside.unlink(missing_ok=True)
        raise
    return file


def _write(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
    os.fsync(file)


def _open(path: Path) -> int | None:
    with contextlib.suppress(FileNotFoundError):
        return open_own(path, os.O_RDWR)
    return None


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Have a directory's entries on disk."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def lock(file: int) -> bool:
    """Take the lock that lasts as long as the process; ``False`` if another one has it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
