"""What a sandbox may keep in its /tmp in all, where it has no file system of its own for that.

AWS gives it one, as ``disk_image.py`` does where that is possible. Else /tmp is a folder on a disk
that it shares, so it is looked at while the sandbox works: once it holds too much, no process of
the sandbox may make a file longer (EFBIG, where AWS has ENOSPC), until something is deleted. A
handler can overshoot for one check. Files that are deleted but still open count, too.

A tmpfs of that size would give ENOSPC, also to ordinary users, but it counts as memory of the
function (200 MB in a /tmp end a function of 128 MB) and of the machine.
"""

import asyncio
import contextlib
import os
import resource
import stat
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

CALM_CHECK_S, CHECK_EVERY_S = 0.5, 0.1  # with less than a quarter in it, and with more
SHARE = 20  # of the time, one part at most is spent on looking
FILE_BYTES = 16384  # that ext4 plans a file for: mke2fs(8), "bytes-per-inode"
AT_ONCE = 500  # files that the event loop may wait for
_BLOCK = 512  # of st_blocks


@dataclass
class Used:
    """What is in a folder."""

    bytes: int = 0
    files: int = 0


def used(folder: Path) -> Used:
    """What is in a folder and those below it; what cannot be looked at does not count."""
    total = Used()
    folders = [os.fspath(folder)]
    while folders:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                total.files += 1
                with contextlib.suppress(OSError):
                    total.bytes += entry.stat(follow_symlinks=False).st_blocks * _BLOCK
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
    return total


def deleted_bytes(pids: Iterable[int], device: int) -> int:
    """What deleted files hold that these processes have open on a device."""
    found: dict[int, int] = {}
    for pid in pids:
        with contextlib.suppress(OSError), os.scandir(f"/proc/{pid}/fd") as fds:
            for fd in fds:
                with contextlib.suppress(OSError):
                    one = fd.stat()
                    if one.st_dev == device and one.st_nlink == 0 and stat.S_ISREG(one.st_mode):
                        found[one.st_ino] = one.st_blocks * _BLOCK
    return sum(found.values())


def hold(pids: Sequence[int], uid: int | None, *, held: bool) -> None:
    """Let processes make no file longer, or again as long as they might before.

    ``uid`` is the user of them, if it is another: root may do this only with a right that
    containers lack, so a child becomes that user. The caller reaps it.
    """
    if uid is not None:
        if os.fork() > 0:
            return
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            hold(pids, None, held=held)
        finally:
            os._exit(0)
    for pid in pids:
        with contextlib.suppress(OSError):  # it has ended
            most = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (0 if held else most, most))


class TmpLimit:
    """The limit of one sandbox, on the service's event loop."""

    def __init__(
        self, folder: Path, limit_bytes: int, hold: Callable[[list[int], bool], None]
    ) -> None:
        """``hold`` has :func:`hold` called by who may do that."""
        self._folder = folder
        self._limit = limit_bytes
        self._hold = hold
        self._most_files = limit_bytes // FILE_BYTES
        self._seen = Used()
        self._held = False  # whether processes may make no file longer
        self._works = False
        self._looking: asyncio.Task[None] | None = None

    def watch(self, pids: Callable[[], Iterable[int]], too_many: Callable[[], None]) -> None:
        """Look now and then until :meth:`rest`, and once after it, as calls may be short.

        ``too_many`` is called when more files are made than a file system of this size holds.
        """
        self._works = True
        if self._looking is None and sys.platform.startswith("linux"):
            self._looking = asyncio.create_task(self._look(pids, too_many))

    def rest(self) -> None:
        self._works = False

    def remove(self) -> None:
        self.rest()
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

    async def _look(self, pids: Callable[[], Iterable[int]], too_many: Callable[[], None]) -> None:
        pause = CALM_CHECK_S
        while True:
            await asyncio.sleep(pause)
            begun, before = time.monotonic(), self._seen.files
            if self._seen.files > AT_ONCE:
                self._seen = await asyncio.to_thread(used, self._folder)
            else:
                self._seen = used(self._folder)
            family = list(pids())
            if self._seen.files > max(self._most_files, before):
                too_many()
            with contextlib.suppress(OSError):  # removed just now
                self._judge(family, self._folder.stat().st_dev)
            if not self._works:
                self._looking = None
                return
            calm = max(self._seen.bytes, self._seen.files * FILE_BYTES) < self._limit / 4
            least = CALM_CHECK_S if calm and not self._held else CHECK_EVERY_S
            pause = max(least, SHARE * (time.monotonic() - begun))

    def _judge(self, family: list[int], device: int) -> None:
        over = self._seen.bytes + deleted_bytes(family, device) > self._limit
        if over or self._held:  # again for new processes
            self._hold(family, over)
        self._held = over
