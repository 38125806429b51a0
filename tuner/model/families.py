"""The families that a fit weighs against each other, by evidence and not by order."""

from tuner.model.family import Family
from tuner.model.power_law import PowerLaw
from tuner.model.staircase import Staircase
from tuner.model.threads import Threads
from tuner.model.wait_share import WaitShare

ALL: tuple[Family, ...] = (
    Staircase(),
    WaitShare(),
    Threads(),
    PowerLaw(),
    PowerLaw(name="shape-free", prior=0.1, free=True),
)
