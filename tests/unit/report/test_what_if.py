"""The page's own arithmetic is Python's, and that is the house's."""

import json
import math
import random
import shutil
import subprocess
from dataclasses import asdict, replace
from importlib.resources import files

import pytest

from tuner.billing.monthly import BillTerms, MonthTraffic, month_cost
from tuner.billing.prices import prices
from tuner.decide.outlook import EXPONENT, TOO_DEAR
from tuner.decide.result import SizeTerms, WhatIf
from tuner.decide.what_if import chosen, month_usd, usd_per_million
from tuner.report.elements import changed
from tuner.units import format_cost

X86 = prices("us-east-1", "x86_64")
STRATEGIES = ("cost", "speed", "balanced")


def some_terms(rng: random.Random) -> WhatIf:
    """Terms of a function that nobody knows, with up to twelve sizes."""
    sizes = []
    worth = rng.choice([0.0, 0.03, 0.1])
    wait, cpu = 10 ** rng.uniform(0, 3), 10 ** rng.uniform(-1, 3.5)
    for memory in sorted(rng.sample(range(128, 10_241), rng.randint(2, 12))):
        ms = (wait + cpu * max(1.0, 1769 / memory)) * rng.uniform(0.9, 1.1)
        warm = math.ceil(ms) + rng.random()
        cold = warm + rng.choice([0.0, 10 ** rng.uniform(1, 4)])
        often = rng.random() < 0.7
        sizes.append(SizeTerms(memory, 3, ms, warm, cold, 0.0, rng.random() < 0.8, often))
    return WhatIf(
        sizes=tuple(sizes),
        month_calls=None,
        cold_share=0.0,
        cold_known=True,
        request_usd=X86.request_usd,
        gb_second_usd=X86.gb_second_usd,
        ephemeral_second_usd=rng.choice([0.0, 3e-8]),
        tiers=tuple((tier.from_gb_seconds, tier.gb_second_usd) for tier in X86.tiers),
        strategy=rng.choice(STRATEGIES),
        worth=worth,
        exponent=EXPONENT * worth,
        too_dear=TOO_DEAR,
        balance=rng.random(),
        pick_mb=rng.choice(sizes).memory_mb,
        favour=rng.choice([1.0, 1.02]),
    )


@pytest.mark.parametrize("settings", [200, pytest.param(10_000, marks=pytest.mark.slow)])
def test_the_pages_arithmetic_is_pythons(settings: int) -> None:
    node = shutil.which("node") or shutil.which("nodejs")
    if node is None:
        pytest.skip("no Node.js is installed")
    rng = random.Random(7)
    cases = [
        (some_terms(rng), 10 ** rng.uniform(2, 11), rng.random() ** 3) for _ in range(settings)
    ]
    script = (files("tuner.report") / "templates" / "what_if.js").read_text(encoding="utf-8")
    asked = json.dumps([[asdict(terms), calls, share] for terms, calls, share in cases])
    run = f"""{script}
        console.log(JSON.stringify({asked}.map(([terms, calls, share]) => [
            terms.sizes.map((size) => whatIf.perMillion(terms, size, share)),
            terms.sizes.map((size) => whatIf.monthUsd(terms, size, calls, share)),
            whatIf.chosen(terms, share),
            terms.sizes.map((size) => whatIf.cost(whatIf.perMillion(terms, size, share))),
            terms.sizes.map((size) => whatIf.change(size.duration_ms, terms.sizes[0].duration_ms)),
        ])));"""
    told = subprocess.run([node, "-"], input=run, capture_output=True, text=True, check=True)
    for (terms, calls, share), got in zip(cases, json.loads(told.stdout), strict=True):
        per_million = usd_per_million(terms, share)
        assert got[0] == pytest.approx(list(per_million.values()), rel=1e-9)
        assert got[1] == pytest.approx(list(month_usd(terms, calls, share).values()), rel=1e-9)
        assert got[2] == chosen(terms, share)
        assert got[3] == [format_cost(usd) for usd in per_million.values()]
        first = terms.sizes[0].duration_ms
        assert got[4] == [changed(size.duration_ms / first) for size in terms.sizes]


def test_a_month_is_billed_as_everywhere_else() -> None:
    rng = random.Random(3)
    for _ in range(50):
        terms = replace(some_terms(rng), ephemeral_second_usd=0.0)
        calls, share = 10 ** rng.uniform(2, 11), rng.random()
        bills = month_usd(terms, calls, share)
        for size in terms.sizes:
            traffic = MonthTraffic(calls, size.warm_billed_ms, size.cold_billed_ms, share)
            bill = month_cost(traffic, BillTerms(size.memory_mb), X86)
            assert bills[size.memory_mb] == pytest.approx(bill.total_usd, rel=1e-9)
