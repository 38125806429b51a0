"""How many examples a property test draws."""

from typing import Any

from hypothesis import settings


def examples(number: int, **more: Any) -> settings:
    """So many examples where 100 are usual; a deep run draws more of them, in proportion."""
    return settings(max_examples=number * settings().max_examples // 100, **more)
