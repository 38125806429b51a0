"""What a sandbox starts for a Python function, and the packages that it finds.

The managed Python runtime has AWS's own runtime interface client, boto3 and pip; here they are
installed beside much else. A sandbox sees just them and what they need, in /var/runtime, and the
folders where they are installed are empty, also for a Python that a handler starts. Without a view
of its own it has a folder of links to them.
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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path

from tuner.errors import TunerError, UsageError
from tuner.locallambda.sandbox.invocation import SandboxSpec
from tuner.locallambda.sandbox.launch import FRAMES, FRAMES_FD
from tuner.locallambda.sandbox.program import AWS_LIBRARIES, RUNTIME_ROOT, Program

CLIENT = "awslambdaric"
HERE = f"python3.{sys.version_info.minor}"


def program(spec: SandboxSpec, links: Path, *, in_view: bool) -> Program:
    """The program; ``links`` is where the folder for packages is, or is made.

    Raises UsageError without AWS's client.
    """
    python = python_for(spec.runtime)
    packages = runtime_packages(python, links)
    # -B: the code directory stays as it was deployed, and every cold start compiles alike. -S: what
    # is installed beside tuner is not there for the function. -P: nor what is beside us.
    safe = [] if spec.runtime == "python3.10" and python != sys.executable else ["-P"]
    argv = [python, "-B", "-S", *safe, packages.bootstrap, spec.handler]
    homes = [sys.prefix, sys.base_prefix]
    if python != sys.executable:
        homes = [str(Path(path).parent.parent) for path in (python, os.path.realpath(python))]
    coerced = int(spec.runtime.removeprefix("python3.")) >= 12  # AWS's system is without en_US
    return Program(
        argv,
        keep=[*homes, str(packages.folder), *([] if in_view else packages.homes)],
        var=packages.var,
        empty=packages.installed,
        defaults={"PYTHONPATH": RUNTIME_ROOT, **({"LC_CTYPE": "C.UTF-8"} if coerced else {})},
        reserved={FRAMES: str(FRAMES_FD)},
    )


@functools.cache
def python_for(runtime: str) -> str:
    """The interpreter for ``python3.N``: one on PATH that is exactly that version, or this one."""
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


_PACKAGES = ("site-packages", "dist-packages")
_REQUIREMENT = re.compile(r"[A-Za-z0-9._-]+")
#: Starts the client as AWS's own bootstrap does: the function's code comes first on the path, but
#: only once the client is imported, so that no file of it can stand in for a module of the client.
_BOOTSTRAP = (
    f"""\
AWS_LIBRARIES, RUNTIME_ROOT = {AWS_LIBRARIES!r}, {RUNTIME_ROOT!r}
"""
    + """\
import os
import site
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != here]
packages = RUNTIME_ROOT if os.path.isdir(RUNTIME_ROOT) else os.path.join(here, "packages")
if packages not in sys.path:
    sys.path.append(packages)
site.setquit()
site.setcopyright()
site.sethelper()

from awslambdaric.__main__ import main

task = os.environ["LAMBDA_TASK_ROOT"]
libraries = "%s:%s/lib:/opt/lib" % (task, task)
if os.environ.get("LD_LIBRARY_PATH") == libraries:
    os.environ["LD_LIBRARY_PATH"] = AWS_LIBRARIES + ":" + libraries
if "LC_CTYPE" in os.environ and os.path.exists("/proc/self/environ"):
    with open("/proc/self/environ", "rb") as begun:
        if b"LC_CTYPE=" not in begun.read():  # Python has set it, where AWS has this locale
            del os.environ["LC_CTYPE"]
opt = os.path.join(task, ".tuner-opt")
if os.path.isdir(opt):
    if os.path.isdir("/opt") and os.path.samefile(opt, "/opt"):
        opt = "/opt"
    version = os.environ["AWS_EXECUTION_ENV"].rpartition("_")[2]  # also where another stands in
    sys.path.insert(0, os.path.join(opt, "python"))
    sys.path.insert(0, os.path.join(opt, "python", "lib", version, "site-packages"))
sys.path.insert(0, task)
main(sys.argv)
"""
)


@dataclass(frozen=True)
class RuntimePackages:
    """A folder with ``bootstrap.py``, links, and as many places to show packages at."""

    folder: Path
    links: Mapping[str, str]  # name -> where it is installed
    installed: tuple[str, ...]  # the folders in which an interpreter looks for packages

    @property
    def homes(self) -> tuple[str, ...]:
        return tuple({str(Path(target).parent) for target in self.links.values()})

    @property
    def var(self) -> Mapping[str, str]:
        """What to show below /var, the places first."""
        places = {"runtime": str(self.folder / "places")}
        return places | {f"runtime/{name}": target for name, target in self.links.items()}

    @property
    def bootstrap(self) -> str:
        return str(self.folder / "bootstrap.py")


@functools.cache
def runtime_packages(python: str, parent: Path) -> RuntimePackages:
    """Link the packages for an interpreter in a new folder. Raises TunerError, OSError."""
    path = sys.path if python == sys.executable else _path_of(python)
    links = _shipped_links(path)
    folder = Path(tempfile.mkdtemp(prefix="python-", dir=parent))
    folder.chmod(0o755)
    for name, target in links.items():
        link = folder / "packages" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target)
        place = folder / "places" / name
        if Path(target).is_dir():
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
    (folder / "bootstrap.py").write_text(_BOOTSTRAP, encoding="utf-8")
    return RuntimePackages(folder, links, tuple(_installed(path)))


def _installed(path: list[str]) -> Iterator[str]:
    """The folders of packages on an interpreter's path, and those beside its standard library."""
    for folder in path:
        if Path(folder).name in _PACKAGES:
            yield folder
        elif os.access(Path(folder) / "site.py", os.R_OK):
            yield from (str(Path(folder) / name) for name in _PACKAGES)


def _path_of(python: str) -> list[str]:
    """Where another interpreter looks for modules. Raises TunerError."""
    code = "import json, sys; print(json.dumps([p for p in sys.path if p]))"
    try:
        told = subprocess.run(
            [python, "-c", code], cwd="/", capture_output=True, timeout=20, check=True
        )
        return list(json.loads(told.stdout))
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
    waiting, seen = [CLIENT, "boto3", "pip"], set[str]()
    while waiting:
        name = waiting.pop()
        key = re.sub(r"[-_.]+", "-", name).lower()
        if key in seen:
            continue
        seen.add(key)
        found = next(iter(Distribution.discover(name=name, path=places)), None)
        if found is None:
            continue  # needed on other systems or versions only, or pip, which uv does not install
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
