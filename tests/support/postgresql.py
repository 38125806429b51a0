"""A PostgreSQL server of the tests' own: a private folder and port, gone with this process."""

import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

_READY_S = 60.0
_numbers = itertools.count(1)


class Server:
    """``url`` is that of its first database. It can be stopped and started again, and lists the
    databases that it makes by their URLs; no password is asked for."""

    def __init__(self, folder: Path) -> None:
        self._binaries = _binaries()
        self._folder, self._data = folder, folder / "data"
        self._port = _free_port()
        self._become: list[str] = _unprivileged(folder)
        self._process: subprocess.Popen[bytes] | None = None
        self.url = self._url("postgres")
        initdb = [str(self._binaries / "initdb"), "-A", "trust", "-U", "tuner", "-E", "UTF8"]
        command = [*self._become, *initdb, "--locale=C.UTF-8", "-D", str(self._data)]
        subprocess.run(command, check=True, capture_output=True, timeout=120, cwd=folder)

    def start(self) -> None:
        """Start and wait until it answers."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self._port),
            "unix_socket_directories": str(self._folder),
            "fsync": "off",
        }
        flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        command = [*self._become, str(self._binaries / "postgres"), "-D", str(self._data), *flags]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._folder)
        deadline = time.monotonic() + _READY_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                pytest.fail(f"PostgreSQL did not start: {(self._folder / 'log').read_text()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop at once, as a crash would; what was committed is kept."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(30)
            self._process = None

    def database(self) -> str:
        """URL of a new, empty database."""
        name = f"t{next(_numbers)}"
        self.execute(f"CREATE DATABASE {name}")
        return self._url(name)

    def execute(self, statement: str, database: str | None = None) -> None:
        """Run a statement as the administrator, outside of a transaction."""
        engine = create_engine(database or self.url, isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as connection:
                connection.execute(text(statement))
        finally:
            engine.dispose()

    def drop(self, url: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.execute(f"DROP DATABASE IF EXISTS {url.rsplit('/', 1)[1]} WITH (FORCE)")

    def _url(self, database: str) -> str:
        return f"postgresql+psycopg://tuner@127.0.0.1:{self._port}/{database}"

    def _answers(self) -> bool:
        try:
            self.execute("SELECT 1")
        except OperationalError:
            return False
        return True


def _binaries() -> Path:
    on_path = shutil.which("initdb")
    candidates = [Path(on_path).parent] if on_path else []
    candidates += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in candidates:
        if (folder / "initdb").exists():
            return folder
    pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")


def _unprivileged(folder: Path) -> list[str]:
    """What goes before a command: as nobody where we are root, which PostgreSQL refuses to run
    as, and with a signal to the server when this process dies."""
    setpriv = shutil.which("setpriv")
    root = sys.platform != "win32" and os.getuid() == 0
    if root and setpriv is None:
        pytest.skip("PostgreSQL does not run as root, and setpriv (util-linux) is not installed")
    if root:
        shutil.chown(folder, "nobody")
    if setpriv is None:
        return []
    account = ["--reuid=nobody", "--regid=nogroup", "--clear-groups"] if root else []
    return [setpriv, *account, "--pdeathsig=QUIT"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
