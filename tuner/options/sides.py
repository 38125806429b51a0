"""The same question on every architecture that is measured: prices and sizes of each."""

from collections.abc import Mapping
from dataclasses import replace

from tuner.decide.conclude_across import Side
from tuner.decide.month import Priced
from tuner.options.meaning import question
from tuner.options.options import SweepOptions
from tuner.records import FunctionFacts
from tuner.targets.choices import read_arches


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
        priced = prices[arch] if len(prices) == 1 else replace(prices[arch], other=None)
        found[arch] = Side(question(options, facts.on(arch), priced.own), priced)
    return found
