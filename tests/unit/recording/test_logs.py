"""Exports of Lambda's logs are recordings: REPORTs of text, JSON, events and Logs Insights."""

import gzip
import json
from math import ceil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from tuner.errors import UsageError
from tuner.recording import RecordedRow, is_power_tuning, read_recording
from tuner.records import Outcome

MIB = 2**20


def line(memory: int, duration: float, billed: int, rest: str = "") -> str:
    return (
        f"REPORT RequestId: 8f5a-{memory}\tDuration: {duration} ms\tBilled Duration: {billed} ms\t"
        f"Memory Size: {memory} MB\tMax Memory Used: 77 MB\t{rest}\n"
    )


def event(memory: int, duration: float, billed: int, init: float | None = None) -> str:
    metrics: dict[str, Any] = {"durationMs": duration, "billedDurationMs": billed}
    metrics |= {"memorySizeMB": memory, "maxMemoryUsedMB": 77}
    metrics |= {} if init is None else {"initDurationMs": init}
    record = {"requestId": f"8f5a-{memory}", "metrics": metrics, "status": "success"}
    return json.dumps({"time": "2026-03-01T10:00:00Z", "type": "platform.report", "record": record})


TEXTS = [line(256, 40.5, 41).rstrip(), line(512, 20.25, 271, "Init Duration: 250 ms\t").rstrip()]
EVENTS = [event(256, 40.5, 41), event(512, 20.25, 271, 250)]
NOISE = "START RequestId: 8f5a Version: $LATEST"
INSIGHTS = [
    {"@timestamp": "2026-03-01 10:00:00.000", "@memorySize": 256 * MIB, "@duration": 40.5}
    | {"@billedDuration": 41, "@maxMemoryUsed": 77 * MIB, "@initDuration": "", "@ptr": "CmE"},
    {"@timestamp": "2026-03-01 10:00:01.000", "@memorySize": "5.12E8", "@duration": "20.25"}
    | {"@billedDuration": "271.0", "@maxMemoryUsed": "7.7E7", "@initDuration": 250, "@ptr": "CmF"},
]


def fields(row: dict[str, Any]) -> list[dict[str, str]]:
    return [{"field": key, "value": str(value)} for key, value in row.items() if value != ""]


def as_csv(rows: list[dict[str, Any]], delimiter: str = ",") -> str:
    lines = [rows[0].keys(), *[row.values() for row in rows]]
    return "".join(delimiter.join(map(str, cells)) + "\n" for cells in lines)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("function.log", "\n".join([NOISE, TEXTS[0], "hello", TEXTS[1], ""])),
        ("tail.txt", "".join(f"2026-03-01T10:00:00+00:00 2026/03/01/[$L]ab {t}\n" for t in TEXTS)),
        ("000000.gz", "".join(f"2026-03-01T10:00:00.000Z {text}\n" for text in TEXTS)),
        ("platform.log", "\n".join(EVENTS)),
        ("platform.jsonl", "\n".join(['{"type": "platform.start", "record": {}}', *EVENTS])),
        ("platform.json", "[" + ",".join(EVENTS) + "]"),
        ("firehose.json", "".join(json.dumps({"logEvents": [{"message": t}]}) for t in EVENTS)),
        (
            "filter.json",
            json.dumps({"events": [{"timestamp": 1, "message": t} for t in [NOISE, *TEXTS]]}),
        ),
        (
            "subscription.jsonl",
            "\n".join(
                json.dumps({"logGroup": "/aws/lambda/f", "logEvents": [{"message": text}]})
                for text in TEXTS
            ),
        ),
        ("insights.csv", as_csv(INSIGHTS)),
        ("insights.tsv", as_csv(INSIGHTS, "\t")),
        ("insights.json", json.dumps({"results": [*map(fields, INSIGHTS)], "status": "Complete"})),
        ("console.json", json.dumps(INSIGHTS)),
        ("console.csv", 'timestamp,message\n1,"' + '"\n2,"'.join([NOISE, *TEXTS]) + '"\n'),
        ("messages.csv", '@message\n"' + '"\n"'.join([NOISE, *TEXTS]) + '"\n'),
    ],
)
def test_every_export_of_the_same_calls_gives_the_same_rows(
    tmp_path: Path, name: str, text: str
) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    recording = read_recording(path)
    assert recording.sizes() == (256, 512)
    assert recording.rows(256) == [RecordedRow(256, 40.5, 41.0, None, 77.0)]
    assert recording.rows(512) == [RecordedRow(512, 20.25, 271.0, 250.0, 77.0)]
    assert recording.notes == ()
    assert not is_power_tuning(path)


