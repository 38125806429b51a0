"""The statements behind the store, each on a connection that the caller has opened.

With what two of them need: a fair choice among calls, and which process writes a run.
"""

import json
import os
import socket
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from tuner.errors import StoreError
from tuner.records import RunRecord, RunState, Sample
from tuner.store.plain import columns, dumps, record, sample_row
from tuner.store.tables import documents, runs, samples

if TYPE_CHECKING:
    from tuner.sample_table import SampleTable

#: A prime that calls stay below, and whose square fits into 63 bits.
PRIME = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Choice:
    """A fair choice: calls whose hash lies below ``below``; all as long as that is ``PRIME``.

    The hash is (factor x call + shift) mod PRIME, pairwise independent over random factors and
    shifts (Carter and Wegman, "Universal Classes of Hash Functions", JCSS 18, 1979). Products
    stay within 63 bits, so that SQL computes the same.
    """

    factor: int
    shift: int
    below: int

    def takes(self, call: int) -> bool:
        """True if this call is chosen."""
        return (self.factor * call + self.shift) % PRIME < self.below

    @property
    def share(self) -> float:
        """Part of all calls that is chosen."""
        return self.below / PRIME

    def halved(self) -> "Choice":
        """Half of these calls."""
        return Choice(self.factor, self.shift, max(1, self.below // 2))


def everything(random: Random) -> Choice:
    """All calls, with a hash of this chance."""
    return Choice(random.randrange(1, PRIME), random.randrange(PRIME), PRIME)


# psutil derives a start time from the boot time, which moves a little when the clock is set.
_SAME_START_S = 2.0


@dataclass(frozen=True)
class Owner:
    """A process that writes a run; ``started_at`` is in seconds since the epoch, ``boot`` ""
    where unknown.

    Numbers are used again, so host, boot and start time tell processes apart. What runs on
    another host cannot be seen from here and counts as alive.
    """

    pid: int
    started_at: float
    boot: str
    host: str

    def gone(self) -> bool:
        """True if this process has certainly ended."""
        if self.host != socket.gethostname():
            return False
        if self.boot != _boot():
            return True
        import psutil  # here, as commands that only read need none of it

        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return True
            return abs(process.create_time() - self.started_at) > _SAME_START_S
        except (psutil.NoSuchProcess, OverflowError, ValueError):  # or no process id at all
            return True
        except psutil.AccessDenied:
            return False


def this_process() -> Owner:
    """Describe the process that asks."""
    import psutil

    pid = os.getpid()
    return Owner(pid, psutil.Process(pid).create_time(), _boot(), socket.gethostname())


def _boot() -> str:
    """Read Linux's identity of this boot; other systems have none and rely on start times."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


_NEWEST_FIRST = runs.c.started_at.desc(), runs.c.id.desc()
_LIST = "List them with `tuner runs`."


def insert_run(connection: Connection, run: RunRecord, owner: Owner | None) -> int:
    """Add a run and return its key. Raises :class:`StoreError` if its id is taken."""
    if connection.scalar(select(runs.c.id).where(runs.c.run == run.run)) is not None:
        fix = f"Delete it first with `tuner runs delete {run.run}`."
        raise StoreError(f"run {run.run}", "already in this store", fix)
    row = columns(run) | {"owner": None if owner is None else dumps(owner)}
    return int(connection.execute(insert(runs).values(row).returning(runs.c.id)).scalar_one())


def insert_samples(connection: Connection, key: int, new: Sequence[Sample]) -> None:
    """Add samples in order."""
    if new:
        connection.execute(insert(samples), [sample_row(key, sample) for sample in new])


def insert_document(connection: Connection, key: int, name: str, body: Mapping[str, Any]) -> None:
    """Add a document, in the place of an older one of this name."""
    same = (documents.c.run_id == key) & (documents.c.name == name)
    connection.execute(delete(documents).where(same))
    connection.execute(insert(documents).values(run_id=key, name=name, body=dumps(body)))


def delete_run(connection: Connection, key: int) -> None:
    """Remove a run with everything that belongs to it."""
    for table in (samples, documents):
        connection.execute(delete(table).where(table.c.run_id == key))
    connection.execute(delete(runs).where(runs.c.id == key))


def change_run(connection: Connection, key: int, values: Mapping[str, Any]) -> None:
    """Set columns of a run."""
    connection.execute(update(runs).where(runs.c.id == key).values(**values))


def run_rows(connection: Connection, limit: int | None, command: str | None) -> Iterable[Row[Any]]:
    """Runs, the newest first."""
    wanted = select(runs).order_by(*_NEWEST_FIRST).limit(limit)
    if command is not None:
        wanted = wanted.where(runs.c.command == command)
    return connection.execute(wanted)


def find_run(connection: Connection, ref: str, command: str | None = None) -> Row[Any]:
    """The run that an id, a prefix of one (any case) or ``last`` means, or :class:`StoreError`."""
    if ref == "last":
        found = list(run_rows(connection, 1, command))
        if not found:
            what = f"no {command} is stored yet" if command else "no run is stored yet"
            raise StoreError("run last", what, "Run `tuner sweep TARGET` first.")
        return found[0]
    if not ref:
        raise StoreError("run", "no run was named", _LIST)
    match = func.upper(runs.c.run).startswith(ref.upper(), autoescape=True)
    found = list(connection.execute(select(runs).where(match).order_by(*_NEWEST_FIRST).limit(4)))
    found = [row for row in found if row.run == ref] or found
    if not found:
        raise StoreError(f"run {ref}", "no stored run starts with this", _LIST)
    if len(found) > 1:
        some = ", ".join(row.run for row in found[:3])
        reason = f"several runs start with this: {some}{', ...' if len(found) > 3 else ''}"
        raise StoreError(f"run {ref}", reason, "Use more characters of the id.")
    return found[0]


def exact_run(connection: Connection, run: str) -> Row[Any]:
    """The row of a run by its whole id, or :class:`StoreError`."""
    row = connection.execute(select(runs).where(runs.c.run == run)).one_or_none()
    if row is None:
        raise StoreError(f"run {run}", "it is not in this store", _LIST)
    return row


def lock_run(connection: Connection, run: str) -> int | None:
    """The key of a run that nobody else changes until this transaction ends; ``None``: no run."""
    key = connection.scalar(select(runs.c.id).where(runs.c.run == run).with_for_update())
    return None if key is None else int(key)


def document_names(connection: Connection, key: int) -> list[str]:
    """Names of a run's documents."""
    return list(connection.scalars(select(documents.c.name).where(documents.c.run_id == key)))


def samples_of_run(connection: Connection, key: int, *, whole: bool = True) -> "SampleTable":
    """All samples of a run in order of arrival; unless ``whole``, what figures are made of."""
    from tuner.sample_table import FIGURES, OWN  # many commands need no numpy
    from tuner.store.sample_columns import read_samples

    return read_samples(connection, key, OWN if whole else FIGURES)


def sample_counts(connection: Connection) -> dict[str, int]:
    """Number of samples by run."""
    joined = runs.join(samples, samples.c.run_id == runs.c.id)
    wanted = select(runs.c.run, func.count()).select_from(joined).group_by(runs.c.run)
    return {str(run): int(number) for run, number in connection.execute(wanted)}


def bodies_of(connection: Connection, name: str) -> list[tuple[str, dict[str, Any]]]:
    """The document of this name of all runs that have it, by run."""
    joined = runs.join(documents, documents.c.run_id == runs.c.id)
    wanted = select(runs.c.run, documents.c.body).select_from(joined)
    found = connection.execute(wanted.where(documents.c.name == name))
    return [(str(run), json.loads(body)) for run, body in found]


def documents_of_run(
    connection: Connection, key: int, name: str | None = None
) -> dict[str, dict[str, Any]]:
    """All documents of a run by name, or the one of this name; raises ValueError for another kind
    of JSON."""
    wanted = select(documents.c.name, documents.c.body).where(documents.c.run_id == key)
    if name is not None:
        wanted = wanted.where(documents.c.name == name)
    found = {name: json.loads(body) for name, body in connection.execute(wanted)}
    for name, body in found.items():
        if not isinstance(body, dict):
            raise ValueError(f"the document {name} of a run is no object")
    return found


def owner_of(row: Row[Any]) -> Owner | None:
    """Return the process that writes this run; ``None`` if none does."""
    if row.state != str(RunState.RUNNING) or row.owner is None:
        return None
    return record(Owner, json.loads(row.owner))


def refuse_living_owner(row: Row[Any], me: Owner) -> None:
    """Raise :class:`StoreError` while another process writes this run."""
    owner = owner_of(row)
    if owner is None or owner == me or owner.gone():
        return
    reason = f"process {owner.pid} on {owner.host} is still writing it"
    raise StoreError(f"run {row.run}", reason, "Stop that process, or wait until it has finished.")
