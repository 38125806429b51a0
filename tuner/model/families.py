"""The families that a fit weighs against each other, by evidence and not by order."""

from tuner.model.cfs import VCPU_MB
from tuner.model.family import Family
from tuner.model.memory_pressure import MemoryPressure
from tuner.model.power_law import PowerLaw
from tuner.model.staircase import Staircase
from tuner.model.threads import Threads
from tuner.model.wait_share import WaitShare

ALL: tuple[Family, ...] = (
    Staircase(),
    WaitShare(),
    MemoryPressure(),
    Threads(),
    PowerLaw(),
    PowerLaw(name="shape-free", prior=0.1, free=True),
)


def suited(largest_mb: float) -> tuple[Family, ...]:
    """Families that differ from each other at sizes up to ``largest_mb``.

    Up to one vCPU several threads are no faster than one.
    """
    return tuple(f for f in ALL if largest_mb > VCPU_MB or not isinstance(f, Threads))
