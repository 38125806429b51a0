"""Where a command's document goes: a file, or stdout for ``-``."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuner.errors import UsageError


def write_document(document: Mapping[str, Any], to: str, option: str = "--json") -> None:
    """Write a document as JSON; raises UsageError for a file that cannot be written."""
    text = json.dumps(document, indent=2, allow_nan=False, ensure_ascii=False)
    if to == "-":
        sys.stdout.write(f"{text}\n")
        return
    try:
        Path(to).write_text(f"{text}\n", encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{option} {to}", f"cannot be written: {error.strerror}", "Choose another file."
        ) from None
