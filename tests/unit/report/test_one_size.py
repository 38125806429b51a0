"""A run of one size: what was measured, without a choice."""

from dataclasses import replace

import pytest

from support.sweeps import MONTH, good, size_row
from tuner.decide.result import MonthAtSize, Sweep
from tuner.report.page import render
from tuner.report.sweep_view import sweep_view


def one(met: bool | None = True) -> Sweep:
    """The good sweep, had it been of 512 MB alone."""
    sweep, row = good(), size_row(512)
    assert sweep.recommendation is not None
    pick = replace(
        sweep.recommendation,
        memory_mb=512,
        meets_slo=met,
        runners_up=(),
        cost_usd_per_million=row.cost_usd_per_million,
    )
    here = MonthAtSize(512, "recommended", 10.5, 27.6, 0.1, 0.0, 38.2, 31.4, 34.9, 33.5, 32.7)
    month = replace(MONTH, sizes=(here, *MONTH.sizes[1:]))
    return replace(
        sweep, sizes=(row,), recommendation=pick, monthly=month, pareto_mb=(512,),
        payloads=(replace(sweep, payload="small", sizes=()),),
    )  # fmt: skip


def test_nothing_is_chosen_from_one_size() -> None:
    view = sweep_view(one())
    assert view.answer.sentence == (
        "512 MB measured: 59 ms on average; $0.695 per million calls; one size was measured, so "
        "nothing is chosen"
    )
    assert (view.question, view.verdict) == ("Measured memory size", None)
    labels = [fact.label for fact in view.answer.facts]
    assert labels == [
        "Cost per million", "Duration, p95", "Objective", "Measured by", "Cost per month",
    ]  # fmt: skip
    page = render(view)
    for word in ("ecommended", "onfidence", "tuner apply", "cheapest", "fitted curve"):
        assert word not in page.partition("</style>")[2].partition("<script")[0]


@pytest.mark.parametrize("met", [True, False])
def test_its_objectives_are_judged_all_the_same(met: bool) -> None:
    answer = sweep_view(one(met)).answer
    assert answer.tone == ("good" if met else "warn")
    assert ("does not meet p95<40ms" in answer.rest) is not met


def test_two_sizes_are_a_choice() -> None:
    two = replace(one(), sizes=(size_row(512), size_row(1024)))
    assert sweep_view(two).question == "Recommended memory size"
