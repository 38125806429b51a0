"""Files that are for this user alone, whatever the umask, and are written whole."""

import os
from pathlib import Path
from typing import IO


def write_whole(path: Path, text: str) -> None:
    """Write a file; a crash leaves the old text or the new one."""
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with open_private(draft) as file:
        file.write(text)
    draft.replace(path)


def open_private(path: Path) -> IO[str]:
    """Open a file to add to its end; if it is new, it is for this user alone. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o600), "a", encoding="utf-8")


def make_private(folder: Path) -> None:
    """Make a folder for this user alone, or make one so that is there. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
