"""A function on AWS on several architectures: a temporary copy of it for each."""

from tuner.records import Advice, Backend, Part
from tuner.targets.arches import read_arches
from tuner.targets.aws import AwsTarget
from tuner.targets.composite import Composite
from tuner.targets.isolation import Isolation, isolation_notes
from tuner.targets.seam import Target


def on_architectures(target: AwsTarget, written: str) -> Target:
    """Temporary copies of a function on the architectures that are asked for.

    The function itself, as its isolation says, where that is the only one. Raises UsageError, or
    TargetError where the function cannot be read.
    """
    facts = target.describe()
    arches = read_arches(written, facts.arch)
    if arches == (facts.arch,):
        return target
    notes = isolation_notes(Isolation.CLONE)
    if facts.backend is Backend.LOCAL:
        notes = (*notes, Advice("same-processor", _SAME_PROCESSOR))
    return Composite(facts, {Part(arch): target.copied_to(arch) for arch in arches}, notes)


_SAME_PROCESSOR = (
    "The local Lambda runs every architecture on this machine's own processor: only prices differ, "
    "and nothing is said about durations on another one. Measure the function on AWS."
)
