"""Functions and their code on disk: what survives a restart of the local Lambda.

One JSON document per function, written whole and renamed into place; a document that cannot be
read stops the start with its reason and is never deleted. A package is checked and unpacked once
per content, and kept with its archive; nothing is written outside of its own task folder. Code,
environments and events are for this user's eyes only, whatever the umask.
"""

import io
import json
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import IO, Any

from tuner.errors import TargetError
from tuner.locallambda.registry.configuration import CodePackage, describe, restored
from tuner.locallambda.registry.function import Alias, Function, Provisioned, Version
from tuner.locallambda.responses import ApiError, invalid, too_large

MAX_ZIPPED = 52_428_800
MAX_UNZIPPED = 262_144_000
#: Files of a package, far more than real ones have; each costs an inode. AWS names no limit.
MAX_ENTRIES = 100_000
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


class PackageStore:
    """The unpacked packages below one folder, shared by all functions and versions."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def task_dir(self, package: CodePackage) -> Path:
        return self._folder / package.folder / "task"

    def archive(self, package_folder: str) -> Path:
        return self._folder / package_folder / "package.zip"

    def add(self, archive: bytes) -> CodePackage:
        """Check and unpack an archive (blocking; seconds for a large one)."""
        if len(archive) >= MAX_ZIPPED:
            raise too_large(f"Zipped size must be smaller than {MAX_ZIPPED} bytes")
        package = describe(archive)
        home = self._folder / package.folder
        if home.exists():
            return package
        make_private(self._folder)
        making = Path(tempfile.mkdtemp(prefix="unpacking-", dir=self._folder))
        try:
            (making / "task").mkdir()
            unpack(archive, making / "task")
            (making / "package.zip").write_bytes(archive)
            making.chmod(0o755)
            if not home.exists():
                making.rename(home)
        finally:
            shutil.rmtree(making, ignore_errors=True)
        return package

    def keep_only(self, packages: set[CodePackage]) -> None:
        wanted = {package.folder for package in packages}
        if self._folder.exists():
            for home in self._folder.iterdir():
                if home.name not in wanted:
                    shutil.rmtree(home, ignore_errors=True)


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
            for path in (folder, *folder.rglob("*")):
                if path.is_dir() and not path.is_symlink():
                    path.chmod(0o777)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise _corrupt() from error
    except (OSError, ValueError, IndexError) as error:
        if isinstance(error, OSError) and error.errno in (28, 122):  # ENOSPC, EDQUOT
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
        # Archives made without Unix modes have 0 here. Sandboxes may be other users, and a
        # write has to fail as on AWS: for the file system, which is read-only there.
        mode = (entry.external_attr >> 16) & 0o777
        written.chmod(0o777 if mode & 0o111 else 0o666)


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


SCHEMA = "tuner.locallambda/1"


def freeze(function: Function) -> dict[str, Any]:
    """A function as JSON has it; what is under way counts as settled."""
    kept = asdict(function)
    for key in ("live", "settles_at", "state", "updating", "deployment"):
        del kept[key]
    for version in kept["versions"].values():
        del version["deployment"], version["pending"]
    kept["configuration"] = kept.pop("shown")
    kept["aliases"] = [*kept["aliases"].values()]
    kept["versions"] = [*kept["versions"].values()]
    kept["provisioned"] = {key: one.asked for key, one in function.provisioned.items()}
    return {"schema": SCHEMA, **kept}


def thaw(kept: dict[str, Any]) -> Function:
    """The function that :func:`freeze` wrote."""
    if (schema := kept.pop("schema", None)) != SCHEMA:
        raise ValueError(f"schema is {schema!r}, not {SCHEMA!r}")
    shown = restored(kept.pop("configuration"))
    kept["published"] = restored(kept["published"]) if kept["published"] else None
    for version in kept["versions"]:
        version["configuration"] = restored(version["configuration"])
    kept["versions"] = {one["number"]: Version(**one) for one in kept["versions"]}
    kept["aliases"] = {one["name"]: Alias(**one) for one in kept["aliases"]}
    kept["provisioned"] = {
        qualifier: Provisioned(asked, kept["modified"], "")
        for qualifier, asked in kept.get("provisioned", {}).items()
    }
    return Function(shown=shown, live=shown, state="Active", **kept)


def write_whole(path: Path, text: str) -> None:
    """Write a file; a crash leaves the old text or the new one."""
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with open_private(draft) as file:
        file.write(text)
    draft.replace(path)


def open_private(path: Path) -> IO[str]:
    """Open a file to add to its end; if it is new, it is for this user alone. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o600), "a", encoding="utf-8")


def make_private(folder: Path) -> None:
    """Make a folder for this user alone, or make one so that is there. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)


class FunctionStore:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._functions = folder / "functions"
        self.packages = PackageStore(folder / "packages")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            make_private(self._functions)
            make_private(folder / "packages")
        except OSError as error:
            reason = f"cannot store functions there: {error.strerror}"
            raise TargetError(str(folder), reason, "Choose another --data.") from error

    def load(self) -> list[Function]:
        """All stored functions; removes packages that none of them uses."""
        functions = []
        for path in sorted(self._functions.glob("*/*.json")):
            try:
                functions.append(thaw(json.loads(path.read_text())))
            except (ValueError, KeyError, TypeError) as error:
                reason = f"cannot be read as a stored function ({error})"
                fix = "Move the file away, or choose another --data."
                raise TargetError(str(path), reason, fix) from error
        self.packages.keep_only({package for f in functions for package in packages_of(f)})
        return functions

    def save(self, function: Function) -> None:
        path = self._path(function)
        path.parent.mkdir(exist_ok=True)
        write_whole(path, json.dumps(freeze(function), indent=1))

    def forget(self, function: Function) -> None:
        """Remove a deleted function's document; its code goes at the next start."""
        self._path(function).unlink(missing_ok=True)

    def _path(self, function: Function) -> Path:
        return self._functions / function.region / f"{function.name}.json"


def packages_of(function: Function) -> set[CodePackage]:
    return {
        function.shown.code,
        function.live.code,
        *(version.configuration.code for version in function.versions.values()),
    }
