"""Foreign errors of databases and disks, translated once into a StoreError with a next step.

What may be over later (a server that is gone, a lock, a full disk) becomes a ``StoreAway``.
"""

import errno
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from tuner.errors import StoreAway, StoreError

_ELSEWHERE = "Grant write permission, or choose another store with --store or TUNER_STORE."


@dataclass(frozen=True)
class _Meaning:
    """Meaning of a database's complaint, what to do, and whether it may be over later."""

    reason: str
    fix: str
    passing: bool = False


_FULL = _Meaning(
    "the disk is full", "Free some space and run again; what was written before is kept.", True
)
_LOCKED = _Meaning(
    "another program has locked it", "Close that program and run again.", passing=True
)
_LOST = _Meaning(
    "the connection to the server was lost", "Run again once the server answers.", passing=True
)
_RESTARTING = _Meaning("the server is starting or stopping", "Run again in a moment.", True)
_CROWDED = _Meaning(
    "the server has no connection left", "Wait, or raise its max_connections.", passing=True
)
_READ_ONLY = _Meaning("it is read-only", "Choose a primary server with --store.", passing=True)
_DENIED = _Meaning(
    "permission denied",
    "Ask for rights on the tuner_* tables and the schema, or choose another store with --store.",
)
_LOGIN = _Meaning(
    "the server refuses this user or password",
    "Check both; the password may be in the URL, in PGPASSWORD or in ~/.pgpass.",
)
_NO_DATABASE = _Meaning(
    "the server has no such database", "Create it with createdb, or correct the URL."
)
_GONE = _Meaning("its tables are gone", "Restore the database, or choose another store.")
_CHANGED = _Meaning(
    "its tables are not those of tuner", "Restore the database, or choose another store."
)
_TAKEN = _Meaning("it already has a run of this id", "Delete it first with `tuner runs delete`.")
_TOO_LARGE = _Meaning(
    "a number is too large to be stored",
    "Use numbers of at most 64 bits, for instance a smaller --seed.",
)

#: The next step where a store is damaged; not for the command itself.
RESCUE = (
    "`tuner runs copy --to rescued.db` saves the runs that can be read; then move the file away."
)
_DAMAGED = _Meaning("the file is damaged", RESCUE)
_NO_SQLITE = _Meaning(
    "the file is not a SQLite database, or is damaged",
    "Move it away, or choose another store with --store.",
)
_DISK = _Meaning(
    "the disk answers with errors",
    "Check the disk and its free space, or choose another store with --store.",
    passing=True,
)
_SHORT = _Meaning(
    "the file may not grow: it is as long as `ulimit -f` allows", "Raise that limit.", passing=True
)
_REFUSED = _Meaning(
    "the server refuses connections", "Check that it runs, and host and port of the URL.", True
)
_NETWORK = "Check the URL and the network."

#: PostgreSQL's codes, by their beginnings; they are the same in every language
#: (https://www.postgresql.org/docs/current/errcodes-appendix.html).
_CODES = {
    "08": _LOST,
    "22003": _TOO_LARGE,
    "25006": _READ_ONLY,
    "28": _LOGIN,
    "3D000": _NO_DATABASE,
    "42501": _DENIED,
    "42703": _CHANGED,
    "42P01": _GONE,
    "53100": _FULL,
    "53300": _CROWDED,
    "55P03": _LOCKED,
    "57P0": _RESTARTING,
}

#: SQLite's words, and PostgreSQL's where a connection has no code yet (lower case).
_WORDS: tuple[tuple[_Meaning, tuple[str, ...]], ...] = (
    (_LOCKED, ("database is locked", "database table is locked")),
    (_Meaning("it is read-only", _ELSEWHERE), ("readonly database",)),
    (_Meaning("it cannot be opened or created", _ELSEWHERE), ("unable to open database",)),
    (_FULL, ("disk is full", "no space left")),
    (_DAMAGED, ("malformed",)),
    (_NO_SQLITE, ("not a database",)),
    (_DISK, ("disk i/o error",)),
    (_GONE, ("no such table",)),
    (_CHANGED, ("no such column", "has no column")),
    (_TAKEN, ("unique constraint failed: tuner_runs.run", "tuner_runs_run_key")),
    (_NO_DATABASE, ('fatal:  database "',)),
    (_LOGIN, ('fatal:  role "', "password authentication failed", "no password supplied")),
    (_REFUSED, ("connection refused",)),
    (_Meaning("unknown host name", _NETWORK, True), ("resolve host",)),
    (_Meaning("the server does not answer", _NETWORK, True), ("timeout expired",)),
    (_DENIED, ("permission denied",)),
    (_RESTARTING, ("starting up", "shutting down")),
    (_CROWDED, ("too many clients", "connection slots")),
    (_LOST, ("server closed the connection", "terminating connection", "connection is lost")),
    (_LOST, ("connection is closed", "connection reset", "connection timed out")),
)


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Raise :class:`StoreError` about ``where`` for every database or disk error inside."""
    try:
        yield
    except SQLAlchemyError as error:
        raise _store_error(where, error) from error
    except OSError as error:
        raise disk_error(where, error, _ELSEWHERE) from error
    except (ValueError, TypeError, RecursionError) as error:
        raise StoreError(where, f"a value in it makes no sense ({error})", RESCUE) from error
    except OverflowError as error:
        raise StoreError(where, _TOO_LARGE.reason, _TOO_LARGE.fix) from error


def disk_error(where: str, error: OSError, fix: str) -> StoreError:
    """Say what the operating system refused; ``fix`` is the advice unless the disk is full."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreAway(where, _FULL.reason, _FULL.fix)
    reason = error.strerror or type(error).__name__
    return StoreError(where, reason[:1].lower() + reason[1:], getattr(error, "fix", fix))


def _store_error(where: str, error: SQLAlchemyError) -> StoreError:
    said = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    meaning = _meaning(error, said)
    if meaning is not None:
        kind = StoreAway if meaning.passing else StoreError
        return kind(where, meaning.reason, meaning.fix)
    first_line = next(iter(said.strip().splitlines()), type(error).__name__)
    fix = "Check that the database answers and that the URL is right."
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return (StoreAway if lost else StoreError)(where, first_line, fix)


def _meaning(error: SQLAlchemyError, said: str) -> _Meaning | None:
    code, words = getattr(getattr(error, "orig", None), "sqlstate", None) or "", said.lower()
    by_code = (each for start, each in _CODES.items() if code.startswith(start))
    by_words = (each for each, known in _WORDS if any(word in words for word in known))
    found = next(by_code, None) or next(by_words, None)
    return _SHORT if found is _DISK and _limited() else found


def _limited() -> bool:
    """Tell if files of this process may not grow beyond some size."""
    return resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY
