"""What runs a function: its program and its environment.

Python and Node.js run under AWS's own runtime interface clients; ``provided`` runtimes are the
executable ``bootstrap`` of the code. Nothing of the service's own environment gets through.
"""

import contextlib
import os
import re
import sys
from dataclasses import replace
from pathlib import Path

from tuner.errors import UsageError
from tuner.locallambda.limits.process_tree import MARK
from tuner.locallambda.sandbox import python_runtime
from tuner.locallambda.sandbox.invocation import LAYERS_FOLDER, SandboxSpec
from tuner.locallambda.sandbox.nodejs import runtime as node_runtime
from tuner.locallambda.sandbox.program import AWS_LIBRARIES, Program
from tuner.locallambda.sandbox.view import TASK_ROOT

PROVIDED = ("provided.al2", "provided.al2023")
#: Identifiers that AWS accepts for new functions (botocore model, 2026-11).
RUNTIMES = (
    *("nodejs20.x", "nodejs22.x", "nodejs24.x", "nodejs26.x"),
    *("python3.8", "python3.9", "python3.10", "python3.11", "python3.12", "python3.13"),
    *("python3.14", "python3.15", "java8.al2", "java11", "java17", "java21", "java25"),
    *("java8.al2023", "java11.al2023", "java17.al2023", "dotnet8", "dotnet10"),
    *("ruby3.2", "ruby3.3", "ruby3.4", "ruby4.0", "provided.al2", "provided.al2023"),
)
#: The developer guide, "Deprecated runtimes".
_DEPRECATED = re.compile(
    r"nodejs(\d|1\d)?(\.\w+)?|python(2\.7|3\.6|3\.7)|java8|dotnetcore\d\.\d|dotnet[567](\.0)?|"
    r"go1\.x|ruby2\.[57]|provided",
    re.ASCII,
)
_USE = "Use python3.10 to python3.15, nodejs20.x to nodejs26.x, or provided.al2023"
#: What else there is for runtimes that do not run here, by the first letters of their names.
_WAYS = {
    "java": "Build a native image named bootstrap for provided.al2023",
    "dotnet": "Compile it ahead of time to bootstrap for provided.al2023",
    "ruby": "Measure it on AWS",
}


def program(spec: SandboxSpec, links: Path, *, in_view: bool) -> Program:
    """What runs this function; raises UsageError for a runtime that cannot run here.

    ``links``: a folder for what sandboxes share, which the host removes. ``in_view``: the sandbox
    sees its code where it is on AWS.
    """
    task = task_root(spec, in_view=in_view)
    if spec.runtime in PROVIDED:
        libraries = f"{AWS_LIBRARIES}:{task}:{task}/lib:/opt/lib"
        if spec.runtime == "provided.al2":
            libraries = libraries.removeprefix("/var/lang/lib:")
        path = f"{task}/bootstrap"
        if _bootstrap(spec) == _layered(spec):
            path = "/opt/bootstrap" if in_view else str(_layered(spec))
        made = Program([path], defaults={"LD_LIBRARY_PATH": libraries})
    elif is_nodejs(spec.runtime):
        made = node_runtime.program(spec, links, task, in_view=in_view)
    else:
        check(spec.runtime)
        made = python_runtime.program(spec, links, in_view=in_view)
    wrapper = spec.environment.get("AWS_LAMBDA_EXEC_WRAPPER")
    return replace(made, argv=[wrapper, *made.argv]) if wrapper else made


def is_nodejs(runtime: str) -> bool:
    """Return whether a runtime is one of Node.js that runs here."""
    return re.fullmatch(r"nodejs2\d\.x", runtime, re.ASCII) is not None


def check(runtime: str) -> None:
    """Raise UsageError for a runtime that runs on AWS only, or nowhere."""
    if is_deprecated(runtime):
        fix = "Name a newer one with --runtime."
        raise UsageError(runtime, "is deprecated: AWS takes it for no new function", fix)
    if runtime in PROVIDED or is_nodejs(runtime) or re.fullmatch(r"python3\.\d+", runtime):
        return
    if runtime not in RUNTIMES:
        raise UsageError(runtime, "is no runtime of Lambda", f"{_USE}.")
    ways = (way for name, way in _WAYS.items() if runtime.startswith(name))
    raise UsageError(
        runtime,
        "runs on AWS but not on the local Lambda, which has no client for it",
        f"{next(ways, _USE)}, or run its container image and name that with --endpoint-url.",
    )


def is_deprecated(runtime: str) -> bool:
    """Return whether AWS knows a runtime but takes it for no new function."""
    return _DEPRECATED.fullmatch(runtime) is not None


