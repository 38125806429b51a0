"""A directory, a ``.py`` file or a ``.zip`` becomes the deployment package that Lambda takes.

Everything that can be wrong with it is said here, before anything is started: missing files, a
corrupt zip, a handler that is not there. The same content gives the same bytes. Symbolic links are
followed, as sam, serverless and zip do.

Left out of a directory: what version control, virtual environments, caches and deployment tools
keep there (:data:`LEFT_OUT`), and what a file ``.tunerignore`` in it names, one pattern a line:
``*.csv`` for names anywhere, ``data/raw`` for a path, ``# ...`` for a comment.
"""

import fnmatch
import io
import os
import stat
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files as files_of
from pathlib import Path, PurePath

from tuner.errors import NotFound, UsageError, unreadable
from tuner.files import SETTINGS_BYTES, read_bytes, read_text
from tuner.locallambda.sandbox.invocation import LAYERS_FOLDER
from tuner.locallambda.sandbox.nodejs.sdk import wanted_of
from tuner.locallambda.sandbox.nodejs.versions import default_runtime, node_for
from tuner.locallambda.sandbox.runtime_command import check, is_nodejs
from tuner.targets import javascript
from tuner.targets.handlers import (
    FUNCTIONS,
    MODULES,
    Reader,
    check_handler,
    find_handler,
    is_module,
)
from tuner.targets.programs import HEAD, check_program, foreign_modules

#: Lambda's limit on an unpacked package, 250 MB (AWS, "Lambda quotas").
MOST_BYTES = 262_144_000
#: Patterns of what is in a working directory but not part of a function.
LEFT_OUT = (
    *("__pycache__", ".git", ".hg", ".svn", ".venv", "venv", ".tox", ".nox", ".eggs"),
    *(".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".coverage"),
    *(".aws-sam", ".serverless", ".terraform", ".terragrunt-cache", "cdk.out", ".tuner"),
    *("node_modules/.cache", ".idea", ".vscode", ".DS_Store", ".#*", ".tunerignore"),
)
_IGNORED = ".tunerignore"
_RESPONSE = "cfnresponse"
#: Files that are a whole function.
_SOURCES = (".py", *javascript.SUFFIXES)
#: Files that a package may have: links can make far more of a folder than there is.
MOST_FILES = 100_000
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)

#: Its path in the package, its content, and its mode as stat(2) has it.
_File = tuple[str, bytes, int]
_PLAIN = stat.S_IFREG | 0o644


@dataclass(frozen=True)
class Package:
    """A deployment package: the zip, and how to run it."""

    zip_bytes: bytes
    handler: str
    runtime: str


@dataclass(frozen=True)
class Layer:
    """A directory or zip whose content is for /opt, or for a folder ``inside`` that."""

    path: Path
    inside: str = ""


def read_package(
    path: Path, handler: str | None = None, runtime: str | None = None, *, layered: bool = False
) -> Package:
    """Package ``path``; handler and runtime are found out unless they are given.

    The default runtime is the Python that this runs on, the Node.js on PATH for JavaScript, or
    ``provided.al2023`` if there is an executable ``bootstrap``; ``layered``: layers may bring one.
    Raises :class:`NotFound` or :class:`UsageError`.
    """
    try:
        data = _zipped(path)
    except OSError as error:
        raise unreadable(str(path), error, "Check its permissions.") from error
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return _described(archive, data, path, handler, runtime, layered=layered)


def package_source(source: str, handler: str, runtime: str, where: str) -> Package:
    """Package code that is written inside a template, as CloudFormation does: ``index.py`` or
    ``index.js``, and beside it its module for custom resources."""
    check(runtime)
    kind = "js" if is_nodejs(runtime) else "py"
    files: list[_File] = [(f"index.{kind}", source.encode(), _PLAIN)]
    if _RESPONSE in source:
        module = files_of("tuner.targets").joinpath(f"{_RESPONSE}.{kind}").read_bytes()
        files.append((f"{_RESPONSE}.{kind}", module, _PLAIN))
    data = _pack(files)
    found = {name: content for name, content, _ in files}
    (javascript.check_handler if kind == "js" else check_handler)(found.get, handler, where)
    return Package(data, handler, runtime)


def with_layers(package: Package, layers: Sequence[Layer], where: str) -> Package:
    """The package with the content of layers; a later one wins.

    Raises UsageError, also for more than Lambda takes together.
    """
    if not layers:
        return package
    files: dict[str, _File] = {}
    for layer in layers:
        for name, data, mode in _unzipped(_zipped(layer.path)):
            inside = f"{LAYERS_FOLDER}/{layer.inside}{name}"
            files[inside] = (inside, data, mode)
    every = [*_unzipped(package.zip_bytes), *files.values()]
    if sum(len(data) for _, data, _ in every) > MOST_BYTES:
        reason = "is larger than 250 MB with its layers, Lambda's limit"
        raise UsageError(where, reason, "Leave out what it does not need.")
    return replace(package, zip_bytes=_pack(every))


