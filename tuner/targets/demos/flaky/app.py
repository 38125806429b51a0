"""Example: a function that fails once in twenty invocations, as if a service were shaky.

Set SEED in its environment to make the failures repeatable within a sandbox.
"""

import os
import random

FAILS = 0.05

_chance = random.Random(os.environ.get("SEED"))


class ServiceUnavailableError(Exception):
    """The service behind this function did not answer."""


def handler(event, context):
    """Answer, or fail."""
    if _chance.random() < FAILS:
        raise ServiceUnavailableError("the service behind this function did not answer")
    return {"ok": True}
