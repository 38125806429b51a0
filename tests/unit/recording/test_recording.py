"""Recorded invocations are read whole, or refused with the line and the next step."""

import gzip
import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from tuner.errors import UsageError
from tuner.recording import RecordedRow, Recording, read_recording
from tuner.recording.rows import read_row
from tuner.records import Outcome

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"

PLAIN = "memory_mb,duration_ms\n512,24.5\n128,90\n512,25\n"


def written(folder: Path, text: str, name: str = "rec.csv") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def refusal(folder: Path, text: str, name: str = "rec.csv", **where: str) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read_recording(written(folder, text, name), where)
    assert caught.value.fix
    assert len(str(caught.value).splitlines()) == 2
    return caught.value


def test_unsorted_rows_are_gathered_by_size(tmp_path: Path) -> None:
    recording = read_recording(written(tmp_path, PLAIN))
    assert recording.sizes() == (128, 512)
    assert recording.rows(512) == [RecordedRow(512, 24.5), RecordedRow(512, 25.0)]
    assert recording.arch is None


def test_every_column_is_read(tmp_path: Path) -> None:
    text = (
        "memory_mb,duration_ms,billed_ms,init_ms,max_memory_mb,client_ms,arch,status\n"
        "512,2.5,103,100.1,40,110,aarch64,success\n"
        "512,3000,3000,0,,,aarch64,timeout\n"
        "512,,,,,,aarch64,oom\n"
    )
    recording = read_recording(written(tmp_path, text))
    assert recording.arch == "arm64"
    assert recording.rows(512) == [
        RecordedRow(512, 2.5, 103.0, 100.1, 40.0, 110.0, Outcome.OK),
        RecordedRow(512, 3000.0, 3000.0, None, None, None, Outcome.TIMEOUT),
        RecordedRow(512, None, outcome=Outcome.OUT_OF_MEMORY),
    ]


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        ("ok", Outcome.OK),
        ("", Outcome.OK),
        ("Timed out", Outcome.TIMEOUT),
        ("out-of-memory", Outcome.OUT_OF_MEMORY),
        ("Runtime.OutOfMemory", Outcome.OUT_OF_MEMORY),
        ("error", Outcome.FUNCTION_ERROR),
        ("THROTTLED", Outcome.THROTTLED),
    ],
)
def test_words_for_a_status_become_outcomes(tmp_path: Path, word: str, outcome: Outcome) -> None:
    text = f"memory_mb,duration_ms,status\n512,1,{word}\n"
    assert read_recording(written(tmp_path, text)).rows(512)[0].outcome is outcome


@pytest.mark.parametrize("name", ["a.csv.gz", "a.CSV"])
def test_gzip_and_capitals_in_the_name_are_understood(tmp_path: Path, name: str) -> None:
    assert read_recording(written(tmp_path, PLAIN, name)).sizes() == (128, 512)


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_json_lines_are_read_whatever_keys_each_has(tmp_path: Path, name: str) -> None:
    rows = [
        {"memory_mb": 512, "duration_ms": 4},
        {"memory_mb": "1024", "duration_ms": "2.5", "init_ms": None, "extra": [1]},
    ]
    text = "\n\n".join(map(json.dumps, rows))
    recording = read_recording(written(tmp_path, text, name))
    assert recording.rows(1024) == [RecordedRow(1024, 2.5)]
    assert recording.columns == ("memory_mb", "duration_ms", "init_ms", "extra")


def test_a_byte_order_mark_and_spaces_in_the_header_do_no_harm(tmp_path: Path) -> None:
    text = "\ufeffmemory_mb, duration_ms\r\n512, 24.5 \r\n\r\n"
    assert read_recording(written(tmp_path, text)).rows(512) == [RecordedRow(512, 24.5)]


def test_a_size_without_rows_lists_the_sizes_there_are(tmp_path: Path) -> None:
    recording = read_recording(written(tmp_path, PLAIN))
    with pytest.raises(UsageError, match="128, 512"):
        recording.rows(256)


MIXED = (
    "function,arch,memory_mb,duration_ms,host\n"
    "a,arm64,512,1,x\na,x86_64,512,2,y\nb,arm64,512,3,x\nb,arm64,512,4,y\n"
)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("128,9e9,,,", "duration_ms 9e+09 is longer than Lambda's 15 minutes"),
        ("128,100,9e9,,", "billed_ms 9e+09 is longer than Lambda's 15 minutes"),
        ("128,100,,,9e9", "init_ms 9e+09 is longer than Lambda's 15 minutes"),
        ("128,100,100,9999,", "max_memory_mb 9999 is above memory_mb 128"),
        ("128,100,10,,", "billed_ms 10 is below duration_ms 100"),
        ("128,9000,3000,,", "billed_ms 3000 is below duration_ms 9000"),
        ("128,100,0,,", "billed_ms 0 is below duration_ms 100"),
    ],
)
def test_what_no_call_of_lambda_can_have_is_refused(tmp_path: Path, row: str, says: str) -> None:
    error = refusal(tmp_path, f"memory_mb,duration_ms,billed_ms,max_memory_mb,init_ms\n{row}\n")
    assert says in error.reason
    assert "units" in error.fix


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("128,800\n512,400\n512,0\n", "line 4: duration_ms is 0, while other calls of 512 MB took"),
        ("128,1.25\n128,0\n", "line 3: duration_ms is 0, although fractions of a millisecond"),
        ("128,-3\n", "line 2: duration_ms '-3' is negative"),
    ],
)
def test_durations_that_cannot_be_are_refused_by_row(tmp_path: Path, rows: str, says: str) -> None:
    assert says in str(refusal(tmp_path, f"memory_mb,duration_ms\n{rows}"))


