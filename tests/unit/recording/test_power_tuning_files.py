"""aws-lambda-power-tuning's output is a recording, and its input is options."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.errors import UsageError
from tuner.recording import RecordedRow, read_recording
from tuner.recording.power_tuning import SizePoint, chart_url, read_chart, read_input, read_output

RESULT: dict[str, Any] = {"power": "512", "cost": 0.0000002083, "duration": 2.9}
STATS = [
    {"value": 512, "averagePrice": 2e-7, "averageDuration": 2.9},
    {"value": "128", "averagePrice": "1e-7", "averageDuration": 11},
]

KEYS = (
    *("power", "cost", "duration", "stats", "results", "value", "averagePrice", "averageDuration"),
    *("lambdaARN", "powerValues", "num", "payload", "weight", "strategy", "balancedWeight"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=6), inner, max_size=5)
    ),
    max_leaves=12,
)


def test_output_is_read_flat_and_wrapped_with_power_as_text_or_number() -> None:
    flat = read_output(json.dumps(RESULT))
    wrapped = read_output(json.dumps({"results": {**RESULT, "power": 512, "stats": STATS}}))
    assert flat == (SizePoint(512, 2.9, 0.0000002083),)
    assert wrapped == (SizePoint(128, 11.0, 1e-7), SizePoint(512, 2.9, 2e-7))


def chart(*sizes: int) -> str:
    url = chart_url([SizePoint(size, 1000.0 / size, size * 2.5e-9) for size in sizes])
    assert url
    return url


def test_the_default_output_has_its_sizes_in_the_address_of_its_chart() -> None:
    output = {**RESULT, "power": 256, "stateMachine": {"visualization": chart(1024, 128)}}
    expected = (SizePoint(128, 7.8125, 3.2e-7), SizePoint(1024, 0.9765625, 2.56e-6))
    for document in (
        output,
        {"results": output},
        {"output": output, "outputDetails": {"truncated": False}},
        {"executionArn": "arn:x", "status": "SUCCEEDED", "output": json.dumps(output)},
    ):
        assert read_output(json.dumps(document)) == expected
    with_stats = read_output(json.dumps({"output": {**output, "stats": STATS}}))
    assert [point.memory_mb for point in with_stats] == [128, 512]


def test_a_chart_on_a_page_of_ones_own_is_read_where_it_has_the_form() -> None:
    for fragment, sizes in ((chart(128, 512).partition("#")[2], [128, 512]), ("/r/5", [512])):
        machine = {"visualization": f"https://charts.example.com/#{fragment}"}
        points = read_output(json.dumps({**RESULT, "stateMachine": machine}))
        assert [point.memory_mb for point in points] == sizes


def test_an_execution_without_an_output_is_refused_with_its_status() -> None:
    with pytest.raises(UsageError, match="its status is FAILED"):
        read_output('{"executionArn": "arn:x", "status": "FAILED", "input": "{}"}')


@pytest.mark.parametrize("before", ["", "?currency=CNY"])
def test_the_address_of_a_chart_is_a_recording(before: str) -> None:
    recording = read_recording(chart(128, 512).replace("#", f"{before}#"))
    assert recording.rows(512) == [RecordedRow(512, 1.953125)]
    assert [note.code for note in recording.notes] == ["recorded-means"]


@pytest.mark.parametrize(
    "fragment",
    [
        "",
        "#x",
        "#gAAAAQ==",
        "#gAAAAQ==;AACAQQ==;CtcjPA==",
        "#;;",
        "#gACAAA==;AAAAAAAAAAA=;AAAAAAAAAAA=",
    ],
)
def test_the_address_of_a_chart_that_cannot_be_read_is_refused(fragment: str) -> None:
    with pytest.raises(UsageError, match="chart's address"):
        read_chart(f"https://lambda-power-tuning.show/{fragment}")


@given(
    st.dictionaries(
        st.integers(1, 32_767),
        st.tuples(st.floats(0, 1e6, width=32), st.floats(0, 1, width=32)),
        min_size=1,
        max_size=9,
    )
)
def test_a_chart_comes_back_from_its_address(sizes: dict[int, tuple[float, float]]) -> None:
    url = chart_url([SizePoint(size, *numbers) for size, numbers in sizes.items()])
    assert url
    found = read_chart(url)
    assert [point.memory_mb for point in found] == sorted(sizes)
    for point in found:
        numbers = (point.duration_ms, point.cost_usd)
        assert numbers == pytest.approx(sizes[point.memory_mb], rel=1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"power": true, "cost": 1, "duration": 1}',
        '{"power": 1.5, "cost": 1, "duration": 1}',
        '{"power": 128, "cost": "NaN", "duration": 1}',
        '{"power": 128, "cost": 1, "duration": 1, "stats": [3]}',
        '{"power": 128, "cost": 1, "duration": 1, "stats": 3}',
        json.dumps({**RESULT, "stats": [STATS[0], STATS[0]]}),
        json.dumps({**RESULT, "stats": [{"value": 512, "averagePrice": 1}]}),
    ],
)
def test_what_is_no_output_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_output(text, "out.json")
    assert caught.value.thing == "out.json"


def test_each_size_of_an_output_becomes_a_row_that_is_said_to_be_a_mean(
    tmp_path: Path,
) -> None:
    path = tmp_path / "out.json"
    path.write_text(json.dumps({**RESULT, "stats": STATS}))
    recording = read_recording(path)
    assert recording.sizes() == (128, 512)
    assert recording.rows(128) == [RecordedRow(128, 11.0)]
    assert [note.code for note in recording.notes] == ["recorded-means"]


def test_an_output_with_a_size_that_lambda_has_not_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    path.write_text(json.dumps({**RESULT, "power": 64}))
    with pytest.raises(UsageError, match="64 is not a size"):
        read_recording(path)


def test_input_becomes_options_by_their_names() -> None:
    wish = read_input(
        json.dumps(
            {
                "lambdaARN": "arn:aws:lambda:us-east-1:000000000000:function:f",
                "powerValues": [512, "128", 512],
                "num": 50,
                "strategy": "balanced",
                "balancedWeight": 0.7,
                "payload": [{"payload": {"a": 1}, "weight": 2}, {"payload": {}, "weight": 1}],
                "includeOutputResults": True,
            }
        )
    )
    assert wish.target == "arn:aws:lambda:us-east-1:000000000000:function:f"
    weighted = wish.options["payloads"]
    assert [item["weight"] for item in json.loads(weighted)] == [2, 1]
    assert wish.options == {
        "memory": "128,512",
        "method": "grid",
        "samples": 50,
        "strategy": "balanced",
        "balance": 0.7,
        "payloads": weighted,
    }
    assert wish.notes == ()


def test_a_list_payload_without_all_weights_is_one_payload() -> None:
    payload = [{"payload": 1, "weight": 1}, {"weight": 2}]
    wish = read_input(json.dumps({"payload": payload, "powerValues": "ALL"}))
    assert json.loads(wish.options["payload"]) == payload
    assert wish.options["memory"] == "128:10240"
    assert wish.target is None


@pytest.mark.parametrize(
    ("payload", "sent"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ("hello world", '"hello world"'),
        ("@secret.txt", '"@secret.txt"'),
        ("NaN", '"NaN"'),
        ('"quoted"', '"quoted"'),
        ({"a": "b"}, '{"a": "b"}'),
    ],
)
def test_a_text_payload_that_is_json_is_sent_as_it_stands(payload: object, sent: str) -> None:
    assert read_input(json.dumps({"payload": payload})).options == {"payload": sent}


def test_what_has_no_counterpart_is_noted_when_it_is_set() -> None:
    document = {"parallelInvocation": True, "discardTopBottom": 0.2, "dryRun": False, "later": 1}
    notes = read_input(json.dumps(document)).notes
    assert [note.split()[0] for note in notes] == [
        "parallelInvocation",
        "discardTopBottom",
        "later",
    ]


def test_processors_are_taken_over() -> None:
    arns = [f"arn:aws:lambda:us-east-1:000000000000:function:{name}" for name in ("a", "b")]
    wish = read_input(json.dumps({"preProcessorARN": arns[0], "postProcessorARN": arns[1]}))
    assert (wish.options["pre"], wish.options["post"], wish.notes) == (*arns, ())


def test_a_payload_in_s3_goes_before_the_one_of_the_input() -> None:
    text = json.dumps({"payloadS3": "s3://bucket/event.json", "payload": {"own": 1}, "num": 5})
    wanted = {"payload": "s3://bucket/event.json", "method": "grid", "samples": 5}
    assert read_input(text).options == wanted


@pytest.mark.parametrize(
    ("document", "key"),
    [
        ({"num": 0}, "num"),
        ({"payloadS3": "bucket/event.json"}, "payloadS3"),
        ({"payloadS3": 5}, "payloadS3"),
        ({"preProcessorARN": "prepare"}, "preProcessorARN"),
        ({"postProcessorARN": ["arn:x"]}, "postProcessorARN"),
        ({"num": 2.5}, "num"),
        ({"powerValues": []}, "powerValues"),
        ({"powerValues": "MOST"}, "powerValues"),
        ({"powerValues": [None]}, "powerValues"),
        ({"balancedWeight": "x"}, "balancedWeight"),
        ({"lambdaARN": 5}, "lambdaARN"),
    ],
)
def test_an_input_with_a_value_that_cannot_be_used_names_it(
    document: dict[str, Any], key: str
) -> None:
    with pytest.raises(UsageError, match=key):
        read_input(json.dumps(document), "in.json")


@given(JSON)
def test_any_json_is_read_or_refused(document: object) -> None:
    for read in (read_output, read_input):
        try:
            read(json.dumps(document))
        except UsageError as error:
            assert error.reason
