"""The command line and the environment of a runtime.

Python runs under AWS's own runtime interface client; ``provided`` runtimes are the executable
``bootstrap`` of the code. Nothing of the service's own environment gets through.
"""

import functools
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tuner.errors import UsageError
from tuner.locallambda.limits.process_tree import MARK
from tuner.locallambda.sandbox.invocation import LAYERS_FOLDER, SandboxSpec
from tuner.locallambda.sandbox.runtime_packages import runtime_packages

PROVIDED = ("provided", "provided.al2", "provided.al2023")
CLIENT = "awslambdaric"


def command(spec: SandboxSpec, links: Path) -> list[str]:
    """The argv that runs this function; raises UsageError for a runtime that cannot run here.

    ``links``: where the folder of links to Python's packages is, or is made.
    """
    if spec.runtime in PROVIDED:
        argv = [str(spec.task_dir / "bootstrap")]
    else:
        python = python_for(spec.runtime)
        # -B: the code directory stays as it was deployed, and every cold start compiles alike.
        # -S: what is installed beside tuner is not there for the function. -P: nor what is beside
        # us.
        safe = [] if spec.runtime == "python3.10" and python != sys.executable else ["-P"]
        argv = [python, "-B", "-S", *safe, runtime_packages(python, links).bootstrap, spec.handler]
    wrapper = spec.environment.get("AWS_LAMBDA_EXEC_WRAPPER")
    return [wrapper, *argv] if wrapper else argv


@functools.cache
def python_for(runtime: str) -> str:
    """The interpreter for ``python3.N``: one on PATH that is exactly that version, or this one."""
    if re.fullmatch(r"python3\.\d+", runtime) is None:
        raise UsageError(
            runtime,
            "the local Lambda runs Python functions and custom runtimes only",
            "Use python3.10 to python3.15, or provided.al2023 with an executable bootstrap.",
        )
    here = f"python3.{sys.version_info.minor}"
    if runtime != here:
        other = shutil.which(runtime)
        if other is not None and _has_client(other):
            return other
    if importlib.util.find_spec(CLIENT) is None:
        raise UsageError(
            runtime,
            f"{CLIENT}, AWS's runtime interface client, is not installed for {sys.executable}",
            f"Run: {sys.executable} -m pip install {CLIENT}"
            " (it is compiled outside Linux: needs CMake and a C++ compiler).",
        )
    return sys.executable


def missing_entrypoint(spec: SandboxSpec) -> str | None:
    """The path of the bootstrap if a custom runtime lacks it or may not run it."""
    if spec.runtime not in PROVIDED:
        return None
    path = spec.task_dir / "bootstrap"
    return None if path.is_file() and os.access(path, os.X_OK) else str(path)


def stands_in(runtime: str) -> bool:
    """True if another version of Python runs the function than it names."""
    if runtime in PROVIDED:
        return False
    here = f"python3.{sys.version_info.minor}"
    return runtime != here and python_for(runtime) == sys.executable


def environment(spec: SandboxSpec, key: str, api_address: str, tmp: str | None) -> dict[str, str]:
    """Lambda's environment variables for this function, and the function's own.

    ``tmp`` becomes TMPDIR where /tmp itself is not the sandbox's own. Names and values are those
    that handlers see on AWS ("Defined runtime environment variables"); the local Lambda accepts the
    dummy credentials.
    """
    task = str(spec.task_dir)
    defaults = {
        "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "LD_LIBRARY_PATH": f"{task}:{task}/lib:/opt/lib",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        **({"TMPDIR": tmp} if tmp else {}),
    }
    return {**defaults, **spec.environment, **_reserved(spec, api_address), MARK: key}


def needed_directories(spec: SandboxSpec, links: Path) -> list[str]:
    """The directories that a runtime needs even where its /tmp is replaced."""
    found = [str(spec.task_dir), sys.prefix, sys.base_prefix]
    if spec.runtime not in PROVIDED:
        packages = runtime_packages(python_for(spec.runtime), links)
        found += [str(packages.folder), *packages.homes]
    return found


def layers(spec: SandboxSpec, links: Path) -> str | None:
    """The folder to show as /opt, if there is one, and nothing that runs the function is there."""
    folder = spec.task_dir / LAYERS_FOLDER
    needed = [sys.executable, command(spec, links)[0], *needed_directories(spec, links)]
    if not folder.is_dir() or any(os.path.realpath(path).startswith("/opt/") for path in needed):
        return None
    return str(folder)


def _reserved(spec: SandboxSpec, api_address: str) -> dict[str, str]:
    """Variables that a function cannot set."""
    return {
        "_HANDLER": spec.handler,
        "LAMBDA_TASK_ROOT": str(spec.task_dir),
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "AWS_REGION": spec.region,
        "AWS_DEFAULT_REGION": spec.region,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_SESSION_TOKEN": "local",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}",
        "AWS_LAMBDA_RUNTIME_API": api_address,
        "AWS_LAMBDA_INITIALIZATION_TYPE": spec.initialization,
        "AWS_LAMBDA_FUNCTION_NAME": spec.function_name,
        "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
        "AWS_LAMBDA_LOG_GROUP_NAME": spec.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": spec.log_stream,
        **({"AWS_LAMBDA_LOG_FORMAT": "JSON"} if spec.log_format == "JSON" else {}),
    }


def _has_client(python: str) -> bool:
    look = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({CLIENT!r}) is None)"
    try:
        return (
            subprocess.run([python, "-c", look], cwd="/", timeout=10, check=False).returncode == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