def named_packages(package: Package) -> frozenset[str]:
    """The packages of AWS's SDK that JavaScript names and does not bring."""
    with zipfile.ZipFile(io.BytesIO(package.zip_bytes)) as archive:
        return wanted_of(archive.namelist(), archive.read)


def foreign_files(package: Package) -> list[str]:
    """The compiled modules of a package and its layers that this machine cannot load."""
    with zipfile.ZipFile(io.BytesIO(package.zip_bytes)) as archive:

        def head(name: str) -> bytes:
            with archive.open(name) as file:
                return file.read(HEAD)

        found = foreign_modules(archive.namelist(), head)
    return [name.replace(f"{LAYERS_FOLDER}/", "/opt/", 1) for name in found]


def _unzipped(data: bytes) -> Iterator[_File]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for entry in archive.infolist():
            unknown = stat.S_IFDIR | 0o755 if entry.is_dir() else _PLAIN  # made without modes
            yield entry.filename, archive.read(entry), entry.external_attr >> 16 or unknown


def _zipped(path: Path) -> bytes:
    if path.is_dir():
        return _pack(_walk(path))
    if not path.exists():
        raise UsageError(str(path), "there is no such file or directory", "Check the path.")
    if path.suffix in _SOURCES:
        return _pack([(path.name, read_bytes(path), _mode(path))])
    if path.suffix == ".zip":
        return _checked_zip(path)
    if path.suffix in javascript.TYPESCRIPT:
        fix = "Build it, and give what that made."
        raise UsageError(str(path), "is TypeScript, which has to be built first", fix)
    fix = "Give the function's directory, its file, or its package."
    raise UsageError(str(path), "is not a directory, a .py or .js file, or a .zip", fix)


def _walk(root: Path) -> Iterator[_File]:
    """Every file below ``root`` in a fixed order.

    Raises UsageError for links that lead nowhere or around, and for more than Lambda takes.
    """
    total = 0
    fix = f"Give the directory that holds only the function, or list the rest in {_IGNORED}."
    patterns = (*LEFT_OUT, *_ignored(root))
    files = _files(root, "", patterns, (os.path.realpath(root),))
    for count, file in enumerate(files, 1):
        path = root / file
        total += path.stat().st_size
        if total > MOST_BYTES:
            raise UsageError(str(root), "is larger than 250 MB, Lambda's limit", fix)
        if count > MOST_FILES:
            raise UsageError(str(root), f"has more than {MOST_FILES:,} files", fix)
        yield file, read_bytes(path, MOST_BYTES, plain=True), _mode(path)


def _mode(path: Path) -> int:
    """The mode of a file as ``sam deploy`` packages it: its own, and readable for all."""
    return path.stat().st_mode | 0o444


def _files(
    root: Path, below: str, patterns: Sequence[str], above: tuple[str, ...]
) -> Iterator[str]:
    """The paths of files below a folder; ``above`` are the real folders that it is in."""
    folders = []
    for entry in sorted(os.scandir(root / below), key=lambda one: one.name):
        path = f"{below}{entry.name}"
        if _left_out(path, patterns):
            continue
        try:
            folder, file = entry.is_dir(), entry.is_file()
        except OSError as error:  # a ring of links
            reason = f"cannot be followed ({error.strerror})"
            raise UsageError(str(root / path), reason, _LINK_FIX) from None
        if folder:
            folders.append(path)
        elif file:
            real = os.path.realpath(entry.path) if entry.is_symlink() else f"{above[-1]}/{path}"
            _refuse_secrets(real, above[0], root / path)
            yield path
        elif entry.is_symlink():
            raise UsageError(str(root / path), "is a link that leads nowhere", _LINK_FIX)
    for path in folders:
        real = os.path.realpath(root / path)
        if real in above:
            raise UsageError(str(root / path), "is a link to a folder that it is in", _LINK_FIX)
        _refuse_secrets(real, above[0], root / path)
        yield from _files(root, f"{path}/", patterns, (*above, real))


def _refuse_secrets(real: str, root: str, path: Path) -> None:
    """Raise UsageError for what links bring in of a home's hidden folders or of the system: code
    that came from elsewhere would be given the user's keys."""
    if PurePath(real).is_relative_to(root):
        return
    parts = PurePath(real).parts
    homes = (PurePath(os.path.realpath(Path("~").expanduser())).parts, ("/", "root"))
    below = [parts[len(home) :] for home in homes if parts[: len(home)] == home]
    below += [parts[3:]] if parts[:2] == ("/", "home") else []
    hidden = any(rest[:1] and rest[0].startswith(".") for rest in below)
    if hidden or parts[1] in _SYSTEM:
        raise UsageError(str(path), f"comes by a link from {real}, which is no code", _LINK_FIX)


