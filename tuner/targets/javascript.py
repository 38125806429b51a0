"""Finds and checks the handler of a Node.js package by reading its code, without running it.

A file's exports are those that its text shows, as people, TypeScript and bundlers write them; a
handler that only running the code would show is tried.
"""

import json
import posixpath
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from tuner.errors import NotFound, UsageError
from tuner.targets.handlers import refuse_spaces

SUFFIXES = (".js", ".mjs", ".cjs")
#: Where a handler is looked for when no ``package.json`` says it: AWS's console makes ``index``,
#: SAM's and others' examples have the rest.
MODULES = ("index", "app", "handler", "main", "lambda")
FUNCTIONS = ("handler", "lambdaHandler")
TYPESCRIPT = (".ts", ".mts", ".cts", ".tsx")
_BUILT = ("", *SUFFIXES, *(f"/index{suffix}" for suffix in SUFFIXES), "/package.json")
_NAME = r"([A-Za-z_$][\w$]*)"
_ONE = (
    rf"exports\.{_NAME}\s*=",
    rf"""exports\[["']{_NAME}["']\]\s*=""",
    rf"""defineProperty\(\s*(?:module\.)?exports\s*,\s*["']{_NAME}["']""",
    rf"\bexport\s+(?:async\s+)?(?:const|let|var|class|function\s*\*?)\s*{_NAME}",
)
_LISTS = (
    r"\bexport\s*\{([^{}]*)\}",
    r"exports\s*=\s*\{([^{}]*)",
    r"__export\(\s*[\w$]+\s*,\s*\{([^{}]*)\}",
)
_LISTED = re.compile(rf"(?:\bas\s+)?{_NAME}\s*(?=[,:(]|$)", re.MULTILINE)
_EXPORTS = tuple(re.compile(pattern) for pattern in _ONE)
_EXPORT_LISTS = tuple(re.compile(pattern) for pattern in _LISTS)

#: Reads a file of the package by its path in it; ``None`` if there is none.
Reader = Callable[[str], bytes | None]


def find_handler(read: Reader, where: str, modules: Sequence[str] = ()) -> str | None:
    """The first handler with a usual name, as ``module.function``; ``None`` without one.

    ``modules``: where to look; otherwise what ``package.json`` calls main, then usual names.
    """
    for module in modules or [*_main(read, where), *MODULES]:
        files = (f"{module}{suffix}" for suffix in SUFFIXES)
        found = next((path for path in files if read(path) is not None), None)
        names = exports(_text(read(found) or b"")) if found else set()
        for function in FUNCTIONS:
            if function in names:
                return f"{module}.{function}"
    return None


def is_handler(read: Reader, handler: str) -> bool:
    """Return whether a handler's file is one that Node.js runs, or would once it is built."""
    module = _taken_apart(handler)[0]
    return any(read(path) is not None for path in (*_files(module), *_sources(module)))


def is_package(read: Reader) -> bool:
    """Return whether a package is one of Node.js, whatever its handler is called."""
    usual = (path for module in MODULES for path in (*_files(module), *_sources(module)))
    return any(read(path) is not None for path in ("package.json", *usual))


def no_handler(read: Reader, where: str) -> NotFound | UsageError:
    """The error for a package without a usual handler; TypeScript that is not built is named."""
    for module in MODULES:
        if any(read(path) is not None for path in _sources(module)):
            return _missing(read, f"{module}.{FUNCTIONS[0]}", module, where)
    reason = f"no handler found: no usual module exports {' or '.join(FUNCTIONS)}"
    return NotFound(where, reason, "Name it with --handler module.function.")


def check_handler(read: Reader, handler: str, where: str) -> None:
    """Raise unless the package has the handler's file and this may export the function.

    A handler with a path from the root is in a layer.
    """
    refuse_spaces(handler)
    module, function = _taken_apart(handler)
    if not module or not function or ".." in handler:
        reason = "is not module.function" if ".." not in handler else "leads out of the package"
        raise UsageError(f"--handler {handler!r}", reason, "Write it like index.handler.")
    if handler.startswith("/"):
        return
    found = next((path for path in _files(module) if read(path) is not None), None)
    if found is None:
        raise _missing(read, handler, module, where)
    if found.endswith("package.json"):
        _described(read, found, where)
        return
    for package in _packages(found):
        _described(read, package, where)
    text = _text(read(found) or b"")
    names, first = exports(text), function.partition(".")[0]
    if first not in names and "*" not in names and not re.search(rf"\b{re.escape(first)}\b", text):
        has = ", ".join(sorted(names)[:8]) or "nothing"
        reason = f"{found} does not export {first}; it exports {has}"
        raise NotFound(where, reason, "Name the handler with --handler module.function.")


