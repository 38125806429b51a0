"""What asking CloudWatch after a sweep is said to cost and to take, before the sweep begins."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from support.factories import a_function
from tuner.api.forecast import forecast, forecast_check
from tuner.api.results import PlanResult
from tuner.cli.measure import show_forecast
from tuner.options.commands import SweepCall
from tuner.planning.work import Range
from tuner.records import Backend, FunctionFacts

FACTS = a_function(timeout_s=30.0)
VERSIONS = Range(2, 10)


def check(asked: bool | None, facts: FunctionFacts = FACTS) -> tuple[Range, Range] | None:
    return forecast_check(SweepCall.made("orders", cross_check=asked), facts, VERSIONS)


def test_by_default_five_figures_a_version_are_asked_for_once_or_none_at_all() -> None:
    found = check(None)
    assert found is not None
    assert (found[0].low, found[0].high) == (0.0, pytest.approx(10 * 5 * 1e-5))
    assert found[1] == Range(0.0, 0.0)


def test_who_waits_asks_for_one_more_each_time_and_for_three_minutes_at_most() -> None:
    found = check(True)
    assert found is not None
    assert found[0].low == pytest.approx(2 * 6 * 1e-5)
    assert found[0].high == pytest.approx(10 * 15 * 1e-5)
    assert found[1] == Range(0.0, 180.0)


@pytest.mark.parametrize("backend", [Backend.LOCAL, Backend.REPLAY])
def test_nobody_is_asked_without_aws_or_when_told_not_to(backend: Backend) -> None:
    assert check(False) is None
    assert check(True, replace(FACTS, backend=backend)) is None


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        (None, "  cross-check   at most $0.00010 for CloudWatch's figures after it\n"),
        (True, "figures after it, waited for up to 3 min\n"),
        (False, None),
    ],
)
def test_a_plan_says_so_and_its_time_holds_the_waiting(
    asked: bool | None,
    says: str | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    grid: dict[str, Any] = {"memory": "128,512", "method": "grid", "samples": 3, "cold": 0}
    found, plain = (
        forecast(SweepCall.made("orders", cross_check=each, **grid), FACTS, None, 100.0)
        for each in (asked, False)
    )
    show_forecast(found)
    said = capsys.readouterr().out
    assert ("cross-check" in said) == (says is not None)
    assert says is None or says in said
    assert (found.to_dict()["cross_check_usd"] is None) == (asked is False)
    assert PlanResult(found).headline.startswith("At most $")
    assert ("cross-check" in str(PlanResult(found).view())) == (says is not None)
    more = found.estimate.seconds.high - plain.estimate.seconds.high
    assert more == pytest.approx(180.0 if asked else 0.0)