def test_the_outcome_is_that_of_the_report(tmp_path: Path) -> None:
    ends = ["Status: timeout", "Status: error\tError Type: Runtime.OutOfMemory", ""]
    path = tmp_path / "a.log"
    path.write_text("".join(line(256, 3000, 3000, end) for end in ends))
    assert [row.outcome for row in read_recording(path).rows(256)] == [
        *(Outcome.TIMEOUT, Outcome.OUT_OF_MEMORY, Outcome.OK)
    ]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.log", NOISE, "is not a recording"),
        ("a.json", json.dumps({"status": "Running", "results": []}), "only a part"),
        ("a.json", json.dumps({"status": "Complete", "results": [[1]]}), "no rows of fields"),
        ("a.json", json.dumps({"events": []}), "holds no rows"),
        ("a.json", EVENTS[0] + EVENTS[1][:-20], "not JSON from character"),
        (
            "a.jsonl",
            "\n".join(
                json.dumps({"logGroup": group, "logEvents": [{"message": TEXTS[0]}]})
                for group in "ab"
            ),
            "several functions (log_group: a, b)",
        ),
        ("a.csv", "@memorySize,@duration,@log\n1.28E8,5,1:a\n1.28E8,5,1:b\n", "@log: 1:a, 1:b"),
        ("a.csv", "memorySize,duration\n512,0.2\n", "no column duration_ms"),
        ("a.csv", "@requestId,size,took\na,512,5\n", "it has size, took"),
        ("a.csv", "memorySize,Memory_MB,duration_ms\n512,512,5\n", "which one is memory_mb?"),
    ],
)
def test_an_export_that_is_not_clear_is_refused(
    tmp_path: Path, name: str, text: str, reason: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(UsageError) as caught:
        read_recording(tmp_path / name)
    assert reason in caught.value.reason
    assert caught.value.fix


@pytest.mark.parametrize(
    "text",
    [
        "memory_mb;duration_ms;billed_ms\n512;123,45;124\n1024;60,5;61\n",
        "\ufeffMEMORY_MB\tDuration (ms)\tBilled Duration\n512\t123.45\t124\n1024\t60.5\t61\n",
        'memorySize,duration,billedDuration\n512,"123,45",124\n1024,"60,5",61\n',
        "memory_mb,duration_ms,billed_ms,init_ms\n512,123.45,124,N/A\n1024,60.5,61,null\n",
    ],
)
def test_a_recording_of_any_locale_is_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    recording = read_recording(tmp_path / "a.csv")
    assert recording.rows(512) == [RecordedRow(512, 123.45, 124.0)]
    assert recording.rows(1024) == [RecordedRow(1024, 60.5, 61.0)]


def test_a_recording_in_utf_16_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("memory_mb,duration_ms\n512,1\n", encoding="utf-16")
    with pytest.raises(UsageError, match="UTF-16"):
        read_recording(tmp_path / "a.csv")


CALLS = st.lists(
    st.tuples(
        st.integers(128, 10_240),
        st.integers(1, 90_000_000).map(lambda hundredths: hundredths / 100),
        st.none() | st.integers(1, 999_999).map(lambda hundredths: hundredths / 100),
    ),
    min_size=1,
    max_size=8,
)


@examples(60)
@given(CALLS, st.sampled_from(["a.log", "a.jsonl", "a.json", "a.csv"]), st.sampled_from([1, 2]))
def test_calls_come_back_from_any_export(
    tmp_path: Path, calls: list[tuple[int, float, float | None]], name: str, unit: int
) -> None:
    per_mb = 10**6 if unit == 1 else MIB
    texts = {
        "a.log": "".join(
            line(size, took, ceil(took), f"Init Duration: {init} ms\t" if init else "")
            for size, took, init in calls
        ),
        "a.jsonl": "\n".join(event(size, took, ceil(took), init) for size, took, init in calls),
        "a.json": json.dumps(
            {"events": [{"message": event(*call[:2], ceil(call[1]), call[2])} for call in calls]}
        ),
        "a.csv": as_csv(
            [
                {"@memorySize": size * per_mb, "@duration": took, "@initDuration": init or ""}
                for size, took, init in calls
            ]
        ),
    }
    (tmp_path / name).write_text(texts[name])
    recording = read_recording(tmp_path / name)
    for size in {size for size, _, _ in calls}:
        found = [(row.duration_ms, row.init_ms) for row in recording.rows(size)]
        assert found == [(took, init) for memory, took, init in calls if memory == size]


@examples(60)
@given(
    st.binary(max_size=80)
    | st.text("REPORT Duration: 1 ms\tMemory Size: 512 MB\n{}[]\"@:,;'0.9", max_size=80).map(
        str.encode
    )
    | st.recursive(
        st.none() | st.integers() | st.text(max_size=5) | st.sampled_from([*TEXTS, *EVENTS]),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["events", "logEvents", "results", "message", "field", "value"])
                | st.sampled_from(["type", "record", "metrics", "@message", "status", "output"]),
                inner,
                max_size=3,
            )
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
    st.sampled_from(["a.log", "a.json", "a.jsonl", "a.csv", "a"]),
)
def test_any_bytes_are_rows_or_a_usage_error(tmp_path: Path, raw: bytes, name: str) -> None:
    (tmp_path / name).write_bytes(raw)
    is_power_tuning(tmp_path / name)
    try:
        recording = read_recording(tmp_path / name)
    except UsageError:
        return
    assert all(recording.rows(size) for size in recording.sizes())
