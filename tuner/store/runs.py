"""The store: start a run, add its samples as they arrive, finish it, and find it again.

Every ``add`` is one committed transaction, so a run that is killed loses at most what was in
flight. Everything here raises :class:`tuner.errors.StoreError` when the database refuses.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine

from tuner.errors import StoreAway, StoreError
from tuner.records import Advice, RunRecord, RunState, Sample
from tuner.store import exchange, queries
from tuner.store.connect import address, connect, missing, shown, transaction
from tuner.store.documents import LOADS
from tuner.store.entries import Entry, Finished, Kept, Reports, RunDocument, Samples
from tuner.store.exchange import StoredRun, stood_in, whole
from tuner.store.failure import translated
from tuner.store.migrations import ensure
from tuner.store.outbox import StoreOutbox
from tuner.store.plain import dumps, run_of
from tuner.store.queries import Choice, this_process
from tuner.store.spool import Waiting, delivered
from tuner.store.thinning import DOCUMENT as THINNED
from tuner.store.thinning import count_of

if TYPE_CHECKING:
    from tuner.sample_table import SampleTable

_LOG = logging.getLogger("tuner.store")


class Store:
    """Stored runs behind one database. Use as a context manager, or call ``close``.

    ``where`` names it in messages, without its password.
    """

    def __init__(self, engine: Engine, where: str) -> None:
        self._engine = engine
        self.where = where
        self._keys: dict[str, int] = {}
        self._writing = partial(self.connection, writes=True)
        self._outbox = StoreOutbox(where, self._writing)

    @classmethod
    def open(cls, url: str | None = None, *, create: bool = True, deliver: bool = True) -> "Store":
        """Open a store by URL or path, bring its schema up to date, and deliver what waits for it.

        ``None`` is ``TUNER_STORE``, or else ``.tuner/runs.db``. With ``create=False`` an SQLite
        file that does not exist is an error, for commands that only read.
        """
        where = address(url)
        if not create and missing(where):
            fix = "Run `tuner sweep TARGET` first, or choose another store with --store."
            raise StoreError(shown(where), "nothing is stored here yet", fix)
        engine = connect(where)
        try:
            with translated(shown(where)):
                ensure(engine, shown(where))
        except BaseException:
            engine.dispose()
            raise
        store = cls(engine, shown(where))
        if deliver:
            for file in store.delivered():
                _LOG.warning("%s: delivered what waited of run %s.", store.where, file.head.run.run)
        return store

    def close(self) -> None:
        """Let go of the database; what still waits for it is told."""
        try:
            self._outbox.close()
        finally:
            self._engine.dispose()

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Writing

    def start(self, run: RunRecord) -> None:
        """Store a new run; this process becomes its owner."""
        with self._writing() as connection:
            queries.insert_run(connection, run, this_process())
        self._outbox.know(run)

    def add(self, run: str, new: Sequence[Sample]) -> None:
        """Store samples of a run and commit. Call it with what has arrived, be it one.

        While the store is away, this and what follows of the run waits in a file.
        """
        self._put(run, Samples(tuple(new)))

    def thin(self, run: str, choice: Choice) -> int | None:
        """Remove the samples of all calls but the chosen ones; how many they were, if known now."""
        return self._put(run, Kept(choice))

    def amend(self, run: str, known: Sequence[Sample]) -> None:
        """Store the REPORT of samples that came without it; they are there already."""
        self._put(run, Reports(tuple(known)))

    def finish(
        self,
        run: str,
        state: RunState,
        finished_at: float,
        warnings: Sequence[Advice] = (),
        note: str | None = None,
    ) -> None:
        """Close a run: how it ended, and when (seconds since the epoch)."""
        self._put(run, Finished(state, finished_at, tuple(warnings), note))

    def resume(self, run: str) -> RunRecord:
        """Take a run over to add more samples; it is ``running`` again, and this process's.

        Raises :class:`StoreError` while another process writes it.
        """
        me = this_process()
        values = {"state": str(RunState.RUNNING), "finished_at": None, "owner": dumps(me)}
        with self._writing() as connection:
            row = queries.exact_run(connection, run)
            queries.refuse_living_owner(row, me)
            if THINNED in queries.document_names(connection, row.id):
                reason = "its samples were thinned to histograms, so it cannot go on"
                raise StoreError(f"run {run}", reason, "Start a new one.")
            queries.change_run(connection, row.id, values)
        resumed = replace(run_of(row, self.where), state=RunState.RUNNING, finished_at=None)
        self._outbox.know(resumed)
        return resumed

    def delete(self, run: str) -> None:
        """Remove a run with its samples and documents. Refuses while a process writes it."""
        with self._writing() as connection:
            row = queries.exact_run(connection, run)
            queries.refuse_living_owner(row, this_process())
            queries.delete_run(connection, row.id)
        self._keys.pop(run, None)

    def save_document(self, run: str, name: str, body: Mapping[str, Any]) -> None:
        """Keep a document of a run, such as the final answer; an older one is replaced."""
        self._put(run, RunDocument(name, body))

    def delivered(self) -> Iterator[Waiting]:
        """Deliver what waits below the working directory for this store, run by run."""
        return delivered(self.where, self._writing)

    def _put(self, run: str, entry: Entry) -> int | None:
        """Write an entry, or let it wait; how many rows were concerned, if written."""
        if not self._outbox.holds(run):
            try:
                with self._writing() as connection:
                    return entry.do(connection, self._key(connection, run))
            except StoreAway as error:
                self._outbox.begin(run, error)
        self._outbox.put(run, entry)
        return None

    # Reading

    def run(self, ref: str, command: str | None = None) -> RunRecord:
        """Find a run by id, by a unique prefix of one (any case), or as ``last``.

        ``last`` is the run that started last, among those of ``command`` if one is given.
        """
        with self.connection() as connection:
            return run_of(queries.find_run(connection, ref, command), self.where)

    def runs(self, limit: int | None = None, command: str | None = None) -> list[RunRecord]:
        """List runs, the newest first."""
        with self.connection() as connection:
            rows = queries.run_rows(connection, limit, command)
            return [run_of(row, self.where) for row in rows]

    def samples(self, run: str) -> "SampleTable":
        """All samples of a run, in the order in which they arrived; stand-ins if it was thinned."""
        with self.connection() as connection:
            key = self._key(connection, run)
            found = queries.samples_of_run(connection, key)
            documents = {} if len(found) else queries.documents_of_run(connection, key, THINNED)
        return stood_in(documents[THINNED], run) if documents else found

    def counts(self) -> dict[str, int]:
        """Number of samples of each run; a run without any is left out."""
        with self.connection() as connection:
            counts = queries.sample_counts(connection)
            return counts | {
                run: count_of(body) for run, body in queries.bodies_of(connection, THINNED)
            }

    def documents(self, run: str) -> dict[str, dict[str, Any]]:
        """All documents of a run by name."""
        with self.connection() as connection:
            return queries.documents_of_run(connection, self._key(connection, run))

    def document(self, run: str, name: str) -> dict[str, Any] | None:
        """A document that ``save_document`` kept, or ``None``."""
        with self.connection() as connection:
            key = self._key(connection, run)
            return queries.documents_of_run(connection, key, name).get(name)

    def crashed(self, run: str) -> bool:
        """True if a run was never finished although the process that wrote it is gone."""
        with self.connection() as connection:
            row = queries.exact_run(connection, run)
            owner = queries.owner_of(row)
        return row.state == str(RunState.RUNNING) and (owner is None or owner.gone())

    # Files

    def export(self, run: str, path: Path) -> None:
        """Write a run to a file (gzip if it ends in ``.gz``) that ``import_`` reads."""
        exchange.write(self._as_it_is(run), path)

    def import_(self, path: Path) -> RunRecord:
        """Add the run of an exported file. Raises :class:`StoreError` if it is here already."""
        stored = exchange.read(path)
        with self._writing() as connection:
            key = queries.insert_run(connection, stored.run, None)
            queries.insert_samples(connection, key, stored.samples)
            for name, body in stored.documents.items():
                queries.insert_document(connection, key, name, body)
        return stored.run

    def stored(self, run: str, *, figures: bool = False) -> StoredRun:
        """A run (by its whole id) with everything that is stored of it; see ``samples``.

        With ``figures``, samples have no more than answers are made of, unless it has loads,
        whose figures are made of whole samples.
        """
        return whole(self._as_it_is(run, figures=figures))

    def _as_it_is(self, run: str, *, figures: bool = False) -> StoredRun:
        with self.connection() as connection:
            row = queries.exact_run(connection, run)
            documents = queries.documents_of_run(connection, row.id)
            needed = not figures or LOADS in documents
            found = queries.samples_of_run(connection, row.id, whole=needed)
        return StoredRun(run_of(row, self.where), found, documents)

    def compact(self) -> None:
        """Give the room of what was removed back to the disk, where that is not done anyway."""
        if self._engine.dialect.name == "sqlite":
            with suppress(StoreAway), translated(self.where), self._engine.connect() as connection:
                connection.exec_driver_sql("COMMIT")  # it cannot be done within a transaction
                connection.exec_driver_sql("VACUUM")

    @contextmanager
    def connection(self, *, writes: bool = False) -> Iterator[Connection]:
        """Open a transaction, committed at the end; foreign errors are translated."""
        with translated(self.where), transaction(self._engine, writes=writes) as connection:
            yield connection

    def _key(self, connection: Connection, run: str) -> int:
        if run not in self._keys:
            self._keys[run] = int(queries.exact_run(connection, run).id)
        return self._keys[run]


def find_documents(ref: str, url: str | None = None) -> tuple[RunRecord, Mapping[str, Any]]:
    """The stored run that a user names and its documents, without the samples of a store."""
    if _is_file(ref):
        stored = exchange.read(Path(ref), plain=True)
        return stored.run, stored.documents
    with Store.open(url, create=False) as store:
        run = store.run(ref)
        return run, store.documents(run.run)


def _is_file(ref: str) -> bool:
    return Path(ref).is_file() or "." in ref or "/" in ref  # an id has neither


def find(
    ref: str, url: str | None = None, command: str | None = None, *, figures: bool = False
) -> StoredRun:
    """The stored run that a user names: an id, a prefix, ``last``, or an exported file.

    ``figures``: see :meth:`Store.stored`.
    """
    if _is_file(ref):
        return whole(exchange.read(Path(ref), plain=True))
    with Store.open(url, create=False) as store:
        return store.stored(store.run(ref, command).run, figures=figures)
