"""Node.js for the tests: its runtime, where this machine has Node.js and npm gives AWS's client."""

import functools
import shutil
from pathlib import Path

import pytest

from tuner.errors import TunerError
from tuner.locallambda.sandbox.nodejs.npm import cache_folder
from tuner.locallambda.sandbox.nodejs.runtime import prepare
from tuner.locallambda.sandbox.nodejs.versions import default_runtime, installed


def node_runtime() -> str:
    """The runtime of this machine's Node.js; skips with the reason where it cannot run."""
    reason = _reason()
    if reason is not None:
        pytest.skip(reason)
    return default_runtime()


@functools.cache
def _reason() -> str | None:
    if not installed():
        return "needs Node.js, absent here"
    try:
        for package in (Path.home() / ".cache" / "tuner" / "nodejs").glob("*.tgz"):
            shutil.copy(package, cache_folder())  # saves asking npm; its hash is checked
        prepare(default_runtime(), frozenset())
    except TunerError as error:
        return f"needs AWS's client for Node.js: {error}"
    return None
