"""The JSON document of a sweep is what users may rely on."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given

from support.examples import examples
from support.odd_sweeps import any_record
from support.sweeps import compared, empty, failed_row, good, under_load
from tuner.decide.result import Interval, Sweep
from tuner.measure.failures import Cause
from tuner.report.answer import safe_range
from tuner.report.sweep_document import document

QUANTILES = {"mean", "p50", "p90", "p95", "p99", "max"}
PROMISED = {
    "": (
        "schema run target backend region arch seed started_at finished_at sizes model "
        "recommendation spend errors warnings report power_tuning_url"
    ),
    "sizes": (
        "memory_mb status reason warm cold throttles retries errors timeouts out_of_memory "
        "cost_usd_per_million errors_seen"
    ),
    "model": "family parameters fit_error alternatives",
    "recommendation": (
        "memory_mb arch strategy slo meets_slo cost_usd_per_million duration_ms confidence "
        "safe_range_mb reasons runners_up versus_current"
    ),
    "spend": "invocations cost_usd seconds",
}


def test_a_size_under_load_is_told_with_the_names_of_a_load() -> None:
    content = document(under_load())
    loads = {size["memory_mb"]: size["load"] for size in content["sizes"]}
    assert {size for size, load in loads.items() if load} == {256, 1024, 1280, 1536}
    assert {size: load["met"] for size, load in loads.items() if load} == {
        256: False,
        1024: True,
        1280: True,
        1536: None,
    }
    missed = loads[256]
    assert (missed["calls"], missed["outcomes"]["throttled"], missed["achieved_rps"]) == (
        200,
        60,
        20.0,
    )
    assert set(missed["latency_ms"]) == {"p50", "p90", "p95", "p99", "p99.9", "max", "mean"}
    assert missed["slo"][1] == {
        "slo": "throttles<1%",
        "value": 0.3,
        "met": False,
        "calls": None,  # a share has neither
        "probability": None,
    }
    assert content["load"]["profile"] == "steady"
    assert document(good())["load"] is None


def test_the_safe_range_of_the_document_is_the_one_that_is_said() -> None:
    dear = Interval(0.728 * 1.06, None, None)
    rows = [
        replace(row, cost_usd_per_million=dear) if row.memory_mb == 1280 else row
        for row in good().sizes
    ]
    pick = good().recommendation
    assert pick is not None
    wide = replace(pick, safe_range_mb=(1000, 1310))
    clipped = replace(good(), sizes=tuple(rows), recommendation=wide)
    said = document(clipped)["recommendation"]["safe_range_mb"]
    assert tuple(said) == safe_range(clipped) == (1000, 1120)
    unsure = replace(clipped, recommendation=replace(wide, confidence=0.5))
    assert document(unsure)["recommendation"]["safe_range_mb"] == said


def test_the_document_has_every_promised_name() -> None:
    content = document(replace(good(), report="reports/x.html"))
    assert content["schema"] == "tuner.sweep/1"
    for name, keys in PROMISED.items():
        part = content[name] if name else content
        part = part[0] if isinstance(part, list) else part
        assert set(keys.split()) <= set(part), name
    size = content["sizes"][0]
    for part in (size["warm"]["duration_ms"], size["warm"]["client_ms"], size["cold"]["init_ms"]):
        assert set(part) == QUANTILES
    assert set(size["cost_usd_per_million"]) == {"mean", "low", "high"}
    assert content["recommendation"]["safe_range_mb"] == [1080, 1310]
    assert content["recommendation"]["versus_current"] == {
        "memory_mb": 128,
        "cost_change": 0.024,
        "duration_change": -0.876,
        "arch": "x86_64",
        "cost_change_low": None,
        "cost_change_high": None,
    }
    assert set(content["recommendation"]["runners_up"][0]) == {
        "memory_mb",
        "arch",
        "cost_usd_per_million",
        "duration_ms",
        "why_not",
    }
    assert content["model"]["alternatives"][1] == {"family": "power law", "weight": 0.19}
    assert content["backend"] == "local"
    assert content["started_at"] == "2026-01-01T00:00:00.000Z"


def test_errors_of_all_architectures_come_the_most_frequent_first() -> None:
    rare, often = Cause("KeyError", "'id'", 2, (128,), "the log"), Cause("Odd", None, 5, (512,))
    one, *_ = compared().beside
    both = replace(compared(), causes=(rare,), beside=(replace(one, causes=(often,)),))
    assert document(both)["errors"] == [
        {"type": "Odd", "message": None, "count": 5, "memory_mb": [512], "log_tail": None},
        {
            "type": "KeyError",
            "message": "'id'",
            "count": 2,
            "memory_mb": [128],
            "log_tail": "the log",
        },
    ]
    assert document(good())["errors"] == []


def test_what_is_not_known_is_null_and_never_zero() -> None:
    content = document(replace(empty(), sizes=(failed_row(128, None),)))
    size = content["sizes"][0]
    assert size["warm"] == {
        "n": 0,
        "duration_ms": dict.fromkeys(QUANTILES),
        "client_ms": dict.fromkeys(QUANTILES),
        "billed_ms": {"mean": None},
        "max_memory_mb": None,
    }
    assert size["cost_usd_per_million"] == {"mean": None, "low": None, "high": None}
    for name in ("model", "recommendation", "finished_at", "report", "power_tuning_url"):
        assert content[name] is None
    assert content["spend"]["cost_usd"] is None


def test_numbers_of_numpy_become_plain_and_those_not_finite_null() -> None:
    cost = Interval(np.float64(1.5), np.float64("nan"), np.float64("inf"))
    row = replace(failed_row(128, None), cost_usd_per_million=cost, throttles=np.int64(3))
    content = document(replace(empty(), sizes=(row,)))
    size = json.loads(json.dumps(content, allow_nan=False))["sizes"][0]
    assert size["cost_usd_per_million"] == {"mean": 1.5, "low": None, "high": None}
    assert size["throttles"] == 3


def test_a_mean_stands_inside_its_interval_in_spite_of_binary_fractions() -> None:
    cost = Interval(0.20833335000000008, 0.20833335, 0.20833335)
    row = replace(failed_row(128, None), cost_usd_per_million=cost)
    size = document(replace(empty(), sizes=(row,)))["sizes"][0]
    assert size["cost_usd_per_million"] == dict.fromkeys(("mean", "low", "high"), 0.20833335)


@given(any_record(Sweep))
@examples(60)
def test_any_sweep_becomes_strict_json(sweep: Sweep) -> None:
    content = document(sweep)
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    here = sweep.run.facts.arch
    ordered = sorted(sweep.each, key=lambda each: each.arch != here)
    rows = [row for each in ordered for row in each.sizes]
    for size, row in zip(content["sizes"], rows, strict=True):
        cost = row.cost_usd_per_million
        known = cost is not None and math.isfinite(cost.mean)
        written = size["cost_usd_per_million"]["mean"]
        assert written == (pytest.approx(cost.mean, rel=1e-11) if known and cost else None)


def test_compared_architectures_each_have_rows_and_an_answer_of_their_own() -> None:
    found = document(compared())
    assert found["arch"] == "x86_64"
    assert [row["arch"] for row in found["sizes"]] == ["x86_64"] * 9 + ["arm64"] * 9
    assert [(each["arch"], each["chance"]) for each in found["architectures"]] == [
        ("x86_64", 0.015),
        ("arm64", 0.985),
    ]
    assert found["recommendation"]["arch"] == "arm64"
    assert found["recommendation"]["runners_up"][0]["arch"] == "x86_64"
    assert found["recommendation"]["versus_current"]["arch"] == "x86_64"


def test_rows_of_a_single_architecture_say_which_and_nothing_is_compared() -> None:
    found = document(good())
    assert {row["arch"] for row in found["sizes"]} == {"x86_64"}
    assert found["architectures"] is None
