"""Another answer from a stored run: another goal, traffic, price or architecture.

Nothing is invoked, and nothing is imported that invokes: the answer comes at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tuner.billing.prices import prices
from tuner.crosscheck.record import stored_check
from tuner.decide.conclude import Evidence, conclude
from tuner.decide.conclude_across import conclude_across
from tuner.decide.month import Priced
from tuner.decide.result import Sweep
from tuner.errors import UsageError
from tuner.measure.documents import stored_loads, stored_startups
from tuner.options.meaning import check, question, without_lost_traffic
from tuner.options.options import SweepOptions, as_written, stored_options
from tuner.options.sides import measured_arches, sides
from tuner.records import Advice, FunctionFacts, RunRecord, Sample
from tuner.store.runs import find


@dataclass(frozen=True)
class PricedAs:
    """Whose prices to use instead of the function's own."""

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
    stored = find(ref, store_url, among if ref == "last" else None)
    written = as_written(overrides or {})
    options = replace(stored_options(stored.run.options), **written)
    run = stored.run
    if options.traffic is not None and "traffic" not in written:
        options, lost = without_lost_traffic(options)
        run = replace(run, warnings=(*run.warnings, *lost))
    check(options)
    facts, priced_as = run.facts, priced_as or PricedAs()
    other = priced_as.arch
    if measured_arches(options, facts) != (facts.arch,):
        priced_run = replace(run, facts=replace(facts, region=priced_as.region or facts.region))
        across = _across(priced_run, stored.samples, options, other)
        return replace(across, cross_check=stored_check(stored.documents))
    if other and other != facts.arch:
        text = (
            f"Priced as {other}, but the durations are those measured on {facts.arch}; "
            f"nothing was measured on {other}."
        )
        run = replace(run, warnings=(*run.warnings, Advice("other-arch", text)))
    facts = replace(facts, region=priced_as.region or facts.region, arch=other or facts.arch)
    priced = price(facts)
    documents = stored.documents
    loads, startups = stored_loads(documents), stored_startups(documents)
    evidence = Evidence(run, stored.samples, priced, loads=loads, startups=startups)
    answer = conclude(evidence, question(options, facts, priced.own))
    return replace(answer, cross_check=stored_check(documents))


def _across(
    run: RunRecord, samples: Sequence[Sample], options: SweepOptions, only: str | None
) -> Sweep:
    """Answer over the architectures that were measured, or for ``only`` one of them."""
    arches = measured_arches(options, run.facts)
    if only is not None and not any(sample.arch == only for sample in samples):
        fix = f"Measured were: {', '.join(sorted({sample.arch for sample in samples}))}."
        raise UsageError(f"--arch {only[:20]}", "was not measured in this run", fix)
    found = sides(options, run.facts, {arch: price(run.facts.on(arch)) for arch in arches})
    if only is None:
        return conclude_across(run, samples, found, {})
    return conclude_across(run, samples, {only: found[only]}, {})


def price(facts: FunctionFacts) -> Priced:
    """The prices of the function's region, refreshed ones where there are any; those of the
    other architecture beside them unless they would be a guess."""
    from tuner.aws.price_list import load_table

    table = load_table()
    own = prices(facts.region, facts.arch, table)
    other = prices(facts.region, "x86_64" if facts.arch == "arm64" else "arm64", table)
    return Priced(own, other if other.assumed == own.assumed else None)
