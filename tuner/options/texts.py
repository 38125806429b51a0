"""Files that options name, as text; raises only :class:`tuner.errors.UsageError`."""

from pathlib import Path

from tuner.errors import UsageError


def read_text(name: str, option: str) -> str:
    """A file that an option names, as text."""
    try:
        return Path(name).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "is not text"
        raise UsageError(f"{option} {name}", f"cannot be read: {why}", "Check the path.") from None
