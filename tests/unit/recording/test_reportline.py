"""REPORT lines of every shape that AWS has written, and none that it has not."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.recording.reportline import Report, find_report, parse_report, parse_start

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "report-lines.jsonl"

WARM = (
    "REPORT RequestId: id-1\tDuration: 155.51 ms\tBilled Duration: 156 ms\t"
    "Memory Size: 1769 MB\tMax Memory Used: 40 MB\t\n"
)
COLD = (
    "REPORT RequestId: id-2\tDuration: 2.46 ms\tBilled Duration: 417 ms\tMemory Size: 1024 MB\t"
    "Max Memory Used: 95 MB\tInit Duration: 413.61 ms\t\t\n"
    "XRAY TraceId: 1-6ac7\tSegmentId: 2d54\tSampled: true\n"
)
WARM_REPORT = Report("id-1", 155.51, 156.0, 1769, 40)
COLD_REPORT = Report("id-2", 2.46, 417.0, 1024, 95, 413.61, xray_trace="1-6ac7")


def shared_rows() -> list[dict[str, Any]]:
    if not SHARED.exists():
        return []
    return [json.loads(line) for line in SHARED.read_text().splitlines() if line.strip()]


@pytest.mark.skipif(not SHARED.exists(), reason="the recorded lines are not beside this checkout")
@pytest.mark.parametrize("row", shared_rows(), ids=lambda row: f"{row['n']}: {row['shape'][:40]}")
def test_a_recorded_line_is_read_as_expected(row: dict[str, Any]) -> None:
    expected = None if row["expected"] is None else Report(**row["expected"])
    assert parse_report(row["line"]) == expected
    assert find_report(row["line"]) == expected


def test_the_tail_of_a_warm_call_gives_its_figures() -> None:
    tail = "START RequestId: id-1 Version: $LATEST\nhello\nEND RequestId: id-1\n" + WARM
    assert find_report(tail, "id-1") == WARM_REPORT


def test_a_tail_with_two_requests_gives_the_one_asked_for() -> None:
    assert find_report(WARM + COLD, "id-1") == WARM_REPORT
    assert find_report(WARM + COLD, "id-2") == COLD_REPORT
    assert find_report(WARM + COLD) == COLD_REPORT
    assert find_report(WARM + COLD, "id-3") is None


def test_the_last_report_wins_over_one_that_the_function_printed() -> None:
    forged = WARM.replace("155.51", "0.01")
    assert find_report(forged + WARM, "id-1") == WARM_REPORT


def test_words_of_the_function_that_look_like_a_report_are_passed_over() -> None:
    assert find_report(WARM + "the REPORT RequestId: id-1 is done\n", "id-1") == WARM_REPORT
    assert parse_report("my REPORT is ready\n" + WARM) == WARM_REPORT
    assert parse_report("my REPORT is ready") is None


def test_output_without_a_newline_before_report_does_not_hide_it() -> None:
    assert find_report("no newline" + " " + WARM, "id-1") == WARM_REPORT


def test_init_report_is_not_a_report() -> None:
    line = "INIT_REPORT Init Duration: 229.04 ms\tPhase: init\tStatus: error\n"
    assert parse_report(line) is None
    assert find_report(line + WARM) == WARM_REPORT


def test_a_call_whose_init_timed_out_is_a_cold_start() -> None:
    line = "INIT_REPORT Init Duration: 9999.47 ms\tPhase: init\tStatus: timeout\n"
    found = find_report(line + WARM, "id-1")
    assert found is not None
    assert found.init_ms == 9999.47
    assert replace(found, init_ms=None) == WARM_REPORT


def test_an_init_that_timed_out_is_read_from_a_json_tail() -> None:
    init = {
        "time": "2026-10-08T07:30:29.470Z",
        "type": "platform.initReport",
        "record": {"status": "timeout", "phase": "init", "metrics": {"durationMs": 9999.472}},
    }
    found = find_report(json.dumps(init) + "\n" + WARM, "id-1")
    assert found is not None
    assert found.init_ms == 9999.472


def test_a_timeout_carries_its_status_and_no_error_type() -> None:
    report = parse_report(WARM.replace("\t\n", "\tStatus: timeout\n"))
    assert report is not None
    assert (report.status, report.error_type) == ("timeout", None)


def test_json_tails_are_read_among_other_lines() -> None:
    event = {
        "time": "2026-10-08T07:30:29.470Z",
        "type": "platform.report",
        "record": {
            "requestId": "id-9",
            "metrics": {"durationMs": 12.5, "billedDurationMs": 13, "memorySizeMB": 256},
            "status": "error",
            "errorType": "Runtime.ExitError",
            "tracing": {"value": "Root=1-5bef;Parent=72bc;Sampled=1", "type": "X-Amzn-Trace-Id"},
        },
    }
    tail = '{"level":"INFO","message":"hi"}\nplain\n' + json.dumps(event, separators=(",", ":"))
    expected = Report(
        "id-9", 12.5, 13.0, 256, None, None, None, None, "error", "Runtime.ExitError", "1-5bef"
    )
    assert find_report(tail, "id-9") == expected
    assert parse_report(tail) == expected
    assert find_report(tail, "other") is None
    assert find_report("no newline {}" + json.dumps(event), "id-9") == expected


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-1", "true", '"5"', "1" + "0" * 400])
def test_a_json_duration_that_is_no_number_gives_no_report(number: str) -> None:
    line = '{"type":"platform.report","record":{"metrics":{"durationMs":' + number + "}}}"
    assert parse_report(line) is None


WORDS = ["REPORT ", "RequestId: ", "Duration: ", "Billed ", "Init ", "Status: ", "Error Type: "]
MARKS = ["XRAY TraceId: ", " ms", "\t", "\n", "9" * 22, "1.5", '"platform.report"', "{", "}"]
PIECES = st.sampled_from([*WORDS, *MARKS])


@given(st.one_of(st.text(), st.lists(st.one_of(PIECES, st.text(max_size=3))).map("".join)))
def test_no_text_makes_the_parsers_raise(text: str) -> None:
    for report in (parse_report(text), find_report(text), find_report(text, "id")):
        assert report is None or report.duration_ms is not None


@given(st.recursive(st.none() | st.floats() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_no_json_value_makes_the_parsers_raise(value: object) -> None:
    for record in (value, {"metrics": value}, {"metrics": {"durationMs": value}, "status": value}):
        line = json.dumps({"type": "platform.report", "record": record}, separators=(",", ":"))
        report = find_report(line)
        assert report is None or report.duration_ms is not None


@given(
    duration=st.decimals(0, 900_000, places=2, allow_nan=False),
    billed=st.integers(0, 900_000),
    memory=st.integers(128, 10_240),
    used=st.integers(1, 11_000),
    init=st.none() | st.decimals(0, 10_000, places=2, allow_nan=False),
    noise=st.text(max_size=50).filter(lambda text: "REPORT " not in text),
)
def test_figures_come_back_as_they_were_written(
    duration: Any, billed: int, memory: int, used: int, init: Any, noise: str
) -> None:
    line = (
        f"REPORT RequestId: abc\tDuration: {duration} ms\tBilled Duration: {billed} ms\t"
        f"Memory Size: {memory} MB\tMax Memory Used: {used} MB\t"
        + (f"Init Duration: {init} ms\t\n" if init is not None else "\n")
    )
    expected = Report(
        "abc", float(duration), billed, memory, used, None if init is None else float(init)
    )
    assert find_report(noise + "\n" + line, "abc") == expected


@pytest.mark.parametrize(
    ("line", "request_id"),
    [
        ("START RequestId: id-1 Version: $LATEST\n", "id-1"),
        ('{"time":"2026","type":"platform.start","record":{"requestId":"id-1"}}', "id-1"),
        ("END RequestId: id-1\n", None),
        ("my START RequestId: id-1 Version: 7\n", None),
        ("START RequestId: id-1\n", None),
        ('{"type":"platform.report","record":{"requestId":"platform.start"}}', None),
        ('{"type":"platform.start","record":[]}', None),
        ('{"type":"platform.start"', None),
    ],
)
def test_a_start_is_known_by_its_request_id(line: str, request_id: str | None) -> None:
    assert parse_start(line) == request_id


@given(st.text() | st.text().map(lambda text: f'"platform.start"{text}'), st.text())
def test_any_text_is_a_start_or_none(text: str, more: str) -> None:
    found = parse_start(text)
    assert found is None or found in text
    assert parse_start(f"START RequestId: {more} Version: 1") in (None, more)


@pytest.mark.parametrize("odd", ["\x85", "\u2028"])
def test_only_a_line_feed_ends_a_line_of_a_log(odd: str) -> None:
    record = {"requestId": "id-1", "errorType": f"a{odd}b", "metrics": {"durationMs": 1.0}}
    event = {"time": "t", "type": "platform.report", "record": record}
    found = find_report(f"before\n{json.dumps(event, ensure_ascii=False)}\nafter")
    assert found is not None
    assert found.error_type == f"a{odd}b"
