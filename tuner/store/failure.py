"""Foreign errors of databases and disks, translated once into a StoreError with a next step."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from tuner.errors import StoreError

_ELSEWHERE = "Give write permission, or name another store with --store or TUNER_STORE."
_FULL = "the disk is full", "Free some space and run again; what was written before is kept."

#: SQLite's and PostgreSQL's own words (lower case), what they mean, and what to do.
_KNOWN = (
    ("database is locked", "another program keeps it locked", "Close that program and run again."),
    ("readonly database", "it is read-only", _ELSEWHERE),
    ("read-only transaction", "it is read-only", "Name a primary server with --store."),
    ("unable to open database", "it cannot be opened or created", _ELSEWHERE),
    ("disk is full", *_FULL),
    ("no space left", *_FULL),
    (
        "malformed",
        "the file is damaged",
        "Try `sqlite3 FILE .recover`, or move the file away: the next run makes a new one.",
    ),
    (
        "not a database",
        "the file is not a SQLite database, or is damaged",
        "Move it away, or name another store with --store.",
    ),
    (
        "disk i/o error",
        "the disk answers with errors",
        "Check the disk and its free space, or name another store with --store.",
    ),
    (
        "permission denied",
        "permission denied",
        "Ask for rights on the tuner_* tables and the schema, or name another store with --store.",
    ),
    ("no such table", "its tables are gone", "Restore the database, or name another store."),
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
        fix = "Use numbers of at most 64 bits, for instance a smaller --seed."
        raise StoreError(where, "a number is too large to be stored", fix) from error


def disk_error(where: str, error: OSError, fix: str) -> StoreError:
    """Say what the operating system refused; ``fix`` is the advice unless the disk is full."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StoreError(where, *_FULL)
    reason = error.strerror or type(error).__name__
    return StoreError(where, reason[:1].lower() + reason[1:], fix)


def _store_error(where: str, error: SQLAlchemyError) -> StoreError:
    said = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    for words, reason, fix in _KNOWN:
        if words in said.lower():
            return StoreError(where, reason, fix)
    first_line = next(iter(said.strip().splitlines()), type(error).__name__)
    return StoreError(
        where, first_line, "Check that the database answers and that the URL is right."
    )
