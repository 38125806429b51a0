"""Calls npm for what AWS's Node.js runtime has, and says in two lines why it could not.

What is fetched stays in a folder of the user's cache. Nothing of it is run while it is installed,
and no file of the working directory says where it comes from.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tuner.errors import TunerError

LIMIT_S = 120.0


def cache_folder() -> Path:
    """The folder below the user's cache; it is there. Raises TunerError."""
    usual = "Library/Caches" if sys.platform == "darwin" else ".cache"
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / usual)
    folder = home / "tuner" / "nodejs"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        fix = "Set XDG_CACHE_HOME to a folder that can be written."
        raise TunerError(str(folder), f"cannot be made ({error.strerror})", fix) from error
    return folder


def run_npm(node: str, arguments: Sequence[str], folder: Path) -> str | None:
    """Run npm in a folder; ``None``, or why it failed, in a few words."""
    beside = shutil.which("npm", path=str(Path(node).parent))
    npm = beside or shutil.which("npm")
    if npm is None:
        return "npm is not installed"
    quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    # Without a network the reason comes soon.
    quiet += [f"--fetch-retry-{which}timeout=2000" for which in ("min", "max")]
    path = f"{Path(node).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    try:
        done = subprocess.run(
            [npm, *arguments, *quiet, "--loglevel=error"],
            cwd=folder,
            env={**os.environ, "PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=LIMIT_S,
            check=False,
            umask=0o022,  # sandboxes may be other users
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"npm did not run ({type(error).__name__})"
    return None if done.returncode == 0 else _reason(done.stderr.decode("utf-8", "replace"))


def _reason(said: str) -> str:
    """The line of npm's complaint that says most."""
    lines = [line.removeprefix("npm ").removeprefix("error ").removeprefix("ERR! ")
             for line in said.splitlines() if line.strip()]  # fmt: skip
    code = next((line for line in lines if line.startswith("code ")), None)
    rest = [line for line in lines if not line.startswith(("code ", "syscall ", "errno "))]
    words = next(iter(rest), "no reason given")
    return f"npm failed: {words[:160]}" + (f" ({code.removeprefix('code ')})" if code else "")
