"""Git: the branch and commit under test, and the code of another revision.

Runs the ``git`` program; without it, or outside of a repository, nothing is known.
"""

import io
import os
import subprocess
import tarfile
from pathlib import Path

from tuner.errors import NotFound, UsageError
from tuner.suites.result import Origin

_LIMIT_S = 60.0
#: What continuous integration calls the branch while it has a commit checked out, without any.
_CI_BRANCHES = ("GITHUB_HEAD_REF", "GITHUB_REF_NAME", "CI_COMMIT_REF_NAME", "BRANCH_NAME")


def origin(folder: Path = Path()) -> Origin:
    """Branch, commit and whether files differ from it; nothing outside of a repository."""
    commit = _asked(folder, "rev-parse", "HEAD")
    branch = _asked(folder, "symbolic-ref", "--short", "-q", "HEAD")
    if commit is not None and not branch:  # a checkout of a commit, as CI has it
        branch = next((os.environ[name] for name in _CI_BRANCHES if os.environ.get(name)), None)
    changed = bool(_asked(folder, "status", "--porcelain", "--untracked-files=no"))
    return Origin(branch or None, commit, changed)


def who(folder: Path = Path()) -> str:
    """Git's name and address of the user, or the user's name."""
    name, address = _asked(folder, "config", "user.name"), _asked(folder, "config", "user.email")
    if name:
        return f"{name} <{address}>" if address else name
    return os.environ.get("USER") or os.environ.get("LOGNAME") or "unknown"


def commit_of(revision: str, folder: Path = Path()) -> str:
    """The commit that a revision means. Raises UsageError or NotFound."""
    if revision.startswith("-"):
        raise UsageError(f"git:{revision}", "is not a revision", "Write it like git:main.")
    if _asked(folder, "rev-parse", "--git-dir") is None:
        fix = "Run it in the function's repository, with git installed."
        raise UsageError(f"git:{revision}", "this is not a git repository", fix)
    commit = _asked(folder, "rev-parse", "--verify", "-q", f"{revision}^{{commit}}")
    if not commit:
        fix = "Fetch it first, or name another revision."
        raise NotFound(f"git:{revision}", "there is no such revision", fix)
    return commit


def take_out(commit: str, path: Path, into: Path) -> Path:
    """Write a file or folder as it was in a commit below ``into``; gives its path there.

    The folder around a file comes with it, since a template names others. Raises NotFound.
    """
    folder = path if path.is_dir() else path.parent
    root = _asked(folder, "rev-parse", "--show-toplevel")
    if root is None:
        raise UsageError(str(path), "is not in a git repository", "Name a folder of a repository.")
    inside = folder.resolve().relative_to(Path(root).resolve()).as_posix()
    tree = commit if inside == "." else f"{commit}:{inside}"
    packed = _run(Path(root), "archive", "--format=tar", tree)
    if packed is None:
        raise _missing(commit, inside)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(into, filter="data")
    found = into if path.is_dir() else into / path.name
    if not found.exists():
        raise _missing(commit, path)
    return found


def _missing(commit: str, what: object) -> NotFound:
    return NotFound(f"git:{commit[:12]}", f"{what} does not exist there", "Name another revision.")


#: A folder of somebody else's may hold settings that name programs, also as a repository within one
#: (https://git-scm.com/docs/git-config, core.fsmonitor, core.hooksPath, safe.bareRepository).
_RUNS_NOTHING = (
    *("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"),
    *("-c", "safe.bareRepository=explicit"),
)


def _asked(folder: Path, *words: str) -> str | None:
    answer = _run(folder, *words)
    return None if answer is None else answer.decode("utf-8", "replace").strip()


def _run(folder: Path, *words: str) -> bytes | None:
    try:
        command = ["git", *_RUNS_NOTHING, "-C", str(folder), *words]
        done = subprocess.run(command, capture_output=True, timeout=_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
