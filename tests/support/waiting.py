"""Waiting for what another process does in its own time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(look: Callable[[], T], what: str, timeout_s: float = 30.0) -> T:
    """Look again and again until there is something, and return it; ``what`` names the failure."""
    until = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < until, f"waited in vain for {what}"
        time.sleep(0.02)
    return found
