"""What an option can do to a user where somebody else wrote it into ``tuner.toml``.

A declaration says it (``option(..., risk=...)``); ``tuner.api.trust`` asks about it. A risk is a
function of what was written: a few words that follow "which", or nothing where it is harmless.
"""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

Risk = Callable[[str], str]
_LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")


def always(does: str) -> Risk:
    """Whatever is written."""
    return lambda _written: does


def outside(does: str, mark: str = "") -> Risk:
    """A file that is not in this folder. Those of another place begin with ``mark``, such as the @
    of a payload; what does not is no file.
    """
    return lambda written: (
        does if written.startswith(mark) and _outside(written[len(mark) :]) else ""
    )


def elsewhere(does: str) -> Risk:
    """A URL, an address in a variable, or a file that is not in this folder."""

    def risk(written: str) -> str:
        named = written.removeprefix("sqlite:///")
        return does if ":" in named or "?" in named or _outside(named) else ""

    return risk


def beyond_this_machine(does: str) -> Risk:
    """An address that others reach."""
    return lambda written: "" if written.strip() in _LOOPBACK else does


def either(*risks: Risk) -> Risk:
    """The first of these that is one."""
    return lambda written: next((does for risk in risks if (does := risk(written))), "")


def saying(word: str, does: str) -> Risk:
    """A text with this word in it."""
    return lambda written: does if word in written.lower() else ""


def in_s3(does: str) -> Risk:
    """An object of S3."""
    return lambda written: does if urlsplit(written).scheme == "s3" else ""


def names_code(written: str) -> bool:
    """Tell if a side to compare with is code, a path or a revision of git; otherwise it is a
    version or an alias."""
    plain = written.strip()
    path = plain.removeprefix("local:")
    named = path != plain or path.startswith("git:") or "/" in path
    return named or path.endswith((".zip", ".py")) or Path(path).is_dir()


def other_code(written: str) -> str:
    """Code that a function is compared with: a path or a git revision, not a version or alias."""
    return "is code that runs in place of the function's" if names_code(written) else ""


def _outside(written: str) -> bool:
    """True for a path that leaves this folder, also by a link, or that git reads; ``-`` is no
    path."""
    try:
        path, here = Path(written).expanduser().resolve(), Path.cwd()
        return not path.is_relative_to(here) or ".git" in path.relative_to(here).parts
    except (OSError, ValueError, RuntimeError):
        return True
