"""Foreign errors of databases and disks, translated once into a StoreError with a next step.

What may be over later (a server that is gone, a lock, a full disk) becomes a ``StoreAway``.
"""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from tuner.errors import StoreAway, StoreError

_ELSEWHERE = "Grant write permission, or name another store with --store or TUNER_STORE."


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
_READ_ONLY = _Meaning("it is read-only", "Name a primary server with --store.", passing=True)
_DENIED = _Meaning(
    "permission denied",
    "Ask for rights on the tuner_* tables and the schema, or name another store with --store.",
)
_LOGIN = _Meaning(
    "the server refuses this user or password",
    "Check both; the password may be in the URL, in PGPASSWORD or in ~/.pgpass.",
)
_NO_DATABASE = _Meaning(
    "the server has no such database", "Create it with createdb, or correct the URL."
)
_GONE = _Meaning("its tables are gone", "Restore the database, or name another store.")
_CHANGED = _Meaning(
    "its tables are not those of tuner", "Restore the database, or name another store."
)
_TAKEN = _Meaning("it already has a run of this id", "Delete it first with `tuner runs delete`.")
_TOO_LARGE = _Meaning(
    "a number is too large to be stored",
    "Use numbers of at most 64 bits, for instance a smaller --seed.",
)

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
_WORDS = (
    ("database is locked", _LOCKED),
    ("database table is locked", _LOCKED),
    ("readonly database", _Meaning("it is read-only", _ELSEWHERE)),
    ("unable to open database", _Meaning("it cannot be opened or created", _ELSEWHERE)),
    ("disk is full", _FULL),
    ("no space left", _FULL),
    (
        "malformed",
        _Meaning(
            "the file is damaged",
            "`tuner runs copy --to rescued.db` saves the runs that can be read; "
            "then move the file away.",
        ),
    ),
    (
        "not a database",
        _Meaning(
            "the file is not a SQLite database, or is damaged",
            "Move it away, or name another store with --store.",
        ),
    ),
    (
        "disk i/o error",
        _Meaning(
            "the disk answers with errors",
            "Check the disk and its free space, or name another store with --store.",
            passing=True,
        ),
    ),
    ("no such table", _GONE),
    ("no such column", _CHANGED),
    ("has no column", _CHANGED),
    ("unique constraint failed: tuner_runs.run", _TAKEN),
    ("tuner_runs_run_key", _TAKEN),
    ('fatal:  database "', _NO_DATABASE),
    ('fatal:  role "', _LOGIN),
    (
        "connection refused",
        _Meaning(
            "the server refuses connections",
            "Check that it runs, and host and port of the URL.",
            passing=True,
        ),
    ),
    (
        "resolve host",
        _Meaning("its host name is not known", "Check the URL and the network.", passing=True),
    ),
    (
        "timeout expired",
        _Meaning("the server does not answer", "Check the URL and the network.", passing=True),
    ),
    ("password authentication failed", _LOGIN),
    ("no password supplied", _LOGIN),
    ("permission denied", _DENIED),
    ("starting up", _RESTARTING),
    ("shutting down", _RESTARTING),
    ("too many clients", _CROWDED),
    ("connection slots", _CROWDED),
    ("server closed the connection", _LOST),
    ("terminating connection", _LOST),
    ("connection is lost", _LOST),
    ("connection is closed", _LOST),
    ("connection reset", _LOST),
    ("connection timed out", _LOST),
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
    except OverflowError as error:
        raise StoreError(where, _TOO_LARGE.reason, _TOO_LARGE.fix) from error


def disk_error(where: str, error: OSError, fix: str) -> StoreError:
    """Say what the operating system refused; ``fix`` is the advice unless the disk is full."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreAway(where, _FULL.reason, _FULL.fix)
    reason = error.strerror or type(error).__name__
    return StoreError(where, reason[:1].lower() + reason[1:], fix)


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
    code = getattr(getattr(error, "orig", None), "sqlstate", None) or ""
    by_code = next(
        (each for start, each in _CODES.items() if code and code.startswith(start)), None
    )
    words = said.lower()
    by_words = next((each for known, each in _WORDS if known in words), None)
    return by_code or by_words