def test_durations_below_whole_milliseconds_count_as_half_of_one(tmp_path: Path) -> None:
    text = "memory_mb,duration_ms,status\n128,0,\n128,3,\n512,0,\n512,0,throttled\n"
    recording = read_recording(written(tmp_path, text))
    assert [row.duration_ms for row in recording.rows(128)] == [0.5, 3.0]
    assert [row.duration_ms for row in recording.rows(512)] == [0.5, 0.0]
    assert [note.code for note in recording.notes] == ["recorded-zero"]


@pytest.mark.parametrize("row", ["128,1.4,1", "128,1.4,2", "128,100.4,200", "128,3003.2,3000"])
def test_durations_may_be_rounded_and_timeouts_billed_without_their_end(
    tmp_path: Path, row: str
) -> None:
    text = f"memory_mb,duration_ms,billed_ms\n{row}\n"
    assert read_recording(written(tmp_path, text)).sizes() == (128,)


def test_several_functions_are_refused_with_the_values_to_choose_from(tmp_path: Path) -> None:
    error = refusal(tmp_path, MIXED)
    assert "function: a, b" in error.reason
    assert "arch: arm64, x86_64" in error.reason
    assert error.fix == "Choose one: --where function=a --where arch=arm64"


def test_where_leaves_one_function_and_says_what_else_is_mixed(tmp_path: Path) -> None:
    recording = read_recording(written(tmp_path, MIXED), {"function": "b"})
    assert [row.duration_ms for row in recording.rows(512)] == [3.0, 4.0]
    assert recording.arch == "arm64"
    assert recording.groups == {"host": ("x", "y")}
    assert [note.code for note in recording.notes] == ["recording-mixed"]


def test_where_with_an_unknown_column_or_value_names_what_there_is(tmp_path: Path) -> None:
    assert "function, arch" in refusal(tmp_path, MIXED, flavour="a").fix
    assert "a, b" in refusal(tmp_path, MIXED, function="c").fix
    assert "beside the other" in refusal(tmp_path, MIXED, function="b", arch="x86_64").reason


def test_a_column_that_differs_in_every_row_is_no_group(tmp_path: Path) -> None:
    rows = "".join(f"512,1,id-{n}\n" for n in range(200))
    recording = read_recording(written(tmp_path, "memory_mb,duration_ms,request\n" + rows))
    assert recording.groups == {}


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("", "rec.csv", "no rows"),
        ("memory_mb,duration_ms\n", "rec.csv", "no rows"),
        ("memory,duration_ms\n512,1\n", "rec.csv", "no column memory_mb"),
        ("memory_mb,time\n512,1\n", "rec.csv", "no column duration_ms"),
        ("memory_mb,init_ms\n512,1\n", "rec.csv", "cold starts only"),
        ("memory_mb,duration_ms\n512,1\n512,nan\n", "line 3", "missing or NaN"),
        ("memory_mb,duration_ms\n512,1\n512,\n", "line 3", "missing or NaN"),
        ("memory_mb,duration_ms\n512,-1\n", "line 2", "'-1' is negative"),
        ("memory_mb,duration_ms\n512,inf\n", "line 2", "is not a number"),
        ("memory_mb,duration_ms\n512,fast\n", "line 2", "'fast' is not a number"),
        ("memory_mb,duration_ms\n64,1\n", "line 2", "64 is not a size"),
        ("memory_mb,duration_ms\n512.5,1\n", "line 2", "512.5 is not a size"),
        ("memory_mb,duration_ms\n,1\n", "line 2", "memory_mb is missing"),
        ("memory_mb,duration_ms,init_ms\n512,1,x\n", "line 2", "init_ms 'x'"),
        ("memory_mb,duration_ms\n512,1,2\n", "line 2", "3 values for 2 columns"),
        ("memory_mb,memory_mb\n512,1\n", "line 1", "twice"),
        ("memory_mb,duration_ms,status\n512,1,odd\n", "line 2", "status 'odd'"),
        ("memory_mb,duration_ms,arch\n512,1,mips\n", "rec.csv", "arch 'mips'"),
    ],
)
def test_a_bad_file_is_refused_naming_place_and_reason(
    tmp_path: Path, text: str, place: str, reason: str
) -> None:
    error = refusal(tmp_path, text)
    assert error.thing.endswith(place)
    assert reason in error.reason


