"""Ways to start from samples: whose calls count, what is priced, what is said."""

from dataclasses import replace
from typing import Any

import pytest

from support.factories import a_function, a_sample
from tuner.billing.prices import prices
from tuner.decide.result import StartupRow
from tuner.decide.rows import startup_advice, startup_rows, startups_usd
from tuner.records import Purpose, Sample, Setting
from tuner.sample_table import table_of
from tuner.store.documents import StartFacts, Startups, on_demand, stored_startups
from tuner.store.plain import plain

X86 = prices("us-east-1", "x86_64")
PARIS = prices("eu-west-3", "x86_64")
FACTS = a_function(memory_mb=1024)


def call(number: int, purpose: Purpose, billed: float, **more: Any) -> Sample:
    timed: dict[str, Any] = {"took_s": 0.2, "duration_ms": 10.0, "billed_ms": billed, **more}
    sample = a_sample(1024, call=number, purpose=purpose, **timed)
    return replace(sample, setting=sample.setting._replace(payload_class="a"))


SNAPSHOT = Setting(1024, start="snapstart")
RESTORED = {"start": "snapstart", "restore_ms": 200.0, "billed_restore_ms": 50.0}
SAMPLES = [
    *(call(n, Purpose.COLD, 400.0, init_ms=390.0) for n in range(3)),
    *(call(n, Purpose.WARM, 10.0) for n in range(3, 6)),
    *(call(n, Purpose.COLD, 60.0, **RESTORED) for n in range(6, 9)),
    *(call(n, Purpose.WARM, 10.0, start="snapstart") for n in range(9, 12)),
    call(12, Purpose.COLD, 10.0, start="provisioned=2"),
    call(13, Purpose.COLD, 400.0, init_ms=390.0, start="provisioned=2"),
    *(call(n, Purpose.WARM, 10.0, start="provisioned=2") for n in range(14, 16)),
]
STARTUPS = Startups(
    (
        StartFacts(Setting(1024)),
        StartFacts(SNAPSHOT, ready_s=90.0),
        StartFacts(Setting(1024, start="provisioned=2"), ready_s=100.0, paid_s=310.0),
    )
)


def rows(prices_of: object = X86, runtime: str = "python3.13") -> tuple[StartupRow, ...]:
    facts = replace(FACTS, runtime=runtime)
    return startup_rows(STARTUPS, SAMPLES, facts, prices_of)  # type: ignore[arg-type]


def test_each_way_has_its_own_calls() -> None:
    demand, snapshot, kept = rows()
    assert (demand.n, snapshot.n, kept.n) == (3, 3, 2)
    assert demand.init_ms is not None
    assert snapshot.init_ms is None
    assert snapshot.restore_ms is not None
    assert snapshot.restore_ms.p50 == 200.0
    assert kept.spilled == 1
    assert kept.first_ms is not None
    assert kept.first_ms.p50 == pytest.approx(200.0)


def test_a_start_costs_what_is_billed_beyond_a_warm_call_and_a_restore() -> None:
    demand, snapshot, kept = rows()
    assert demand.start_usd == pytest.approx(0.390 * 0.0000166667)
    assert snapshot.start_usd == pytest.approx(0.050 * 0.0000166667 + 0.0001397998)
    assert kept.start_usd == 0.0
    assert kept.call_usd == pytest.approx(0.010 * 0.0000097222 + 2e-7)
    assert kept.kept_usd_per_hour == pytest.approx(2 * 0.0000041667 * 3600)
    java = rows(runtime="java21")[1]
    assert java.start_usd == pytest.approx(0.050 * 0.0000166667)
    assert java.kept_usd_per_hour == 0.0


def test_what_the_measurement_kept_is_paid_in_steps_and_for_three_hours() -> None:
    expected = 0.0000015046 * 10_800 + 2 * 0.0000041667 * 600
    assert startups_usd(STARTUPS, FACTS, X86) == pytest.approx(expected)
    assert startups_usd(STARTUPS, FACTS, PARIS) is None
    unmade = Startups((StartFacts(SNAPSHOT, note="refused"),))
    assert startups_usd(unmade, FACTS, PARIS) == 0.0


def test_prices_that_are_not_known_are_said_and_null() -> None:
    found = rows(PARIS)
    assert found[1].kept_usd_per_hour is None
    (unknown, spilled) = startup_advice(found, PARIS)
    assert (unknown.code, spilled.code) == ("startup-price", "spilled-over")
    assert "snapstart" in unknown.text
    assert "eu-west-3" in unknown.text


def test_a_break_even_needs_a_way_on_demand_beside_it() -> None:
    assert rows()[2].pays is not None
    alone = Startups(STARTUPS.each[2:])
    assert startup_rows(alone, SAMPLES, FACTS, X86)[0].pays is None


def test_only_cold_starts_on_demand_speak_for_the_size() -> None:
    assert [s.call for s in on_demand(table_of(SAMPLES), STARTUPS)] == [0, 1, 2]
    assert on_demand(table_of(SAMPLES), None) == SAMPLES


def test_a_way_that_could_not_be_made_is_a_failed_row() -> None:
    noted = Startups((StartFacts(SNAPSHOT, note="AWS made no snapshot"),))
    (row,) = startup_rows(noted, SAMPLES[:6], FACTS, X86)
    assert (row.status, row.reason, row.n) == ("failed", "AWS made no snapshot", 0)
    assert row.call_usd is None


def test_the_document_of_a_run_is_read_again_and_a_broken_one_is_none() -> None:
    assert stored_startups({"startups": plain(STARTUPS)}) == STARTUPS
    assert stored_startups({"startups": {"each": 7}}) is None
    assert stored_startups({}) is None
