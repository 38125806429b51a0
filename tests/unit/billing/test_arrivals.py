"""Counts are counts and calls are calls, in the forms that AWS and others export."""

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.billing.arrivals import Counts, Moments, read_arrivals
from tuner.errors import UsageError


def counted(text: str | dict[str, Any] | list[Any]) -> tuple[float, tuple[float, ...]]:
    found = read_arrivals(text if isinstance(text, str) else json.dumps(text), "t")
    assert isinstance(found, Counts)
    return found.period_s, found.calls


def refused(text: str | dict[str, Any] | list[Any]) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read_arrivals(text if isinstance(text, str) else json.dumps(text), "t")
    assert caught.value.thing.startswith("t")
    assert caught.value.fix
    return caught.value


TIMES = ["2026-03-01T00:00:00Z", "2026-03-01T00:05:00Z", "2026-03-01T00:15:00Z"]


@pytest.mark.parametrize(
    "text",
    [
        f"timestamp,invocations\n{TIMES[0]},7\n{TIMES[1]},8\n{TIMES[2]},9\n",
        f"Timestamp;Sum\n{TIMES[2]};9.0\n{TIMES[0]};7.0\n{TIMES[1]};8.0\n",
        f"date\tCount\tregion\n{TIMES[0]}\t7\tx\n{TIMES[1]}\t8\tx\n{TIMES[2]}\t9\tx\n",
        f"Time (UTC+01:00),Sum of Invocations\n{TIMES[0]},7\n{TIMES[1]},8\n{TIMES[2]},9\n",
        "time,invocations\n2026-03-01 00:00:00 UTC,7\n2026-03-01 00:05:00 UTC,8\n"
        "2026-03-01 00:15:00 UTC,9\n",
        f"time,aws.lambda.invocations\n{TIMES[0]},7\n{TIMES[1]},8\n{TIMES[2]},9\n",
        f"timestamp,calls\n{TIMES[0]},7\n{TIMES[1]},8\n2026-03-01T00:10:00Z,\n{TIMES[2]},9\n",
        f"date,request_count,status\n{TIMES[0]},7,5\n{TIMES[1]},8,5\n{TIMES[2]},9,6\n",
        "bin(5m),count(*)\n2026-03-01 00:00:00.000,7\n2026-03-01 00:05:00.000,8\n"
        "2026-03-01 00:15:00.000,9\n",
        "Full label,Calls of orders\nLabel,Invocations\nPeriod,300\n"
        "2026/03/01 00:00:00,7\n2026/03/01 00:05:00,8\n2026/03/01 00:10:00,\n"
        "2026/03/01 00:15:00,9\n",
        {
            "Label": "Invocations",
            "Datapoints": [
                {"Timestamp": time, "Sum": count, "Unit": "Count"}
                for time, count in zip(TIMES, (7.0, 8.0, 9.0), strict=True)
            ],
        },
        {
            "Label": "Duration",
            "Datapoints": [
                {"Timestamp": time, "SampleCount": count, "Sum": 1234.5, "Average": 3.1}
                for time, count in zip(TIMES, (7, 8, 9), strict=True)
            ],
        },
        {
            "MetricDataResults": [
                {"Label": "Errors", "Timestamps": TIMES, "Values": [0, 1, 0]},
                {"Label": "Invocations", "Timestamps": TIMES[::-1], "Values": [9, 8, 7]},
            ]
        },
        {
            "status": "Complete",
            "results": [
                [{"field": "bin(5m)", "value": time}, {"field": "calls", "value": str(count)}]
                for time, count in zip(TIMES, (7, 8, 9), strict=True)
            ],
        },
        [
            {"bin(300s)": time, "count()": count}
            for time, count in zip(TIMES, (7, 8, 9), strict=True)
        ],
    ],
)
def test_counts_of_each_period_are_read_and_gaps_are_periods_without_calls(text: Any) -> None:
    assert counted(text) == (300.0, (7.0, 8.0, 0.0, 9.0))


@pytest.mark.parametrize(
    ("name", "period_s"),
    [("per_second", 1.0), ("per_minute", 60.0), ("Per_Hour", 3600.0), ("per_day", 86_400.0)],
)
def test_counts_in_order_say_their_period(name: str, period_s: float) -> None:
    assert counted(f"{name}\n5\n0\n") == (period_s, (5.0, 0.0))


