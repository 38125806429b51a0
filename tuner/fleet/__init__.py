"""Placing calls on sandboxes: warm, provisioned, new, or none because of a limit.

Decides by numbers, for one account in one region. Imports ``clock`` alone, starts nothing, and
asks no clock but the one it is given. ``placing.py`` is the fleet that the local Lambda asks;
``simulate.py`` places millions of calls by the same rules on virtual time, ``fluid.py`` any number.
To add a limit: a field of ``AccountLimits``, a reason of ``ThrottleReason``, one line where a call
is placed in each, and the slow reference of its test.
"""

from tuner.fleet.limits import AccountLimits, ThrottleReason, TokenBucket, idle_life
from tuner.fleet.placing import Fleet, Placement, ServedAs

__all__ = [
    "AccountLimits",
    "Fleet",
    "Placement",
    "ServedAs",
    "ThrottleReason",
    "TokenBucket",
    "idle_life",
]
