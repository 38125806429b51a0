"""Another answer from a stored run: another goal, traffic, price or architecture.

Nothing is invoked, and nothing is imported that invokes: the answer comes at once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from tuner.billing.cost import sample_usd
from tuner.billing.prices import prices
from tuner.decide.conclude import conclude
from tuner.decide.conclude_across import Findings, conclude_all
from tuner.decide.month import Priced
from tuner.decide.outlook import VERIFIED
from tuner.decide.result import Sweep
from tuner.errors import UsageError
from tuner.options.question import measured_arches, question, sides, without_lost_traffic
from tuner.options.sweep import GoalOptions, Production, SweepOptions, stored_options
from tuner.records import Advice, FunctionFacts, Sample
from tuner.sample_table import table_of
from tuner.store.documents import stored_check, stored_notes
from tuner.store.runs import find


@dataclass(frozen=True)
class PricedAs:
    """Prices to use instead of the function's own."""

    region: str | None = None
    arch: str | None = None


def recommend_run(
    ref: str,
    store_url: str | None,
    priced_as: PricedAs | None = None,
    overrides: Mapping[str, Any] | None = None,
    among: str | None = "sweep",
) -> Sweep:
    """Answer from a stored run or an exported file, with some options changed.

    ``among`` is the command whose runs ``last`` is looked for in; ``None`` is any."""
    stored = find(ref, store_url, among if ref == "last" else None, figures=True)
    given = overrides or {}
    kept, lost = without_lost_traffic(stored.run.options, again="traffic" in given)
    options = stored_options({**kept, **given})
    run = replace(stored.run, warnings=(*stored.run.warnings, *lost))
    facts, priced_as = run.facts, priced_as or PricedAs()
    region, other = priced_as.region or facts.region, priced_as.arch
    found = Findings(run, stored.samples, {}, stored_notes(stored.documents))
    # A new question cannot be confirmed by calls: sizes that were called at all may answer it.
    anew = GoalOptions.names() - Production.names()
    enough = 1 if anew & given.keys() else VERIFIED
    if measured_arches(options, facts) != (facts.arch,):
        found = replace(found, run=replace(run, facts=replace(facts, region=region)))
        answer = _over_architectures(found, options, other, enough)
    else:
        priced = replace(facts, region=region, arch=other or facts.arch)
        answer = _on_one(found, options, priced, enough)
    return replace(answer, cross_check=stored_check(stored.documents))


def _on_one(found: Findings, options: SweepOptions, priced_as: FunctionFacts, enough: int) -> Sweep:
    """Answer from durations of one architecture, by the prices of ``priced_as``."""
    run, arch, other = found.run, found.run.facts.arch, priced_as.arch
    if other != arch:
        text = (
            f"Priced as {other}, but the durations are those measured on {arch}; "
            f"nothing was measured on {other}."
        )
        run = replace(run, warnings=(*run.warnings, Advice("other-arch", text)))
    priced = price(priced_as)
    evidence = replace(found.on(arch, priced), run=run)
    return conclude(evidence, replace(question(options, priced_as, priced.own), enough=enough))


def _over_architectures(
    found: Findings, options: SweepOptions, only: str | None, enough: int
) -> Sweep:
    """Answer over the architectures that were measured, or for ``only`` one of them."""
    facts = found.run.facts
    heard = {kind.setting.arch for kind in table_of(found.samples).counts()}
    if only is not None and only not in heard:
        fix = f"This run measured: {', '.join(sorted(heard))}."
        raise UsageError(f"--arch {only[:20]}", "was not measured in this run", fix)
    arches = measured_arches(options, facts)
    asked = sides(options, facts, {arch: price(facts.on(arch)) for arch in arches})
    asked = {
        arch: replace(side, question=replace(side.question, enough=enough))
        for arch, side in asked.items()
    }
    return conclude_all(found, asked if only is None else {only: asked[only]})


def price(facts: FunctionFacts) -> Priced:
    """The prices of the function's region, refreshed ones where there are any; those of the
    other architecture beside them unless they would be a guess."""
    from tuner.experiment.price_list import load_table

    table = load_table()
    own = prices(facts.region, facts.arch, table)
    other = prices(facts.region, "x86_64" if facts.arch == "arm64" else "arm64", table)
    return Priced(own, other if other.assumed == own.assumed else None)


def cost_of(facts: FunctionFacts) -> Callable[[Sample], float | None]:
    """Prices a sample by what was billed (USD); what was not billed has no cost."""
    prices_on = cache(lambda arch: price(facts.on(arch)).own)
    return lambda sample: sample_usd(sample, prices_on(sample.arch), facts.ephemeral_mb)