def test_times_beside_counts_in_order_have_to_agree_with_their_period() -> None:
    text = "timestamp,per_minute\n180,9\n0,7\n60,8.5\n"
    assert counted(text) == (60.0, (7.0, 8.5, 0.0, 9.0))
    assert "5 min apart" in refused("timestamp,per_minute\n0,7\n300,8\n").reason
    assert counted("time,per_minute\nfirst,7\nnext,8\n") == (60.0, (7.0, 8.0))


def test_one_period_is_enough_where_the_file_names_its_length() -> None:
    assert counted("bin(1h),count(*)\n2026-03-01 00:00:00.000,7\n") == (3600.0, (7.0,))
    text = "Full label,x\nLabel,Invocations\nPeriod,60\n2026/03/01 00:00:00,7\n"
    assert counted(text) == (60.0, (7.0,))


def test_the_azure_trace_of_2019_has_the_calls_of_1440_minutes() -> None:
    header = ",".join(map(str, range(1, 1441)))
    row = ",".join(str(minute % 3) for minute in range(1440))
    text = f"HashOwner,HashApp,HashFunction,Trigger,{header}\no,a,f,http,{row}\n"
    period_s, calls = counted(text)
    assert (period_s, len(calls), calls[:4], math.fsum(calls)) == (60, 1440, (0, 1, 2, 0), 1440)
    assert "2 functions" in refused(f"{text}o,a,g,http,{row}\n").reason


def test_the_azure_trace_of_2021_lists_when_calls_ended_and_what_they_took() -> None:
    text = "app,func,end_timestamp,duration\na,f,20.5,0.5\na,f,10.25,0.25\n"
    assert read_arrivals(text, "t") == Moments((10.0, 20.0))
    assert "2 functions" in refused(text + "a,g,30,1\n").reason


@pytest.mark.parametrize(
    "text",
    [
        "timestamp\n100\n110\n",
        "Timestamp,path,duration_ms,status\n100,/a,12.5,200\n110,/b,13,200\n",
        "@timestamp,@requestId,@duration\n1970-01-01 00:01:40.000,a,1\n1970-01-01 00:01:50,b,2\n",
        '[{"time": 110, "user": "x"}, {"time": 100, "user": "y"}]',
    ],
)
def test_rows_without_a_count_are_calls(text: str) -> None:
    assert read_arrivals(text, "t") == Moments((100.0, 110.0))