_SYSTEM = ("etc", "proc", "sys", "dev", "run")
_LINK_FIX = f"Remove it, or list it in {_IGNORED}."


def _left_out(path: str, patterns: Sequence[str]) -> bool:
    name = path.rpartition("/")[2]
    return any(
        fnmatch.fnmatchcase(path, pattern) or fnmatch.fnmatchcase(path, f"*/{pattern}")
        if "/" in pattern
        else fnmatch.fnmatchcase(name, pattern)
        for pattern in patterns
    )


def _ignored(root: Path) -> Iterator[str]:
    """The patterns of its ``.tunerignore``."""
    if not (root / _IGNORED).is_file():
        return
    text = read_text(root / _IGNORED, most=SETTINGS_BYTES, plain=True)
    for line in text.splitlines():
        pattern = line.strip().removeprefix("./").removeprefix("**/").strip("/")
        if pattern and not pattern.startswith("#"):
            yield pattern


def _pack(files: Iterable[_File]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in files:
            info = zipfile.ZipInfo(name, _ZIP_EPOCH)
            info.external_attr = mode << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED, compresslevel=1)
    return out.getvalue()


def _checked_zip(path: Path) -> bytes:
    data, fix = read_bytes(path, MOST_BYTES), "Build the package again."
    try:
        if data.count(b"PK\x01\x02") > MOST_FILES:  # before its directory is read, for seconds
            raise UsageError(str(path), f"has more than {MOST_FILES:,} files", fix)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > MOST_BYTES:
                raise UsageError(str(path), "is larger than 250 MB unpacked, Lambda's limit", fix)
            broken = archive.testzip()
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise UsageError(str(path), f"is not a readable zip file ({error})", fix) from None
    if broken:
        raise UsageError(str(path), f"is a damaged zip file ({broken})", fix)
    return data


def _described(
    archive: zipfile.ZipFile,
    data: bytes,
    path: Path,
    handler: str | None,
    runtime: str | None,
    *,
    layered: bool,
) -> Package:
    where = str(path)
    names = set(archive.namelist())
    if not names:
        raise UsageError(where, "is empty", "Give the directory that holds the handler.")

    def read(name: str) -> bytes | None:
        return archive.read(name) if name in names else None

    if runtime is None:
        own = "bootstrap" in names and handler is None
        runtime = "provided.al2023" if own else _runtime(read, path, handler)
    check(runtime)
    if runtime.startswith("provided"):
        if "bootstrap" in names or not layered:  # else a layer may bring it
            _check_bootstrap(archive, names, where)
        return Package(data, handler or "bootstrap", runtime)
    if is_nodejs(runtime):
        handler = _node_handler(read, path, handler, runtime)
    elif handler is None:
        handler = _found(read, path)
    else:
        check_handler(read, handler, where)
    return Package(data, handler, runtime)


def _runtime(read: Reader, path: Path, handler: str | None) -> str:
    """The runtime of code that names none: Node.js if its handler is JavaScript, else this Python.

    Python comes first where both would do.
    """
    if path.suffix in javascript.SUFFIXES:
        return default_runtime()
    python = f"python3.{sys.version_info.minor}"
    if handler is not None:
        node = not is_module(read, handler) and javascript.is_handler(read, handler)
        return default_runtime() if node else python
    if any(is_module(read, f"{module}.") for module in MODULES) or path.suffix == ".py":
        return python
    return default_runtime() if javascript.is_package(read) else python


def _node_handler(read: Reader, path: Path, handler: str | None, runtime: str) -> str:
    where = str(path)
    if handler is None:
        modules = [path.stem] if path.suffix in javascript.SUFFIXES else []
        handler = javascript.find_handler(read, where, modules)
    if handler is None:
        raise javascript.no_handler(read, where)
    javascript.check_handler(read, handler, where)
    javascript.check_syntax(read, handler, where, node_for(runtime).path)
    return handler


def _found(read: Reader, path: Path) -> str:
    where = str(path)
    if path.suffix != ".py":
        return find_handler(read, where)
    if "." in path.stem:
        reason = "has a dot in its name, which Lambda takes for a folder"
        raise UsageError(where, reason, "Rename it.")
    try:
        return find_handler(read, where, [path.stem])
    except NotFound:
        fix = f"Name the function with --handler {path.stem}.NAME."
        raise NotFound(where, f"it defines neither {' nor '.join(FUNCTIONS)}", fix) from None


def _check_bootstrap(archive: zipfile.ZipFile, names: set[str], where: str) -> None:
    if "bootstrap" not in names:
        reason = "the runtime needs a program named bootstrap, which is missing"
        raise NotFound(where, reason, "Add it, or choose another --runtime.")
    if not archive.getinfo("bootstrap").external_attr >> 16 & stat.S_IXOTH:
        reason = "bootstrap is not executable for all users, as Lambda needs it"
        raise UsageError(where, reason, "Run: chmod a+x bootstrap")
    check_program(archive.read("bootstrap"), where)
