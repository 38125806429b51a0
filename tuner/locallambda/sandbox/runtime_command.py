"""The command line and the environment of a runtime, and the packages that it finds.

Python runs under AWS's own runtime interface client; ``provided`` runtimes are the executable
``bootstrap`` of the code. Nothing of the service's own environment gets through. The managed Python
runtime has its client and boto3; here they are installed beside much else, so a folder of links
holds just them and what they need. The host makes it once and removes it.
"""

import functools
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path

from tuner.errors import TunerError, UsageError
from tuner.locallambda.limits.process_tree import MARK
from tuner.locallambda.sandbox.invocation import LAYERS_FOLDER, SandboxSpec
from tuner.locallambda.sandbox.isolation import TASK_ROOT

PROVIDED = ("provided", "provided.al2", "provided.al2023")
CLIENT = "awslambdaric"
HERE = f"python3.{sys.version_info.minor}"


def command(spec: SandboxSpec, links: Path, task: str) -> list[str]:
    """The argv that runs this function; raises UsageError for a runtime that cannot run here.

    ``links``: where the folder of links to Python's packages is, or is made. ``task``: where the
    sandbox sees its code.
    """
    if spec.runtime in PROVIDED:
        argv = [f"{task}/bootstrap"]
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
    if runtime != HERE:
        other = shutil.which(runtime)
        real = _with_client(other) if other is not None else None
        if real is not None:
            return real
    if importlib.util.find_spec(CLIENT) is None:
        raise UsageError(
            runtime,
            f"{CLIENT}, AWS's runtime interface client, is not installed for {sys.executable}",
            f"Run: {sys.executable} -m pip install {CLIENT}"
            " (it is compiled outside Linux: needs CMake and a C++ compiler).",
        )
    return sys.executable


def missing_entrypoint(spec: SandboxSpec, *, in_view: bool) -> str | None:
    """The path of the bootstrap, as the sandbox sees it, if a custom runtime lacks it or may not
    run it."""
    if spec.runtime not in PROVIDED:
        return None
    path = spec.task_dir / "bootstrap"
    if path.is_file() and os.access(path, os.X_OK):
        return None
    return f"{TASK_ROOT}/bootstrap" if in_view else str(path)


def stands_in(runtime: str) -> bool:
    """True if another version of Python runs the function than it names."""
    return runtime not in (*PROVIDED, HERE) and python_for(runtime) == sys.executable


def environment(
    spec: SandboxSpec, task: str, key: str, api_address: str, tmp: str | None
) -> dict[str, str]:
    """Lambda's environment variables for this function, and the function's own.

    ``task`` is where the sandbox sees its code. ``tmp`` becomes TMPDIR where /tmp itself is not the
    sandbox's own. Names and values are those that handlers see on AWS ("Defined runtime environment
    variables").
    """
    defaults = {
        "PATH": "/usr/local/bin:/usr/bin:/bin:/opt/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "LD_LIBRARY_PATH": f"{task}:{task}/lib:/opt/lib",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        **({"TMPDIR": tmp} if tmp else {}),
    }
    return {**defaults, **spec.environment, **_reserved(spec, task, api_address), MARK: key}


def needed_directories(spec: SandboxSpec, links: Path) -> list[str]:
    """The directories that a runtime needs even where what holds them is hidden."""
    if spec.runtime in PROVIDED:
        return []
    python = python_for(spec.runtime)
    packages = runtime_packages(python, links)
    found = [str(packages.folder), *packages.homes]
    if python == sys.executable:
        return [sys.prefix, sys.base_prefix, *found]
    return [*(str(Path(path).parent.parent) for path in (python, os.path.realpath(python))), *found]


def layers(spec: SandboxSpec, links: Path) -> str | None:
    """The folder to show as /opt, if there is one, and nothing that runs the function is there."""
    folder = spec.task_dir / LAYERS_FOLDER
    needed = needed_directories(spec, links)
    if not folder.is_dir() or any(os.path.realpath(path).startswith("/opt/") for path in needed):
        return None
    return str(folder)


