"""The same question on every architecture that is measured: prices and sizes of each."""

from collections.abc import Collection, Mapping
from dataclasses import replace

from tuner.decide.conclude_across import Side
from tuner.decide.month import Priced
from tuner.options.meaning import question, without
from tuner.options.options import SweepOptions
from tuner.records import FunctionFacts, Setting
from tuner.targets.arches import read_arches


def measured_arches(options: SweepOptions, facts: FunctionFacts) -> tuple[str, ...]:
    """The architectures to measure, the function's own first; one unless others are asked for."""
    if options.architectures is None:
        return (facts.arch,)
    return read_arches(options.architectures, facts.arch)


def sides(
    options: SweepOptions, facts: FunctionFacts, prices: Mapping[str, Priced]
) -> dict[str, Side]:
    """What is asked on each architecture; ``prices`` by architecture."""
    found = {}
    for arch in measured_arches(options, facts):
        # Durations of the other one are measured, so its price alone would only mislead.
        priced = replace(prices[arch], other=None)
        found[arch] = Side(question(options, facts.on(arch), priced.own), priced)
    return found


def left_of(sides: Mapping[str, Side], failed: Collection[Setting]) -> dict[str, Side]:
    """The same over the sizes that could be made callable."""
    refused = {arch: {each.memory_mb for each in failed if each.arch == arch} for arch in sides}
    return {
        arch: replace(side, question=without(side.question, refused[arch]))
        for arch, side in sides.items()
    }
