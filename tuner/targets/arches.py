"""``--architectures``: which processor architectures are measured, as it is written.

Words only; making sizes of them callable is in ``architectures.py``.
"""

from tuner.errors import UsageError

ARCHES = ("x86_64", "arm64")
BOTH = "both"


def read_arches(text: str, own: str) -> tuple[str, ...]:
    """``both``, one, or a comma list, the function's ``own`` first where it is among them.

    Raises UsageError.
    """
    words = ARCHES if text.strip() == BOTH else tuple(word.strip() for word in text.split(","))
    for word in words:
        if word not in ARCHES:
            fix = "Write both, x86_64, arm64, or a list with a comma."
            raise UsageError(f"--architectures {text[:40]!r}", "is not known", fix)
    return tuple(sorted(set(words), key=lambda arch: (arch != own, words.index(arch))))