def _reserved(spec: SandboxSpec, task: str, api_address: str) -> dict[str, str]:
    """Variables that a function cannot set."""
    return {
        "_HANDLER": spec.handler,
        "LAMBDA_TASK_ROOT": task,
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


def _with_client(python: str) -> str | None:
    """The interpreter behind a command, which may be a shim, if it has AWS's client."""
    look = f"import importlib.util, sys; importlib.util.find_spec({CLIENT!r}).name"
    try:
        done = subprocess.run(
            [python, "-c", f"{look}; print(sys.executable)"],
            cwd="/", timeout=10, check=True, capture_output=True, text=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None


_REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")
#: Starts the client as AWS's own bootstrap does: the function's code comes first on the path, but
#: only once the client is imported, so that no file of it can stand in for a module of the client.
_BOOTSTRAP = """\
import os
import site
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != here]
sys.path.append(os.path.join(here, "packages"))
site.setquit()
site.setcopyright()
site.sethelper()

from awslambdaric.__main__ import main

task = os.environ["LAMBDA_TASK_ROOT"]
opt = os.path.join(task, ".tuner-opt")
if os.path.isdir(opt):
    if os.path.isdir("/opt") and os.path.samefile(opt, "/opt"):
        opt = "/opt"
    version = "python%d.%d" % sys.version_info[:2]
    sys.path.insert(0, os.path.join(opt, "python"))
    sys.path.insert(0, os.path.join(opt, "python", "lib", version, "site-packages"))
sys.path.insert(0, task)
main(sys.argv)
"""


@dataclass(frozen=True)
class RuntimePackages:
    """A folder with ``bootstrap.py`` and the links, and the folders that these lead into."""

    folder: Path
    homes: tuple[str, ...]

    @property
    def bootstrap(self) -> str:
        return str(self.folder / "bootstrap.py")


@functools.cache
def runtime_packages(python: str, parent: Path) -> RuntimePackages:
    """Link the packages for an interpreter in a new folder. Raises TunerError, OSError."""
    links = _shipped_links(sys.path) if python == sys.executable else _links_of(python)
    folder = Path(tempfile.mkdtemp(prefix="python-", dir=parent))
    folder.chmod(0o755)
    for name, target in links.items():
        link = folder / "packages" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
    (folder / "bootstrap.py").write_text(_BOOTSTRAP, encoding="utf-8")
    return RuntimePackages(folder, tuple({str(Path(target).parent) for target in links.values()}))


def _links_of(python: str) -> dict[str, str]:
    """The links of another interpreter, found by its own path. Raises TunerError."""
    code = "import json, sys; print(json.dumps([p for p in sys.path if p]))"
    try:
        told = subprocess.run(
            [python, "-c", code], cwd="/", capture_output=True, timeout=20, check=True
        )
        return _shipped_links(list(json.loads(told.stdout)))
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        reason = f"does not say where its packages are ({type(error).__name__})"
        raise TunerError(python, reason, "Check that Python.") from error


def _shipped_links(places: list[str]) -> dict[str, str]:
    """Path below ``packages`` -> what it links to, for packages that are in these folders."""
    links: dict[str, str] = {}
    for found in _needed(places):
        for path in _top_level(found):
            target = Path(str(found.locate_file(path))).absolute()
            if target.exists():
                links.setdefault(path, str(target))
    return links


def _needed(places: list[str]) -> Iterator[Distribution]:
    """The distributions of the managed runtime with all that they require, extras aside."""
    waiting, seen = [CLIENT, "boto3"], set[str]()
    while waiting:
        name = waiting.pop()
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in seen:
            continue
        seen.add(key)
        found = next(iter(Distribution.discover(name=name, path=places)), None)
        if found is None:
            continue  # needed on other systems or versions only
        yield found
        for requirement in found.requires or ():
            named = _REQUIREMENT.match(requirement)
            if named and "extra ==" not in requirement:
                waiting.append(named[0])


def _top_level(found: Distribution) -> Iterator[str]:
    """The folders and files that a distribution has beside others in its folder."""
    paths = [path.parts for path in found.files or ()]
    if not paths:
        paths = [(name,) for name in (found.read_text("top_level.txt") or "").split()]
        paths += [(f"{name}.py",) for (name,) in paths]
    for parts in sorted(set(paths)):
        if parts[0] == "__pycache__":  # of modules that are a single file
            yield "/".join(parts)
        elif parts[0] not in ("..", "bin"):
            yield parts[0]
