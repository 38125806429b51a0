"""The chart's URL, and files of aws-lambda-power-tuning."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.errors import UsageError
from tuner.recommend.power_tuning import Point, chart_url, read_input, read_output

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["power", "cost", "duration", "stats", "results", "value", "num"])
            | st.text(max_size=6),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


def test_the_url_is_the_one_that_the_page_decodes() -> None:
    points = [
        Point(m, t, c)
        for m, t, c in zip(
            (1536, 128, 256, 512, 1024),
            (2.1, 16, 8, 4, 2.8),
            (0.012, 0.01, 0.008, 0.005, 0.009),
            strict=True,
        )
    ]
    assert chart_url(points) == (
        "https://lambda-power-tuning.show/#gAAAAQACAAQABg==;"
        "AACAQQAAAEEAAIBAMzMzQGZmBkA=;CtcjPG8SAzwK16M7vHQTPKabRDw="
    )


def test_in_china_the_page_is_told_the_currency() -> None:
    url = chart_url([Point(10_240, 3.0, 1e-6)], region="cn-north-1")
    assert url is not None
    assert url.startswith("https://lambda-power-tuning.show/?currency=CNY#ACg=;")


def test_without_points_there_is_no_url() -> None:
    assert chart_url([]) is None


RESULT = {"power": "512", "cost": 0.0000002083, "duration": 2.9}
STATS = [{"value": 512, "averagePrice": 2e-7, "averageDuration": 2.9}]


def test_output_is_read_flat_and_wrapped_with_power_as_text_or_number() -> None:
    flat = read_output(json.dumps(RESULT))
    wrapped = read_output(json.dumps({"results": {**RESULT, "power": 512, "stats": STATS}}))
    assert flat.power == wrapped.power == 512
    assert flat.points == ()
    assert wrapped.points == (Point(512, 2.9, 2e-7),)


def test_input_becomes_options() -> None:
    wish = read_input(
        json.dumps(
            {
                "lambdaARN": "arn:aws:lambda:us-east-1:1:function:f",
                "powerValues": [512, "128", 512],
                "num": 50,
                "strategy": "balanced",
                "balancedWeight": 0.7,
                "payload": [{"payload": {"a": 1}, "weight": 2}, {"payload": {}, "weight": 1}],
            }
        )
    )
    assert wish.sizes_mb == (128, 512)
    assert (wish.samples, wish.strategy, wish.balance) == (50, "balanced", 0.7)
    assert [p["weight"] for p in wish.weighted_payloads] == [2, 1]


def test_a_list_payload_without_weights_is_a_payload() -> None:
    wish = read_input(
        json.dumps({"payload": [{"payload": 1}, {"weight": 2}], "powerValues": "ALL"})
    )
    assert wish.weighted_payloads == ()
    assert wish.payload == [{"payload": 1}, {"weight": 2}]
    assert wish.sizes_mb is None


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
    ],
)
def test_what_is_no_output_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        read_output(text)


@given(JSON)
def test_any_json_is_read_or_refused(document: object) -> None:
    for read in (read_output, read_input):
        try:
            read(json.dumps(document))
        except UsageError as error:
            assert error.reason
