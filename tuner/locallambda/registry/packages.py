"""Packages of code and layers on disk.

A package is checked and unpacked once per content, and kept with its archive; nothing is written
outside of its own task folder.
"""

import contextlib
import errno
import io
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from tuner.locallambda.registry.configuration import CodePackage, Configuration, describe
from tuner.locallambda.registry.files import make_private
from tuner.locallambda.responses import ApiError, invalid, too_large
from tuner.locallambda.sandbox.invocation import LAYERS_FOLDER

MAX_ZIPPED = 52_428_800
MAX_UNZIPPED = 262_144_000
#: Files of a package, far more than real ones have; each costs an inode. AWS names no limit.
MAX_ENTRIES = 100_000
_FULL = (errno.ENOSPC, errno.EDQUOT)
_ENTRY = b"PK\x01\x02"  # begins each entry of a zip's directory (APPNOTE.TXT, 4.3.12)


def _corrupt() -> ApiError:
    return invalid(
        "Could not unzip uploaded file. Please check your file, then try to upload again."
    )


def _unsafe(name: str) -> ApiError:
    return invalid(
        f"The archive's entry {name!r} would be written outside of the task folder. "
        "Make the archive again with relative paths."
    )


def _no_space(folder: Path) -> ApiError:
    return invalid(
        f"There is no space left for the package in {folder}. Free some, or name a folder on "
        "another disk: TMPDIR, or --data of tuner local."
    )


class PackageStore:
    """The unpacked packages below one folder, shared by all functions and versions."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def task_dir(self, package_folder: str) -> Path:
        return self._folder / package_folder / "task"

    def archive(self, package_folder: str) -> Path:
        return self._folder / package_folder / "package.zip"

    def add(self, archive: bytes, uploaded: bool = True) -> CodePackage:
        """Check and unpack an archive (blocking; seconds for a large one); one that was not
        uploaded may be as large as what is in it."""
        if uploaded and len(archive) >= MAX_ZIPPED:
            raise too_large(f"Zipped size must be smaller than {MAX_ZIPPED} bytes")
        package = describe(archive)
        home = self._folder / package.folder
        if home.exists():
            return package
        make_private(self._folder)
        with self._making() as making:
            (making / "task").mkdir()
            unpack(archive, making / "task")
            (making / "package.zip").write_bytes(archive)
            making.chmod(0o755)
            if not home.exists():
                making.rename(home)
        return package

    def complete(self, configuration: Configuration) -> Path:
        """The code of a function with its layers beside it (blocking); raises AWS's ApiError."""
        task = self.task_dir(configuration.folder)
        if task.exists():
            return task
        with self._making() as making:
            parts = [self.task_dir(configuration.code.folder)]
            parts += [self.task_dir(one.folder) for one in configuration.layers]
            size = sum(map(_bytes, parts))
            if size > MAX_UNZIPPED:
                raise invalid(
                    "Function code combined with layers exceeds the maximum allowed size of "
                    f"{MAX_UNZIPPED} bytes. The actual size is {size} bytes."
                )
            for part, target in zip(parts, ["task", *[f"task/{LAYERS_FOLDER}"] * 5], strict=False):
                shutil.copytree(
                    part, making / target, symlinks=True, copy_function=_share, dirs_exist_ok=True
                )
            making.chmod(0o755)
            if not task.parent.exists():
                making.rename(task.parent)
        return task

    @contextlib.contextmanager
    def _making(self) -> Iterator[Path]:
        """A folder to make a package in, gone afterwards; raises ApiError if the disk is full."""
        try:
            making = Path(tempfile.mkdtemp(prefix="unpacking-", dir=self._folder))
            try:
                yield making
            finally:
                shutil.rmtree(making, ignore_errors=True)
        except OSError as error:
            # copytree gathers what went wrong in one error without a number
            if error.errno in _FULL or any(f"[Errno {each}]" in str(error) for each in _FULL):
                raise _no_space(self._folder) from error
            raise

    def keep_only(self, wanted: set[str]) -> None:
        if self._folder.exists():
            for home in self._folder.iterdir():
                if home.name not in wanted:
                    shutil.rmtree(home, ignore_errors=True)


def _bytes(folder: Path) -> int:
    return sum(one.lstat().st_size for one in folder.rglob("*") if one.is_file())


def _share(source: str, target: str) -> None:
    """Make one file the other's, too; what a later layer has replaces what an earlier one had."""
    Path(target).unlink(missing_ok=True)
    os.link(source, target, follow_symlinks=False)


def unpack(archive: bytes, folder: Path) -> None:
    """Unpack into an empty folder; raises AWS's ApiError."""
    if archive.count(_ENTRY) > MAX_ENTRIES:  # before reading the directory, which takes seconds
        raise invalid(f"Uploaded file must have at most {MAX_ENTRIES:,} entries.")
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            entries = opened.infolist()
            if not entries:
                raise invalid("Uploaded file must be a non-empty zip")
            if sum(entry.file_size for entry in entries) >= MAX_UNZIPPED:
                raise invalid(f"Unzipped size must be smaller than {MAX_UNZIPPED} bytes")
            links = []
            for entry in entries:
                target = folder / _relative(entry.filename)
                if stat.S_ISLNK(entry.external_attr >> 16):
                    links.append((target, os.fsdecode(opened.read(entry))))
                else:
                    _write(opened, entry, folder)
            for target, points_to in links:
                _link(target, points_to, folder)
            modes = {folder / _relative(one.filename): _bits(one) for one in entries}
            for path in folder.rglob("*"):
                if path.is_dir() and not path.is_symlink():
                    # Its owner is the service, which copies and removes it.
                    path.chmod(0o700 | modes.get(path, 0o777))
            folder.chmod(0o777)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise _corrupt() from error
    except (OSError, ValueError, IndexError) as error:
        if isinstance(error, OSError) and error.errno in _FULL:
            raise
        raise _corrupt() from error


def _relative(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise _unsafe(name)
    return path


def _write(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    written = Path(opened.extract(entry, folder))
    if not entry.is_dir():
        written.chmod(_bits(entry))


def _bits(entry: zipfile.ZipInfo) -> int:
    """The permissions of a file or folder: for all what the archive has for others, since on AWS
    functions own no code; archives without Unix modes have 0.

    All may write: that fails as on AWS, for the file system, which is read-only.
    """
    mode = entry.external_attr >> 16
    if mode == 0:
        return 0o777 if entry.is_dir() else 0o666
    return ((mode & stat.S_IRWXO) | stat.S_IWOTH) * 0o111


def _link(target: Path, points_to: str, folder: Path) -> None:
    """Links come last, so that no file is written through one; each is followed to its end."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(points_to)
    root = folder.resolve()
    try:
        end = target.resolve()
    except (OSError, RuntimeError) as error:  # a loop
        raise _unsafe(target.name) from error
    if not end.is_relative_to(root):
        raise _unsafe(target.name)
