"""Rows of Logs Insights as figures of REPORTs, and the words of the query."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.account import reports
from tuner.aws.insights import query_text, read_rows
from tuner.errors import TargetError
from tuner.recording.production import Deployed

TEXT = Deployed("orders", "arn", 512, 3.0, "python3.13", "x86_64", log_group="/aws/lambda/orders")
JSON = Deployed(
    "orders", "arn", 512, 3.0, None, "x86_64", log_group="/aws/lambda/orders", log_format="JSON"
)
LOG = "123456789012:/aws/lambda/orders"


def result(row: dict[str, str]) -> list[dict[str, str]]:
    return [{"field": name, "value": value} for name, value in {"@log": LOG, **row}.items()]


def test_bytes_become_megabytes_and_sums_stay_sums() -> None:
    row = reports(512, 100, 20.0, cold=2, init_ms=300.0, used=80)
    (found,) = read_rows([result(row)], [TEXT])["orders"]
    assert (found.memory_mb, found.used_mb, found.calls, found.cold) == (512, 80.0, 100, 2)
    assert found.billed_ms == 100 * 20.0 + 2 * 300.0 and found.init_ms == 600.0


def test_json_logs_have_megabytes_already() -> None:
    row = {"record.metrics.memorySizeMB": "1024", "calls": "3", "billed": "30", "used": "77"}
    (found,) = read_rows([result(row)], [JSON])["orders"]
    assert (found.memory_mb, found.used_mb) == (1024, 77.0)


def test_rows_of_one_size_are_added_up() -> None:
    rows = [result(reports(512, 10, 20.0)), result(reports(512, 30, 40.0))]
    (found,) = read_rows(rows, [TEXT])["orders"]
    assert found.calls == 40 and found.billed_ms == 1400.0 and found.p50_ms == 40.0


def test_rows_of_other_logs_and_without_a_size_are_left_out() -> None:
    other = [{"field": "@log", "value": "1:/aws/lambda/else"}, {"field": "calls", "value": "1"}]
    assert read_rows([other, result({"calls": "1"})], [TEXT]) == {}


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
def test_a_query_asks_for_figures_and_for_no_line(log_format: str) -> None:
    text = query_text(log_format)
    assert "stats" in text and "@message" not in text and "by @log" in text


numbers = st.one_of(
    st.text(max_size=12), st.floats().map(str), st.integers(-(10**20), 10**20).map(str)
)


@given(st.lists(st.dictionaries(st.sampled_from([*reports(512, 1, 1.0)]), numbers), max_size=4))
def test_any_answer_is_read_right_or_refused(rows: list[dict[str, str]]) -> None:
    try:
        found = read_rows([result(row) for row in rows], [TEXT])
    except TargetError:
        return
    for each in (size for sizes in found.values() for size in sizes):
        figures = (each.memory_mb, each.calls, each.cold, each.billed_ms, each.init_ms, each.p50_ms)
        assert all(math.isfinite(figure) and figure >= 0 for figure in figures)
