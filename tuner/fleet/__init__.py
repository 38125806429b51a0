"""Placing calls on sandboxes: warm, provisioned, new, or none because of a limit.

Job: decide, for one account in one region, by numbers. Imports ``clock`` alone. Never starts
anything, and asks no clock but the one it is given. To add a limit: a field of ``Limits``, a reason
of ``ThrottleReason``, one line where a call is placed, and the slow reference of its test.
"""

from tuner.fleet.limits import Limits, ThrottleReason, TokenBucket, idle_life
from tuner.fleet.placing import Fleet, Placement, Verdict

__all__ = [
    "Fleet",
    "Limits",
    "Placement",
    "ThrottleReason",
    "TokenBucket",
    "Verdict",
    "idle_life",
]
