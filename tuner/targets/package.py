"""A directory, a ``.py`` file or a ``.zip`` becomes the deployment package that Lambda takes.

Everything that can be wrong with it is said here, before anything is started: missing files, a
corrupt zip, a handler that is not there. The same content gives the same bytes.
"""

import io
import os
import stat
import sys
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tuner.errors import NotFound, UsageError
from tuner.targets.handlers import FUNCTIONS, Reader, check_handler, find_handler

#: Lambda's limit on an unpacked package, 250 MB (AWS, "Lambda quotas").
MOST_BYTES = 262_144_000
#: What is in a working directory but not part of a function.
_LEFT_OUT = {"__pycache__", ".git", ".hg", ".venv", "venv", ".tuner", ".mypy_cache", ".ruff_cache"}
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Package:
    """A deployment package: the zip, and how to run it."""

    zip_bytes: bytes
    handler: str
    runtime: str


def read_package(path: Path, handler: str | None = None, runtime: str | None = None) -> Package:
    """Package ``path``; handler and runtime are found out unless they are given.

    The default runtime is the Python that this runs on, or ``provided.al2023`` if there is an
    executable ``bootstrap``. Raises :class:`NotFound` or :class:`UsageError`.
    """
    where = str(path)
    try:
        data = _zipped(path)
    except OSError as error:
        raise UsageError(
            where, f"cannot be read ({error.strerror or error})", "Check its permissions."
        ) from error
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return _described(archive, data, path, handler, runtime)


def package_source(source: str, handler: str, runtime: str, where: str) -> Package:
    """Package code that is written inside a template, as CloudFormation does: ``index.py``."""
    data = _pack([("index.py", source.encode(), False)])
    check_handler({"index.py": source.encode()}.get, handler, where)
    return Package(data, handler, runtime)


def _zipped(path: Path) -> bytes:
    if path.is_dir():
        return _pack(_walk(path))
    if not path.exists():
        raise UsageError(str(path), "there is no such file or directory", "Check the path.")
    if path.suffix == ".py":
        return _pack([(path.name, path.read_bytes(), False)])
    if path.suffix == ".zip":
        return _checked_zip(path)
    raise UsageError(
        str(path),
        "is not a directory, a .py file or a .zip",
        "Give the function's directory, its file, or its package.",
    )


def _walk(root: Path) -> Iterator[tuple[str, bytes, bool]]:
    """Every file below ``root`` in a fixed order: path in the package, content, executable."""
    total = 0
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(set(folders) - _LEFT_OUT)
        for name in sorted(files):
            file = Path(folder, name)
            if name.endswith(".pyc") or not file.is_file():
                continue
            total += file.stat().st_size
            if total > MOST_BYTES:
                raise UsageError(
                    str(root),
                    "is larger than 250 MB, Lambda's limit",
                    "Give the directory that holds only the function.",
                )
            executable = os.access(file, os.X_OK)
            yield file.relative_to(root).as_posix(), file.read_bytes(), executable


def _pack(files: Iterator[tuple[str, bytes, bool]] | list[tuple[str, bytes, bool]]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, executable in files:
            info = zipfile.ZipInfo(name, _ZIP_EPOCH)
            info.external_attr = (stat.S_IFREG | (0o755 if executable else 0o644)) << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED, compresslevel=1)
    return out.getvalue()


def _checked_zip(path: Path) -> bytes:
    data = path.read_bytes()
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            broken = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise UsageError(str(path), f"is not a readable zip file ({error})", _ZIP_FIX) from None
    if broken:
        raise UsageError(str(path), f"is a damaged zip file ({broken})", _ZIP_FIX)
    return data


_ZIP_FIX = "Build the package again."


def _described(
    archive: zipfile.ZipFile, data: bytes, path: Path, handler: str | None, runtime: str | None
) -> Package:
    where = str(path)
    names = set(archive.namelist())
    if not names:
        raise UsageError(where, "is empty", "Give the directory that holds the handler.")

    def read(name: str) -> bytes | None:
        return archive.read(name) if name in names else None

    if runtime is None:
        own = "bootstrap" in names and handler is None
        runtime = "provided.al2023" if own else f"python3.{sys.version_info.minor}"
    if runtime.startswith("provided"):
        _check_bootstrap(archive, names, where)
        return Package(data, handler or "bootstrap", runtime)
    if handler is None:
        handler = _found(read, path)
    elif runtime.startswith("python"):
        check_handler(read, handler, where)
    return Package(data, handler, runtime)


def _found(read: Reader, path: Path) -> str:
    if path.suffix != ".py":
        return find_handler(read, str(path))
    if not path.stem.isidentifier():
        raise UsageError(
            str(path), "is not a valid Python module name", "Rename it, for example to app.py."
        )
    try:
        return find_handler(read, str(path), [path.stem])
    except NotFound:
        raise NotFound(
            str(path),
            f"it defines neither {' nor '.join(FUNCTIONS)}",
            f"Name the function with --handler {path.stem}.NAME.",
        ) from None


def _check_bootstrap(archive: zipfile.ZipFile, names: set[str], where: str) -> None:
    if "bootstrap" not in names:
        raise NotFound(
            where,
            "the runtime needs a program named bootstrap, which is missing",
            "Add it, or choose another --runtime.",
        )
    mode = archive.getinfo("bootstrap").external_attr >> 16
    if not mode & 0o111:
        raise UsageError(where, "bootstrap is not executable", "Run: chmod +x bootstrap")