def test_events_of_a_log_at_even_times_are_calls() -> None:
    text = "@timestamp,@duration\n" + "".join(f"{60 * at},9.5\n" for at in range(1, 4))
    assert read_arrivals(text, "t") == Moments((60.0, 120.0, 180.0))
    assert read_arrivals("time\n60\n120\n180\n", "t") == Moments((60.0, 120.0, 180.0))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("timestamp,value\n60,5\n120,6\n", "column 'value'; are rows calls or counts?"),
        ("timestamp,orders,carts\n60,5,1\n120,6,1\n", "'orders'; are rows calls or counts?"),
        ("timestamp,p95_duration_ms\n60,5\n120,6\n", "are rows calls or counts?"),
        ("timestamp,count,requests\n60,5,1\n120,6,1\n", "which one counts calls?"),
        ("invocations\n5\n6\n", "calls of which period?"),
        ("timestamp,invocations\n60,5\n", "calls of which period?"),
        ("timestamp,invocations\n0,5\n60,5\n150,5\n", "calls of which period?"),
        ("timestamp,invocations\n0,5\n600,5\n1500,5\n", "calls of which period?"),
        ("timestamp,invocations\n0,5\n60,5\n60,5\n", "a second time"),
        ("timestamp,sum\n0,5\n60,1.5\n", "not a whole number of calls"),
        ('timestamp,sum\n0,5\n60,"1,500"\n', "thousands"),
        ("timestamp;sum\n0;6.000\n60;6.000\n", "thousands"),
        ("timestamp;sum\n0;6,000\n60;6,000\n", "thousands"),
        ("timestamp,rps\n0,5\n60,6\n", "column 'rps', which is a rate"),
        ("time,requests_per_second\n0,5\n60,6\n", "which is a rate"),
        ("time,req/s\n0,5\n60,6\n", "which is a rate"),
        ("timestamp,sum\n0,5\n60,N/A\n", "not a number of calls"),
        ("bin(5m),avg(@duration)\n2026-03-01 00:00:00.000,7\n", "no column that counts calls"),
        ("Full label,x\nLabel,Errors\nPeriod,60\n2026/03/01 00:00:00,7\n", "not Invocations"),
        ("Full label,a,b\nLabel,x,y\n2026/03/01 00:00:00,7,8\n", "2 metrics"),
        ("Full label,x\nLabel,Invocations\nPeriod,60\n01/03/2026 00:00,7\n", "not a moment"),
        ("Full label,x\nLabel,Invocations\nPeriod,60\nMar 1,7\n", "begins with a time"),
        ("Libelle,x\nPeriode,60\n2026/03/01 00:00:00,7\n", "not CloudWatch's in English"),
        ("timestamp,duration_ms\n60,5\n120,6\n180,5\n", "is a row a call or a period?"),
        ({"status": "Complete", "results": []}, "no results"),
        ({"Label": "Errors", "Datapoints": [{"Timestamp": 60, "Sum": 5}]}, "not Invocations"),
        ({"Label": "Invocations", "Datapoints": [{"Timestamp": 60, "Average": 1}]}, "neither"),
        ({"Label": "Invocations", "Datapoints": []}, "no calls"),
        ({"status": "Running", "results": []}, "only a part"),
        (
            {
                "MetricDataResults": [
                    {"Label": "a", "Timestamps": [60, 120], "Values": [1, 2]},
                    {"Label": "b", "Timestamps": [60, 120], "Values": [1, 2]},
                ]
            },
            "which counts calls?",
        ),
        (
            {
                "MetricDataResults": [
                    {"Label": "a", "Timestamps": [60], "Values": [1], "StatusCode": "PartialData"}
                ]
            },
            "only a part",
        ),
        ({"timestamp": [60, 120], "invocations": [5]}, "different lengths"),
    ],
)
def test_what_is_not_clear_is_refused_with_the_question(text: Any, reason: str) -> None:
    assert reason in refused(text).reason


@given(
    st.lists(st.integers(0, 10_000), min_size=2, max_size=60).filter(any),
    st.sampled_from([1, 10, 60, 300, 3600, 86_400]),
    st.sampled_from(["invocations", "Sum", "Count", "calls"]),
    st.sampled_from([",", ";", "\t"]),
    st.randoms(),
)
def test_counts_come_back_whatever_the_period_order_and_delimiter(
    calls: list[int], period_s: int, column: str, delimiter: str, random: Any
) -> None:
    start = datetime(2026, 3, 1, tzinfo=UTC)
    rows = [
        f"{(start + timedelta(seconds=period_s * place)).isoformat()}{delimiter}{count}\n"
        for place, count in enumerate(calls)
    ]
    random.shuffle(rows)
    text = f"Timestamp{delimiter}{column}\n" + "".join(rows)
    assert counted(text) == (period_s, tuple(map(float, calls)))


VALUE = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6)
VALUE |= st.sampled_from(["2026-03-01T00:00:00Z", "2026-03-01 00:05:00"])
POINT_KEYS = ["Timestamp", "Sum", "SampleCount", "Label", "Timestamps", "Values", "StatusCode"]
KEY = st.sampled_from([*POINT_KEYS, "field", "value", "bin(5m)", "count(*)", "status"])
ROW = st.dictionaries(KEY, VALUE | st.lists(VALUE, max_size=3), max_size=4)


@given(
    st.lists(ROW | VALUE, max_size=3)
    | st.dictionaries(
        st.sampled_from(["Datapoints", "MetricDataResults", "results", "timestamp", "Label"]),
        VALUE | st.lists(VALUE | ROW | st.lists(ROW | VALUE, max_size=3), max_size=3),
        max_size=3,
    )
)
def test_any_document_is_traffic_or_a_usage_error(document: Any) -> None:
    try:
        found = read_arrivals(json.dumps(document), "t")
    except UsageError:
        return
    numbers = found.calls if isinstance(found, Counts) else found.at_s
    assert numbers
    assert all(map(math.isfinite, numbers))
