"""The packages that a Python function finds without shipping them: AWS's own, and no others.

The managed runtime has its runtime client and boto3. Here they are installed beside much else, so
a folder of links holds just them and what they need. The host makes it once and removes it.
"""

import functools
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path

from tuner.errors import TunerError

_SHIPPED = ("awslambdaric", "boto3")
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
    waiting, seen = list(_SHIPPED), set[str]()
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