def task_root(spec: SandboxSpec, *, in_view: bool) -> str:
    """Where the sandbox sees its code."""
    return TASK_ROOT if in_view else str(spec.task_dir)


def missing_entrypoint(spec: SandboxSpec) -> bool:
    """True if a custom runtime has no bootstrap, or none that may be run."""
    return spec.runtime in PROVIDED and _bootstrap(spec) is None


def _bootstrap(spec: SandboxSpec) -> Path | None:
    """The program of a custom runtime: of the code, or else of its layers."""
    paths = (spec.task_dir / "bootstrap", _layered(spec))
    return next((path for path in paths if path.is_file() and os.access(path, os.X_OK)), None)


def _layered(spec: SandboxSpec) -> Path:
    return spec.task_dir / LAYERS_FOLDER / "bootstrap"


def stands_in(runtime: str) -> bool:
    """True if another version of Python or Node.js runs the function than it names."""
    if runtime in PROVIDED:
        return False
    if is_nodejs(runtime):
        return not runtime.startswith(f"nodejs{node_runtime.version(runtime).partition('.')[0]}.")
    python = python_runtime.python_for(runtime)
    return runtime != python_runtime.HERE and python == sys.executable


_X_RAY = ("169.254.100.1", "2000")


def environment(
    spec: SandboxSpec, made: Program, mark: str | None, api_address: str, tmp: str | None
) -> dict[str, str]:
    """Lambda's environment variables for this function, and the function's own.

    ``mark`` is what its processes are found by, where they are not in a namespace. ``tmp`` becomes
    TMPDIR where /tmp itself is not the sandbox's own. Names and values are those that handlers see
    on AWS (recorded: runtimes of 2025).
    """
    task = task_root(spec, in_view=tmp is None)
    managed = spec.runtime not in PROVIDED
    has_lang = managed or spec.runtime == "provided.al2023"
    address, port = _X_RAY
    defaults = {
        "PATH": f"{'/var/lang/bin:' if has_lang else ''}/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "LD_LIBRARY_PATH": f"{task}:{task}/lib:/opt/lib",
        **({"PWD": task, "SHLVL": "0"} if managed else {}),
        **made.defaults,
        **({"TMPDIR": tmp} if tmp else {}),
    }
    reserved = {
        **_reserved(spec, task, api_address),
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": f"{address}:{port}",
        "_AWS_XRAY_DAEMON_ADDRESS": address,
        "_AWS_XRAY_DAEMON_PORT": port,
        **({"AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}"} if managed else {}),
        **made.reserved,
        **({MARK: mark} if mark else {}),
    }
    return {**defaults, **spec.environment, **reserved}


def layers(spec: SandboxSpec, made: Program) -> str | None:
    """The folder to show as /opt, if there is one, and nothing that runs the function is there."""
    folder = spec.task_dir / LAYERS_FOLDER
    needed = any(os.path.realpath(path).startswith("/opt/") for path in made.keep)
    return str(folder) if folder.is_dir() and not needed else None


def extensions(task_dir: Path) -> set[str]:
    """The names of external extensions in the layers of unpacked code, which AWS starts."""
    with contextlib.suppress(OSError):
        found = (task_dir / LAYERS_FOLDER / "extensions").iterdir()
        return {one.name for one in found if one.is_file() and os.access(one, os.X_OK)}
    return set()


def _reserved(spec: SandboxSpec, task: str, api_address: str) -> dict[str, str]:
    """Variables that a function cannot set."""
    return {
        "_HANDLER": spec.handler,
        "LAMBDA_TASK_ROOT": task,
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "AWS_REGION": spec.region,
        "AWS_DEFAULT_REGION": spec.region,
        "AWS_ACCESS_KEY_ID": "ASIALOCALLAMBDA00000",
        "AWS_SECRET_ACCESS_KEY": "no-secret-since-this-is-no-account-of-aws",
        "AWS_SESSION_TOKEN": "no-session-either",
        "AWS_LAMBDA_RUNTIME_API": api_address,
        "AWS_LAMBDA_INITIALIZATION_TYPE": spec.initialization,
        "AWS_LAMBDA_FUNCTION_NAME": spec.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_LOG_GROUP_NAME": spec.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": spec.log_stream,
        **({"AWS_LAMBDA_LOG_FORMAT": "JSON"} if spec.log_format == "JSON" else {}),
        **({"AWS_LAMBDA_LOG_LEVEL": spec.log_level} if spec.log_level else {}),
    }
