"""``tuner report`` without a run: an index of all runs and pages, and a server of it."""

import math
import re
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tuner.api.stored import RunRow, listing
from tuner.clock import Clock, WallClock
from tuner.errors import TunerError
from tuner.records import RunState
from tuner.report.index_view import Entry, index_view
from tuner.report.page import render, write_page
from tuner.report.pages import reports_in
from tuner.store.connect import address, missing, store_files

#: Runs that an index holds.
MOST_RUNS = 2_000
INDEX = "index.html"
#: Seconds for which an index is kept whose sources do not tell that they have changed.
_KEPT_S = 2.0
_PAGE = re.compile(r"[^/\\]+\.html", re.ASCII)


def write_index(folder: Path, store: str | None) -> Path:
    """Write ``index.html`` over the runs of a store and the pages of a folder; return its path.

    Raises :class:`tuner.errors.TunerError` if it cannot be written.
    """
    return _written(folder, _rows(store))


def _written(folder: Path, rows: Sequence[RunRow]) -> Path:
    known = reports_in(folder)
    entries = [
        Entry(
            row.run,
            row.started_at,
            row.command,
            row.target,
            row.answer,
            row.state,
            row.figures.usd,
            row.figures.p95_ms,
            known.get(row.run),
        )
        for row in rows
    ]
    of_runs = {*known.values(), INDEX}
    names = sorted(path.name for path in folder.glob("*.html")) if folder.is_dir() else []
    others = [name for name in names if name not in of_runs and _PAGE.fullmatch(name)]
    return write_page(render(index_view(entries, others, str(folder))), folder / INDEX)


def _rows(store: str | None) -> list[RunRow]:
    return [] if missing(address(store)) else listing(store, MOST_RUNS)


class LiveIndex:
    """The index of a folder, made anew when the folder or the store has changed.

    Many may ask at once. Files of a store tell by themselves that they have changed; of a server of
    databases, and of runs that go on, which may crash, what was read is kept for two seconds.
    """

    def __init__(self, folder: Path, store: str | None, clock: Clock | None = None) -> None:
        self._folder, self._store, self._clock = folder, store, clock or WallClock()
        self._lock = threading.Lock()
        self._seen: object = None
        self._until_s = 0.0

    def __call__(self) -> Path:
        """Return the path of an index that is true. Raises TunerError if it cannot be made."""
        with self._lock:
            seen = self._look()  # before reading: what comes meanwhile is seen the next time
            index = self._folder / INDEX
            if seen == self._seen and self._clock.monotonic() < self._until_s and index.is_file():
                return index
            rows = _rows(self._store)
            made = _written(self._folder, rows)
            passing = store_files(address(self._store)) is None
            passing = passing or any(row.state == RunState.RUNNING for row in rows)
            self._seen = seen
            self._until_s = self._clock.monotonic() + _KEPT_S if passing else math.inf
            return made

    def _look(self) -> object:
        """Return what differs once a page or the store's files have changed."""
        pages = sorted(each for each in self._folder.glob("*.html") if each.name != INDEX)
        files = store_files(address(self._store)) or ()
        return [_stamp(each) for each in (*pages, *files)]


def _stamp(path: Path) -> tuple[str, int, int]:
    """Return a file's name, time and size; zeros where there is none, or nothing in it."""
    with suppress(OSError):
        found = path.stat()
        if found.st_size:
            return path.name, found.st_mtime_ns, found.st_size
    return path.name, 0, 0


class _Handler(SimpleHTTPRequestHandler):
    """The pages of one folder, read only; the index is made anew where it is asked for."""

    server_version, sys_version = "tuner", ""

    def __init__(self, make: Callable[[], Path], *words: Any, **given: Any) -> None:
        self.make = make
        super().__init__(*words, **given)

    def do_GET(self) -> None:
        """Answer a page."""
        if self._allowed():
            super().do_GET()

    def do_HEAD(self) -> None:
        """Answer what a page would be."""
        if self._allowed():
            super().do_HEAD()

    def _allowed(self) -> bool:
        """Refuse what is no page, and pages of elsewhere that found this address."""
        host = self.headers.get("Host", "").rsplit(":", 1)[0]
        if host not in ("127.0.0.1", "localhost"):
            self.send_error(403, "Open it by the address that tuner printed")
            return False
        name = self.path.partition("?")[0].lstrip("/") or INDEX
        if not _PAGE.fullmatch(name):
            self.send_error(404)
            return False
        if name == INDEX:
            try:
                self.make()
            except TunerError as error:
                self.send_error(500, explain=str(error))
                return False
            self.path = f"/{INDEX}"
        return True

    def log_message(self, *_args: Any) -> None:
        """Say nothing of each request."""


class IndexServer:
    """Serves a folder of reports on 127.0.0.1 until it is closed; ``url`` is where."""

    def __init__(self, folder: Path, store: str | None, port: int) -> None:
        make = LiveIndex(folder, store)
        make()
        handler = partial(_Handler, make, directory=str(folder))
        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), handler)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise TunerError(f"port {port}", reason, "Choose another with --port.") from error
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def serve(self) -> None:
        """Answer until Ctrl-C."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                thread.join(0.5)
        except KeyboardInterrupt:
            pass
        finally:
            self.close()

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
