"""Seals on what is kept in the working directory: made with a key that only its user can read.

A journal or a record that came with somebody else's files has none, and proves nothing. Where no
key can be kept, nothing is sealed, and only marks on the function itself count.
"""

import fcntl
import hmac
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_BYTES = 32


def sealed(content: Mapping[str, Any], after: str = "") -> dict[str, Any]:
    """The content with a seal, if there is a key; ``after`` is the seal of the line before it."""
    key = _key(make=True)
    return {**content, "seal": _seal(key, content, after)} if key else dict(content)


def take_seal(content: dict[str, Any], after: str = "") -> bool:
    """Remove the seal from content that was read; ``True`` if this user made it on this machine,
    after the line with that seal."""
    seal, key = content.pop("seal", None), _key(make=False)
    made = _seal(key, content, after)
    return bool(key) and hmac.compare_digest(str(seal).encode(), made.encode())


def _seal(key: bytes, content: Mapping[str, Any], after: str) -> str:
    text = after + json.dumps(content, sort_keys=True)
    return hmac.digest(key, text.encode(), "sha256").hex()


def _key(*, make: bool) -> bytes:
    """The user's key; empty where none can be had, or another user could read or write it. Such a
    one is replaced by a new one with ``make``."""
    path = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser() / "tuner/seal"
    try:
        if make and not _of_this_user(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with _alone(path.with_name("seal.lock")):
                if not _of_this_user(path):
                    _make(path)
        key = path.read_bytes() if _of_this_user(path) else b""
    except (OSError, RuntimeError):  # RuntimeError: no home directory
        return b""
    return key if len(key) == _BYTES else b""


def _of_this_user(path: Path) -> bool:
    """Tell if the key is there and is this user's alone."""
    if not path.exists():
        return False
    found = path.stat()
    return found.st_uid == os.getuid() and not found.st_mode & 0o077


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Wait until no other process makes the key: seals by one that is replaced prove nothing."""
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


def _make(path: Path) -> None:
    aside = path.with_name(f"seal.{os.getpid()}")
    file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "wb") as stream:
        stream.write(os.urandom(_BYTES))
    aside.replace(path)
