"""Stored runs compared: what is said beside the verdicts."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import altair
import pytest

from support.factories import a_function, a_run, a_sample
from tuner.records import Backend
from tuner.report.page import render
from tuner.store.runs import Store
from tuner.suites.compare import compare_runs
from tuner.suites.view import compare_view


def test_runs_of_two_functions_are_compared_as_such(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/runs.db"
    names = {"01A": "orders", "01B": "orders", "01C": "invoices"}
    with Store.open(url) as store:
        for run, name in names.items():
            store.start(a_run(run, target=name, facts=a_function(name, backend=Backend.AWS)))
            store.add(run, [a_sample(512, call=n, ran_ms=40.0 + n % 3) for n in range(12)])
    same, other = (compare_runs("01A", run, store_url=url).warnings for run in ("01B", "01C"))
    [alone] = same
    assert alone.code == "no-control"
    assert "`tuner bench --against` decides" in alone.text
    advice, _ = other
    assert advice.code == "different-functions"
    assert "two functions, orders and invoices" in advice.text


def told(before: dict[str, Any], after: dict[str, Any], url: str) -> str:
    """The answer where two runs of 12 calls are compared, with these records."""
    with Store.open(url) as store:
        for run, fields in (("01A", before), ("01B", after)):
            store.start(a_run(run, **fields))
            store.add(run, [a_sample(512, call=n, ran_ms=40.0 + n % 3) for n in range(12)])
    return compare_view(compare_runs("01A", "01B", store_url=url)).answer.sentence


LOCAL = a_function("app", handler="app.read", backend=Backend.LOCAL)


@pytest.mark.parametrize(
    ("before", "after", "named"),
    [
        (
            {"facts": a_function("orders", backend=Backend.AWS)},
            {"facts": a_function("invoices", backend=Backend.AWS)},
            "invoices against orders",
        ),
        (
            {"target": "local:a", "facts": LOCAL},
            {"target": "local:b", "facts": replace(LOCAL, handler="app.write")},
            "app (app.write) against app (app.read)",
        ),
        (
            {
                "options": {"where": ["function=read"]},
                "facts": a_function("rows.csv", backend=Backend.REPLAY),
            },
            {
                "options": {"where": ["function=write"]},
                "facts": a_function("rows.csv", backend=Backend.REPLAY),
            },
            "function=write against function=read",
        ),
    ],
    ids=["names", "handlers", "rows"],
)
def test_the_answer_says_that_two_functions_are_no_versions_of_one(
    before: dict[str, Any], after: dict[str, Any], named: str, tmp_path: Path
) -> None:
    said = told(before, after, f"sqlite:///{tmp_path}/runs.db")
    assert said.startswith(f"Two functions, not two versions of one: {named}: ")
    assert "gates" in said


def test_versions_of_one_function_are_no_two_functions(tmp_path: Path) -> None:
    same = {"target": "orders:1", "facts": a_function("orders", handler="app.handler")}
    other = {"target": "orders:2", "facts": a_function("orders", handler="main.handler")}
    assert "Two functions" not in told(same, other, f"sqlite:///{tmp_path}/runs.db")


@pytest.mark.parametrize("backend", [Backend.AWS, Backend.REPLAY])
def test_cold_starts_that_happened_are_no_change_of_the_cost(
    tmp_path: Path, backend: Backend
) -> None:
    url = f"sqlite:///{tmp_path}/runs.db"
    with Store.open(url) as store:
        for run, cold in (("01A", 5), ("01B", 30)):
            store.start(a_run(run, target="orders", facts=a_function("orders", backend=backend)))
            calls = [a_sample(512, call=n, ran_ms=40.0 + n % 3) for n in range(100 - cold)]
            calls += [
                a_sample(512, call=n, ran_ms=41.0, init_ms=500.0) for n in range(900, 900 + cold)
            ]
            store.add(run, calls)
    found = compare_runs("01A", "01B", ["cost +5%", "cost<1usd/million"], store_url=url)
    change, objective = found.sizes[0].judgements
    told = {advice.code: advice.text for advice in found.warnings}["cold-share"]
    assert told.startswith("5 of 100 calls before and 30 of 100 after started cold; ")
    if backend is Backend.AWS:
        assert change.ratio == pytest.approx(1.0, abs=0.01)
        assert told.endswith("cost_per_million is that of the warm calls.")
    else:  # the traffic of a recording is its own
        assert change.ratio is not None and change.ratio > 1.5
        assert told.endswith("that is part of the change of cost_per_million.")
    assert objective.calls[1] == 100  # an objective is about all that is paid


def test_both_runs_stand_beside_each_other_in_charts_over_memory(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/runs.db"
    with Store.open(url) as store:
        for run, slower in (("01A", 0.0), ("01B", 8.0)):
            store.start(a_run(run, target="orders", facts=a_function("orders")))
            sizes = ((256, 90.0), (512, 40.0))
            store.add(
                run,
                [
                    a_sample(size, call=n, ran_ms=ms + slower + n % 5)
                    for size, ms in sizes
                    for n in range(60)
                ],
            )
    found = compare_runs("01A", "01B", store_url=url)
    latency, cost = compare_view(found).figures
    assert "90 % interval" in latency.caption
    points = [row for rows in _rows(latency.draw()) for row in rows if row.get("row")]
    at = {(row["memory_mb"], row["series"]): row for row in points}
    assert len(at) == 8
    for size in found.sizes:
        [p50] = [j for j in size.judgements if j.measure == "p50"]
        before, after = at[size.memory_mb, "before p50"], at[size.memory_mb, "after p50"]
        assert (before["value"], after["value"]) == pytest.approx((p50.before, p50.after))
        assert before["low"] <= before["value"] <= before["high"] < after["low"]
    assert at[512, "after p95"]["row"].startswith("512 MB after: p50 50 ms (")
    assert {-4.5, 4.5} <= set(_offsets(latency.draw()))
    for figure in (latency, cost):
        altair.Chart.from_dict(figure.draw())
    [per_million] = [j for j in found.sizes[1].judgements if j.measure == "cost_per_million"]
    costs = {row["series"]: row for rows in _rows(cost.draw()) for row in rows if row.get("row")}
    assert costs["after cost"]["value"] == pytest.approx(per_million.after)
    page = render(compare_view(found))
    assert page.index('data-chart="cost"') < page.index("<table>")


def _rows(spec: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """The data of every layer."""
    return [layer["data"]["values"] for layer in spec["layer"] if "values" in layer.get("data", {})]


def _offsets(spec: dict[str, Any]) -> list[float]:
    return [layer["mark"].get("xOffset", 0.0) for layer in spec["layer"]]
