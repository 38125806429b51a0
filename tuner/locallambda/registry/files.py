"""Files that are for this user alone, whatever the umask, and are written whole."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from types import UnionType
from typing import IO, Any, TypeVar, get_origin, get_type_hints

from tuner.errors import TargetError
from tuner.files import read_bytes

_Kept = TypeVar("_Kept")


def read_kept(path: Path, what: str, read: Callable[[Any, Path], _Kept]) -> _Kept:
    """Read a JSON file of an earlier process; raises TargetError, whatever is wrong with it.

    ``read`` makes of its content what it stands for.
    """
    try:
        return read(json.loads(read_bytes(path, plain=True)), path)
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        reason = f"cannot be read as {what} ({' '.join(str(error).split()):.200})"
        raise TargetError(str(path), reason, "Move it away, or choose another --data.") from error


def write_whole(path: Path, text: str) -> None:
    """Write a file; a crash leaves the old text or the new one."""
    draft = path.with_suffix(".draft")
    draft.unlink(missing_ok=True)
    with open_private(draft) as file:
        file.write(text)
    draft.replace(path)


def check_fields(made: Any) -> None:
    """Raise ValueError if a field of a dataclass that was made of a file is not of its type."""
    for name, kind in get_type_hints(type(made)).items():
        if not _fits(value := getattr(made, name), kind):
            raise ValueError(f"{name} is {value!r:.80}")


def _fits(value: Any, kind: Any) -> bool:
    if isinstance(kind, UnionType):
        return any(_fits(value, each) for each in kind.__args__)
    plain = get_origin(kind) or kind
    wanted = int | float if plain is float else plain
    return isinstance(value, wanted) and (plain is bool or not isinstance(value, bool))


def open_private(path: Path) -> IO[str]:
    """Open a file to add to its end; if it is new, it is for this user alone. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    return os.fdopen(os.open(path, flags, 0o600), "a", encoding="utf-8")


def make_private(folder: Path) -> None:
    """Make a folder for this user alone, or make one so that is there. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