@pytest.mark.parametrize("line", ["[1]", "{", "5", '{"memory_mb": 512, "duration_ms": true}'])
def test_a_bad_json_line_is_refused_with_its_number(tmp_path: Path, line: str) -> None:
    text = '{"memory_mb": 512, "duration_ms": 1}\n' + line
    assert refusal(tmp_path, text, "a.jsonl").thing.endswith("line 2")


def test_a_file_that_is_absent_foreign_or_broken_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file"):
        read_recording(tmp_path / "no.csv")
    assert "not a recording" in refusal(tmp_path, PLAIN, "a.txt").reason
    for name, raw in (("b.csv", b"\xff\xfe\x00"), ("c.csv.gz", b"\x1f\x8b\x08 broken")):
        (tmp_path / name).write_bytes(raw)
        with pytest.raises(UsageError):
            read_recording(tmp_path / name)
    (tmp_path / "d.csv").mkdir()
    with pytest.raises(UsageError):
        read_recording(tmp_path / "d.csv")


NUMBER = st.floats(0, 1e6)
ROWS = st.lists(
    st.tuples(st.integers(128, 10_240), NUMBER.filter(bool), st.none() | NUMBER.filter(bool)),
    min_size=1,
)
QUICK = examples(60)


@QUICK
@given(ROWS, st.sampled_from(["r.csv", "r.jsonl", "r.csv.gz"]))
def test_rows_come_back_as_they_were_written(
    tmp_path: Path, rows: list[tuple[int, float, float | None]], name: str
) -> None:
    keys = ("memory_mb", "duration_ms", "init_ms")
    if name.endswith(".jsonl"):
        text = "\n".join(json.dumps(dict(zip(keys, row, strict=True))) for row in rows)
    else:
        lines = [",".join("" if cell is None else repr(cell) for cell in row) for row in rows]
        text = "\n".join([",".join(keys), *lines])
    recording = read_recording(written(tmp_path, text, name))
    assert sum(len(recording.rows(size)) for size in recording.sizes()) == len(rows)
    for size in recording.sizes():
        wanted = [(m, d, i) for m, d, i in rows if m == size]
        assert [(r.memory_mb, r.duration_ms, r.init_ms) for r in recording.rows(size)] == wanted


ANY = st.none() | st.floats(0, 2e6) | st.integers(0, 20_000)


@QUICK
@given(st.lists(ANY, min_size=4, max_size=4), st.integers(128, 10_240))
def test_a_row_that_is_read_could_have_been_a_call(cells: list[float | None], size: int) -> None:
    names = ("duration_ms", "billed_ms", "init_ms", "max_memory_mb")
    try:
        row = read_row({"memory_mb": size, **dict(zip(names, cells, strict=True))})
    except UsageError:
        return
    assert row.duration_ms is not None
    assert row.duration_ms <= 1e6
    assert row.billed_ms is None or row.billed_ms + 1_000.0 >= row.duration_ms
    assert row.max_memory_mb is None or row.max_memory_mb <= 1.1 * size


@QUICK
@given(
    st.one_of(
        st.binary(max_size=60),
        st.text("memory_mb,duration_ms\n\r\"'0123456789.-einfa{}:[]", max_size=60).map(
            lambda text: ("memory_mb,duration_ms\n" + text).encode()
        ),
    ),
    st.sampled_from(["f.csv", "f.jsonl", "f.csv.gz"]),
)
def test_no_bytes_escape_as_anything_but_a_usage_error(
    tmp_path: Path, raw: bytes, name: str
) -> None:
    path = tmp_path / name
    path.write_bytes(raw)
    try:
        recording = read_recording(path)
    except UsageError:
        return
    for size in recording.sizes():
        for row in recording.rows(size):
            assert row.duration_ms is not None
            assert math.isfinite(row.duration_ms)
            assert row.duration_ms >= 0


def shared(name: str) -> Path:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{name} is not beside this checkout")
    return path


def test_the_recorded_s3_writes_need_a_choice_and_then_have_twelve_sizes() -> None:
    path = shared("s3-writes.csv")
    with pytest.raises(UsageError, match="python311"):
        read_recording(path)
    recording: Recording = read_recording(path, {"function": "python311", "arch": "arm64"})
    assert len(recording.sizes()) == 12
    assert recording.arch == "arm64"
    assert recording.rows(128)[0].init_ms is not None


def test_the_recorded_factors_have_a_hundred_rows_of_each_size() -> None:
    recording = read_recording(shared("factors.csv"), {"function": "python"})
    assert {size: len(recording.rows(size)) for size in recording.sizes()} == dict.fromkeys(
        (128, 256, 512, 1024, 2048), 100
    )


def test_a_file_of_cold_starts_alone_is_refused_as_such() -> None:
    with pytest.raises(UsageError, match="cold starts only"):
        read_recording(shared("cold-starts.csv"))
