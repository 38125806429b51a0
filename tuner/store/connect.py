"""Database connections by a store's name, suited to many small writes.

A name is an SQLAlchemy URL, or the path of an SQLite file. The default is ``.tuner/runs.db`` in
the working directory. SQLite is used in WAL mode with ``synchronous=NORMAL``: a commit survives
the death of the process (kill -9) though perhaps not a power cut, and costs no wait for the disk
(https://sqlite.org/wal.html, https://sqlite.org/pragma.html#pragma_synchronous). A PostgreSQL
server that is gone is noticed within half a minute, even when no packet comes back any more.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from tuner.errors import StoreError, UsageError
from tuner.files import OWN, own_folder, refuse_leaving
from tuner.store.failure import translated
from tuner.units import printable

DEFAULT = Path(".tuner") / "runs.db"

#: How long a write waits for another process to finish its own, seconds.
LOCK_WAIT_S = 10.0

#: libpq's settings, where the URL has none of its own: seconds, times, milliseconds
#: (https://www.postgresql.org/docs/current/libpq-connect.html).
_PATIENCE = {
    "application_name": "tuner",
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}

#: How a connection is told how long to wait for a lock, milliseconds.
_WAIT = {"sqlite": "PRAGMA busy_timeout = {}", "postgresql": "SET lock_timeout = {}"}

_WRITES = "tuner_writes"  # execution option of a connection that is going to write


def address(name: str | None) -> URL:
    """Read a store's name; ``None`` is ``TUNER_STORE`` or else the default.

    Raises :class:`UsageError` for what is neither a URL nor a path.
    """
    name = name or os.environ.get("TUNER_STORE") or str(DEFAULT)
    if "://" not in name:
        return URL.create("sqlite", database=name)
    try:
        url = make_url(name)
    except (ArgumentError, ValueError) as error:
        raise UsageError(f"store {_scrubbed(name)!r}", "not a database URL", _EXAMPLES) from error
    if url.drivername in ("postgresql", "postgres"):
        return url.set(drivername="postgresql+psycopg")
    return url


_EXAMPLES = "Write a path, sqlite:///runs.db or postgresql+psycopg://user:password@host/database."


def shown(url: URL) -> str:
    """Name a store in messages: an SQLite file by its path, a URL without its password."""
    if url.get_backend_name() == "sqlite":
        return f"store {printable(url.database or 'in memory')}"
    if any("@" in part for part in (url.host or "", url.database or "", *url.query)):
        return f"store {url.drivername}://***"  # a slip before the password has moved it there
    secret = {k: "***" for k, value in url.query.items() if "passw" in f"{k}{value}".lower()}
    text = url.update_query_dict(secret).render_as_string(hide_password=True)
    return f"store {printable(text)}"


def missing(url: URL) -> bool:
    """True for an SQLite file that does not exist yet."""
    return _is_file(url) and not Path(str(url.database)).exists()


def store_files(url: URL) -> tuple[Path, Path] | None:
    """An SQLite file and the log of what was written to it; ``None`` of any other store."""
    if not _is_file(url):
        return None
    return Path(str(url.database)), Path(f"{os.path.realpath(str(url.database))}-wal")


def connect(url: URL) -> Engine:
    """Make an engine; an SQLite file's folder is created. Raises :class:`StoreError`."""
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise UsageError(shown(url), "neither SQLite nor PostgreSQL", _EXAMPLES)
    if _is_file(url):
        with translated(shown(url)):
            if Path(str(url.database)) == DEFAULT:
                refuse_leaving(DEFAULT)
            make_folder(Path(str(url.database)).parent)
            _make_private(Path(str(url.database)))
    try:
        engine = create_engine(url, **_options(url))
    except ModuleNotFoundError as error:
        fix = "Install it with: pip install 'tuner[postgres]'"
        raise StoreError(shown(url), f"the driver {error.name} is not installed", fix) from error
    except (NoSuchModuleError, ArgumentError, ValueError, TypeError) as error:
        reason = _scrubbed(str(error).splitlines()[0])
        raise UsageError(shown(url), reason, _EXAMPLES) from error
    if url.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _tune_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        event.listen(engine, "connect", _tune_postgresql)
    return engine


@contextmanager
def transaction(
    engine: Engine, *, writes: bool = False, wait_s: float | None = None
) -> Iterator[Connection]:
    """Open a transaction, committed at the end; a writer waits for its turn at the start.

    ``wait_s``: how long for, if not ``LOCK_WAIT_S``.
    """
    with engine.connect() as connection:
        connection.execution_options(**{_WRITES: writes})
        if not writes and engine.dialect.name == "postgresql":
            # What several statements read is of one moment, as it is in SQLite.
            connection.execution_options(isolation_level="REPEATABLE READ")
        if wait_s is not None:
            _set_wait(connection, wait_s)
        with connection.begin():
            yield connection
        if wait_s is not None:
            _set_wait(connection, LOCK_WAIT_S)


def _set_wait(connection: Connection, seconds: float) -> None:
    """Set how long this connection waits for a lock."""
    milliseconds = round(seconds * 1000)
    driver = connection.connection.dbapi_connection
    assert driver is not None, "an open connection has a driver's"
    _execute(driver, _WAIT[connection.dialect.name].format(milliseconds))


def _options(url: URL) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"connect_args": {"timeout": LOCK_WAIT_S}}
    ours = {name: value for name, value in _PATIENCE.items() if name not in url.query}
    return {"pool_pre_ping": True, "connect_args": ours}


def _scrubbed(name: str) -> str:
    """A text that is no URL, without what may be a user and a password in it."""
    return re.sub(r"(passw\w*=)[^&]*", r"\1***", re.sub(r"(?s)://.*@", "://***@", name))


def _is_file(url: URL) -> bool:
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return False
    return not str(url.database).startswith("file:")


def make_folder(folder: Path) -> None:
    """Make a folder; git and other users of the machine are to leave ours alone. Raises OSError,
    also where ours leads out of the working directory by a link."""
    if folder == DEFAULT.parent or (folder.name == OWN and not folder.exists()):
        own_folder(folder)
    else:
        folder.mkdir(parents=True, exist_ok=True)


def _make_private(file: Path) -> None:
    """Make a new file for this user alone; what SQLite puts beside it has the same mode.

    Raises :class:`StoreError` for links there, which SQLite would write through.
    """
    there = os.path.realpath(file)  # a link's end is what SQLite makes
    for suffix in ("-wal", "-shm", "-journal"):
        beside = Path(f"{there}{suffix}")
        if beside.is_symlink():
            raise StoreError(f"store {file}", f"{beside.name} beside it is a link", "Remove it.")
    with suppress(FileExistsError):
        os.close(os.open(there, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))


def _tune_sqlite(connection: Any, _record: object) -> None:
    # The driver must not open transactions of its own: they would start as readers, and two
    # readers that turn into writers cannot wait for one another.
    connection.isolation_level = None
    _execute(connection, "PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL")


def _tune_postgresql(connection: Any, _record: object) -> None:
    _execute(connection, _WAIT["postgresql"].format(round(LOCK_WAIT_S * 1000)))


def _execute(connection: Any, *statements: str) -> None:
    """Run statements on a driver's connection, outside of SQLAlchemy's transactions."""
    cursor = connection.cursor()
    for statement in statements:
        cursor.execute(statement)
    cursor.close()
    connection.commit()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
