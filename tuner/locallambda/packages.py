"""Deployment packages: a zip is checked, unpacked once per content, and kept with its archive.

Nothing of an archive is ever written outside of its own task folder.
"""

import base64
import hashlib
import io
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tuner.locallambda.answers import ApiError, invalid, too_large

MAX_ZIPPED = 52_428_800
MAX_UNZIPPED = 262_144_000


@dataclass(frozen=True, slots=True)
class Package:
    """One deployment package by its content: SHA-256 in base64, and bytes as uploaded."""

    sha256: str
    size: int

    @property
    def folder(self) -> str:
        """A name for it in the file system."""
        return base64.b64decode(self.sha256).hex()


def corrupt() -> ApiError:
    """AWS's answer to an archive that cannot be read."""
    return invalid(
        "Could not unzip uploaded file. Please check your file, then try to upload again."
    )


def _unsafe(name: str) -> ApiError:
    return invalid(
        f"The archive's entry {name!r} would be written outside of the task folder. "
        "Make the archive again with relative paths."
    )


def describe(archive: bytes) -> Package:
    """Name an archive by its content."""
    digest = hashlib.sha256(archive).digest()
    return Package(base64.b64encode(digest).decode(), len(archive))


class PackageStore:
    """The unpacked packages below one folder, shared by all functions and versions."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def task_dir(self, package: Package) -> Path:
        """Where the code lies unpacked."""
        return self._folder / package.folder / "task"

    def archive(self, package_folder: str) -> Path:
        """The archive as uploaded."""
        return self._folder / package_folder / "package.zip"

    def add(self, archive: bytes) -> Package:
        """Check and unpack an archive (blocking; seconds for a large one)."""
        if len(archive) >= MAX_ZIPPED:
            raise too_large(f"Zipped size must be smaller than {MAX_ZIPPED} bytes")
        package = describe(archive)
        home = self._folder / package.folder
        if home.exists():
            return package
        self._folder.mkdir(parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix="unpacking-", dir=self._folder))
        try:
            (making / "task").mkdir(mode=0o755)
            unpack(archive, making / "task")
            (making / "package.zip").write_bytes(archive)
            making.chmod(0o755)
            if not home.exists():
                making.rename(home)
        finally:
            shutil.rmtree(making, ignore_errors=True)
        return package

    def keep_only(self, packages: set[Package]) -> None:
        """Remove what no function refers to any more."""
        wanted = {package.folder for package in packages}
        if self._folder.exists():
            for home in self._folder.iterdir():
                if home.name not in wanted:
                    shutil.rmtree(home, ignore_errors=True)


def unpack(archive: bytes, folder: Path) -> None:
    """Unpack into an empty folder; raises the ApiError that AWS would answer with."""
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
                    _write(opened, entry, target)
            for target, points_to in links:
                _link(target, points_to, folder)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise corrupt() from error
    except (OSError, ValueError, IndexError) as error:
        if isinstance(error, OSError) and error.errno in (28, 122):  # ENOSPC, EDQUOT
            raise
        raise corrupt() from error


def _relative(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts:
        raise _unsafe(name)
    return path


def _write(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    if entry.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with opened.open(entry) as source, target.open("wb") as out:
        shutil.copyfileobj(source, out)
    # Archives made without Unix modes have 0 here; sandboxes only ever read.
    mode = (entry.external_attr >> 16) & 0o777
    target.chmod(0o755 if mode & 0o111 else 0o644)


def _link(target: Path, points_to: str, folder: Path) -> None:
    """Links come last: files then never pass through one, and each is followed to its end."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(points_to)
    root = folder.resolve()
    try:
        end = target.resolve()
    except (OSError, RuntimeError) as error:  # a loop
        raise _unsafe(target.name) from error
    if not end.is_relative_to(root):
        raise _unsafe(target.name)