def check_syntax(read: Reader, handler: str, where: str, node: str) -> None:
    """Raise UsageError if Node.js cannot parse the handler's file."""
    module = _taken_apart(handler)[0]
    found = next((path for path in _files(module) if _is_code(read, path)), None)
    if found is None or handler.startswith("/"):
        return
    packages = (_described(read, path, where) for path in _packages(found))
    kind = next((package.get("type") for package in packages if package is not None), None)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"code{posixpath.splitext(found)[1]}"
        file.write_bytes(read(found) or b"")
        (Path(folder) / "package.json").write_text(json.dumps({"type": kind or "commonjs"}))
        done = subprocess.run(
            [node, "--check", str(file)], cwd=folder, env={}, capture_output=True, check=False
        )
    said = done.stderr.decode("utf-8", "replace")
    error = re.search(r"^SyntaxError: (.*)", said, re.MULTILINE)
    if done.returncode != 0 and error is not None:
        line = re.search(r":(\d+)\n", said)
        place = f"{where}, {found}, line {line[1] if line else '?'}"
        esm = kind != "module" and re.search(r"\bimport\b|'export'|\bawait\b", error[1])
        fix = "Name it .mjs" if esm else "Fix the handler's file first"
        also = ', write "type": "module" into package.json, or build it first' if esm else ""
        raise UsageError(place, f"syntax error: {error[1]}", f"{fix}{also}.")


def exports(text: str) -> set[str]:
    """The names that a module exports; ``*`` among them if it may export others as well."""
    names = {found[1] for pattern in _EXPORTS for found in pattern.finditer(text)}
    for pattern in _EXPORT_LISTS:
        for block in pattern.finditer(text):
            names.update(found[1] for found in _LISTED.finditer(block[1]))
    others = re.search(r"\bexport\s*\*|__exportStar|__reExport|exports\s*=(?!\s*\{|=)", text)
    return names | ({"*"} if others else set())


def _taken_apart(handler: str) -> tuple[str, str]:
    """The module's path and what is after it, as AWS's client takes a handler apart."""
    folder, base = posixpath.split(handler)
    module, _, function = base.partition(".")
    return posixpath.join(folder, module) if module else "", function


def _files(module: str) -> Iterator[str]:
    yield from (posixpath.normpath(module + end) for end in _BUILT)


def _sources(module: str) -> Iterator[str]:
    yield from (posixpath.normpath(module + end) for end in TYPESCRIPT)


def _is_code(read: Reader, path: str) -> bool:
    return path.endswith(SUFFIXES) and read(path) is not None


def _main(read: Reader, where: str) -> list[str]:
    """The module that ``package.json`` calls main."""
    package = _described(read, "package.json", where) or {}
    main = package.get("main")
    if not isinstance(main, str) or not main.strip("./"):
        return []
    path = posixpath.normpath(main)
    stem, suffix = posixpath.splitext(path)
    return [stem if suffix in SUFFIXES else path, posixpath.join(path, "index")]


def _packages(path: str) -> Iterator[str]:
    """Where the ``package.json`` of a file may be, the nearest first."""
    folder = posixpath.dirname(path)
    while folder:
        yield f"{folder}/package.json"
        folder = posixpath.dirname(folder)
    yield "package.json"


def _described(read: Reader, path: str, where: str) -> dict[str, Any] | None:
    """A ``package.json``; raises UsageError if it is broken."""
    data = read(path)
    if data is None:
        return None
    try:
        told = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{where}, {path}", f"is not JSON ({error})", "Fix it first.") from None
    if not isinstance(told, dict):
        raise UsageError(f"{where}, {path}", "is not a JSON object", "Fix it first.")
    return told


def _missing(read: Reader, handler: str, module: str, where: str) -> UsageError | NotFound:
    source = next((path for path in _sources(module) if read(path) is not None), None)
    if source is not None:
        reason = f"the handler {handler} is {source}, TypeScript, which has to be built first"
        fix = "Build it (sam build, serverless package, cdk synth, tsc) and name what that made."
        return UsageError(where, reason, fix)
    reason = f"the handler {handler} needs {module}.js, which is missing"
    return NotFound(where, reason, "Name the handler with --handler module.function.")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
