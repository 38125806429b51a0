"""Which configuration should this Lambda function run with? tuner answers with evidence.

The package's public names live in :mod:`tuner.api.sweep`; they are loaded when first used, so that
``import tuner`` stays cheap.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    """Load a public name of :mod:`tuner.api.sweep` when it is first asked for."""
    missing = AttributeError(f"module 'tuner' has no attribute {name!r}")
    # `from tuner import units` asks here first, before Python looks for the room itself.
    if name.startswith("_") or find_spec(f"tuner.{name}"):
        raise missing
    api = import_module("tuner.api.sweep")
    if name in api.__all__:
        return getattr(api, name)
    raise missing
