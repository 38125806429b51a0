"""Another answer from a stored run: another goal, traffic, price or architecture.

Nothing is invoked, and nothing is imported that invokes: the answer comes at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tuner.billing.prices import prices
from tuner.measure.load_frames import stored_loads
from tuner.recommend.conclude import Evidence, conclude
from tuner.recommend.month import Priced
from tuner.recommend.result import Sweep
from tuner.records import Advice, FunctionFacts
from tuner.request.meaning import check, question, without_lost_traffic
from tuner.request.options import as_written, stored_options
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
    if other and other != facts.arch:
        text = (
            f"Priced as {other}, but the durations are those measured on {facts.arch}; "
            f"nothing was measured on {other}."
        )
        run = replace(run, warnings=(*run.warnings, Advice("other-arch", text)))
    facts = replace(facts, region=priced_as.region or facts.region, arch=other or facts.arch)
    priced = price(facts)
    evidence = Evidence(run, stored.samples, priced, loads=stored_loads(stored.documents))
    return conclude(evidence, question(options, facts, priced.own))


def price(facts: FunctionFacts) -> Priced:
    """The prices of the function's region, refreshed ones where there are any; those of the
    other architecture beside them unless they would be a guess."""
    from tuner.aws.price_list import load_table

    table = load_table()
    own = prices(facts.region, facts.arch, table)
    other = prices(facts.region, "x86_64" if facts.arch == "arm64" else "arm64", table)
    return Priced(own, other if other.assumed == own.assumed else None)
