"""Which configuration should this Lambda function run with? tuner answers with evidence.

The package's public names live in :mod:`tuner.api`; they are loaded when first used, so that
``import tuner`` stays cheap.
"""

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Load a public name of :mod:`tuner.api` when it is first asked for."""
    from tuner import api

    if name in api.__all__:
        return getattr(api, name)
    raise AttributeError(f"module 'tuner' has no attribute {name!r}")
