"""One run of a suite at a time on this machine: a second one waits or leaves.

The lock is a file's, so it ends with the process that holds it, however that ends.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tuner.clock import Clock
from tuner.errors import Partial, StoreError
from tuner.suites.suite import Overlap
from tuner.targets.seam import Progress

FOLDER = Path(".tuner")
_LOOK_EVERY_S = 0.5


@contextmanager
def alone(
    name: str, overlap: Overlap, wait_s: float, clock: Clock, progress: Progress
) -> Iterator[None]:
    """Hold the suite's lock. Raises :class:`Partial` where the other run goes on for too long,
    or at once where a second run is to leave."""
    path = FOLDER / f"bench-{hashlib.sha256(name.encode()).hexdigest()[:12]}.lock"
    try:
        FOLDER.mkdir(exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(str(path), f"cannot be written ({error.strerror})") from error
    try:
        _take(file, name, overlap, wait_s, clock, progress)
        os.ftruncate(file, 0)
        os.pwrite(file, json.dumps({"pid": os.getpid(), "suite": name}).encode(), 0)
        yield
    finally:
        os.close(file)


def _take(
    file: int, name: str, overlap: Overlap, wait_s: float, clock: Clock, progress: Progress
) -> None:
    deadline, told = clock.monotonic() + wait_s, False
    while not _locked(file):
        holder = os.pread(file, 200, 0).decode("utf-8", "replace")
        if overlap is Overlap.LEAVE or clock.monotonic() >= deadline:
            waited = "" if overlap is Overlap.LEAVE else f" after {wait_s:.0f} s"
            raise Partial(
                f"suite {name}",
                f"another run of it is still going on{waited} {holder}".rstrip(),
                "Nothing was measured. overlap and wait in the suite say what a second run does.",
            )
        if not told:
            progress(f"waiting for another run of suite {name} to end")
            told = True
        clock.sleep(_LOOK_EVERY_S)


def _locked(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
