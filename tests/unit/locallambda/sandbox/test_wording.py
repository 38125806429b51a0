"""REPORT and its neighbours byte for byte as AWS writes them."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.locallambda.sandbox.invocation import ReportFields
from tuner.locallambda.sandbox.runtime_log import RuntimeLog
from tuner.locallambda.sandbox.wording import JsonLines, TextLines, billed_ms

RECORDED = Path(__file__).parents[5] / "shared/data/report-lines.jsonl"
SHAPES = {1: "warm", 4: "cold", 5: "out of memory", 6: "timeout", 7: "timeout without X-Ray"}

durations = st.floats(0.01, 900_000, allow_nan=False)


@pytest.mark.parametrize("number", SHAPES, ids=SHAPES.values())
def test_report_is_the_recorded_line(number):
    if not RECORDED.exists():
        pytest.skip(f"recorded lines are not there: {RECORDED}")
    rows = [json.loads(line) for line in RECORDED.read_text().splitlines()]
    row = next(row for row in rows if row["n"] == number)
    expected = row["expected"]
    report = ReportFields(
        duration_ms=expected["duration_ms"],
        billed_ms=expected["billed_ms"],
        memory_mb=expected["memory_mb"],
        max_memory_mb=expected["max_memory_mb"],
        init_ms=expected.get("init_ms"),
        status=expected.get("status"),
        error_type=expected.get("error_type"),
    )
    ours = TextLines().end(expected["request_id"], report, 0.0).decode()
    recorded = row["line"].partition("\n")[0]
    assert ours == f"END RequestId: {expected['request_id']}\n{recorded}\n"


def test_billing_rounds_up_the_sum_of_both_phases():
    assert billed_ms(2.46, 413.61) == 417
    assert billed_ms(133.61, 80.0) == 214
    assert billed_ms(152.998, None) == 153
    assert billed_ms(153.004, None) == 154  # shown as 153.00


@given(durations, st.none() | durations)
def test_billing_never_undercharges_and_adds_less_than_a_millisecond(duration, init):
    total = duration + (init or 0.0)
    assert total <= billed_ms(duration, init) < math.floor(total) + 2


@given(durations, st.none() | durations, st.sampled_from([None, "timeout", "error"]))
def test_any_report_is_one_line_of_tab_separated_fields(duration, init, status):
    error_type = "Runtime.OutOfMemory" if status == "error" else None
    report = ReportFields(duration, billed_ms(duration, init), 128, 40, init, status, error_type)
    text = TextLines().end("id", report, 0.0).decode()
    assert text.count("\n") == 2 and text.endswith("\n")
    fields = text.splitlines()[1].split("\t")
    assert fields[1] == f"Duration: {duration:.2f} ms"
    assert ("Init Duration:" in text) == (init is not None)
    assert (fields[-1] == "") == (status is None)


def test_json_report_of_a_warm_call_has_no_key_for_what_there_is_not():
    report = ReportFields(1.23456, 2, 128, 40)
    record = json.loads(JsonLines().end("id", report, 1_767_225_600.5))
    assert record == {
        "time": "2026-01-01T00:00:00.500Z",
        "type": "platform.report",
        "record": {
            "requestId": "id",
            "metrics": {
                "durationMs": 1.235,
                "billedDurationMs": 2,
                "memorySizeMB": 128,
                "maxMemoryUsedMB": 40,
            },
            "status": "success",
        },
    }


def taken(output: bytes) -> bytes:
    """The log of a runtime that has written this."""
    log = RuntimeLog()
    log.receive(output)
    return log.take()


def test_progress_bars_keep_their_carriage_returns():
    log = b"10%\r20%\n30%\r\n"
    assert taken(log) == log
