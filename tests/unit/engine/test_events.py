"""Event templates: all bundled ones render, placeholders keep their promises, bad ones say why."""

import gzip
import json
import re
from base64 import b64decode
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.engine.profiles.events import event_names, load_event
from tuner.engine.profiles.placeholders import Scope, fill
from tuner.errors import UsageError

NOW_S = 1_769_850_000.5  # 2026-01-31T09:00:00.500Z


def scope(seed: int = 1, number: int = 0) -> Scope:
    return Scope(Random(seed), NOW_S, number, lambda _name: [{"email": "a@b", "id": "7"}])


def events(text: str, count: int = 1, seed: int = 1) -> list[Any]:
    return [json.loads(body) for body in load_event(text).render(count, seed, NOW_S)]


def test_there_is_a_template_for_every_source_that_triggers_functions() -> None:
    assert set(event_names()) >= {
        *("s3", "dynamodb", "kinesis", "cognito", "alexa", "apigateway-rest", "apigateway-http"),
        *("apigateway-websocket", "function-url", "alb", "iot", "cloudformation", "cloudtrail"),
        *("codecommit", "cloudwatch-alarm", "cloudwatch-logs", "ses", "sns", "sqs", "schedule"),
        "step-functions",
    }


@pytest.mark.parametrize("name", event_names())
def test_a_bundled_template_is_filled_anew_for_each_call(name: str) -> None:
    template = load_event(name)
    first, second = template.render(2, 1, NOW_S)
    assert template.about
    assert b"{{" not in first
    assert b"$each" not in first and b"$json" not in first
    assert first != second
    assert template.render(2, 1, NOW_S) == (first, second)
    assert template.render(1, 2, NOW_S)[0] != first


@pytest.mark.parametrize(("text", "size"), [("sqs", 10), ("sqs:3", 3), ("kinesis:250", 250)])
def test_a_batch_has_the_records_asked_each_of_its_own(text: str, size: int) -> None:
    [event] = events(text)
    ids = {record.get("messageId") or record["eventID"] for record in event["Records"]}
    assert len(event["Records"]) == len(ids) == size


def test_bodies_are_encoded_as_their_sources_do() -> None:
    [kinesis], [logs], [sqs] = events("kinesis:1"), events("cloudwatch-logs:2"), events("sqs:1")
    data = json.loads(b64decode(kinesis["Records"][0]["kinesis"]["data"]))
    assert data["device"] == kinesis["Records"][0]["kinesis"]["partitionKey"]
    lines = json.loads(gzip.decompress(b64decode(logs["awslogs"]["data"])))
    assert len(lines["logEvents"]) == 2
    assert isinstance(lines["logEvents"][0]["timestamp"], int)
    assert 1000 <= json.loads(sqs["Records"][0]["body"])["order"] <= 9999
    assert sqs["Records"][0]["attributes"]["SentTimestamp"] == "1769850000500"


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("{{uuid}}", r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
        ("{{hex 8}}-{{digits 3}}", r"[0-9a-f]{8}-\d{3}"),
        ("{{now}}", r"2026-01-31T09:00:00\.500Z"),
        ("{{now date}}", "2026-01-31"),
        ("{{now clf}}", r"31/Jan/2026:09:00:00 \+0000"),
        ("at {{now ms}}", "at 1769850000500"),
        ("{{row users.csv email}}", "a@b"),
        ("{{str int 5 5}}", "5"),
        ("no placeholder } { here", "no placeholder } { here"),
    ],
)
def test_placeholders_become_what_they_say(text: str, pattern: str) -> None:
    value = fill(text, scope())
    assert isinstance(value, str)
    assert re.fullmatch(pattern, value)


def test_a_text_that_is_only_a_number_becomes_one() -> None:
    assert fill("{{int 4 4}}", scope()) == 4
    assert fill("{{now s}}", scope()) == 1_769_850_000
    assert fill("{{n}}", scope(number=3)) == 3
    assert fill("n{{n}}", scope(number=3)) == "n3"


def test_a_kept_value_is_the_same_again_and_others_are_not() -> None:
    first, second, other = str(fill("{{uuid @a}} {{uuid @a}} {{uuid}}", scope())).split()
    assert first == second != other


def test_choices_come_by_weight() -> None:
    one = scope()
    counts = Counter(fill("{{choice GET=9 POST=1}}", one) for _ in range(1000))
    assert 850 <= counts["GET"] <= 940
    assert {fill("{{choice a b}}", one) for _ in range(50)} == {"a", "b"}


@pytest.mark.parametrize(
    "text",
    ["{{}}", "{{nothing}}", "{{int 1}}", "{{int 5 1}}", "{{int a b}}", "{{hex 0}}", "{{hex 99999}}",
     "{{uuid 4}}", "{{now never}}", "{{choice}}", "{{choice a=0}}", "{{row users.csv}}",
     "{{row users.csv name}}", "{{str}}", "{{@a}}"],
)  # fmt: skip
def test_a_placeholder_that_makes_no_sense_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        fill(text, scope())
    assert len(str(caught.value).splitlines()) <= 2


@given(st.text(max_size=60) | st.lists(st.sampled_from(
    ["{{", "}}", "int", " ", "1", "9" * 20, "now", "choice", "=", "@a", "hex", "float", "inf"]
), max_size=8).map("".join))  # fmt: skip
def test_any_text_is_filled_or_refused(text: str) -> None:
    try:
        value = fill(text, scope())
    except UsageError:
        return
    json.dumps(value)
    if "{{" not in text:
        assert value == text


def test_rows_of_a_csv_beside_the_template_stay_together(tmp_path: Path) -> None:
    (tmp_path / "users.csv").write_text("id,email\n1,one@example.com\n2,two@example.com\n")
    record = {"id": "{{row users.csv id}}", "email": "{{row users.csv email}}"}
    document = {"batch": 1, "event": {"users": [{"$each": record}]}}
    (tmp_path / "mine.json").write_text(json.dumps(document))
    [event] = events(f"{tmp_path}/mine.json:50")
    pairs = {(user["id"], user["email"]) for user in event["users"]}
    assert pairs == {("1", "one@example.com"), ("2", "two@example.com")}


def test_any_json_file_is_an_event_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "plain.json").write_text('{"event": 1, "other": [true, null, 2.5]}')
    assert events(str(tmp_path / "plain.json")) == [{"event": 1, "other": [True, None, 2.5]}]


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("s4", UsageError, "There are: alb"),
        ("sqs:0", UsageError, "is not a possible batch size"),
        ("sqs:10001", UsageError, "1 to 10000"),
        ("schedule:5", UsageError, "has no batch"),
        ("none.json", UsageError, "cannot be read"),
    ],
)
def test_an_event_that_cannot_be_had_says_why(text: str, kind: type, says: str) -> None:
    with pytest.raises(kind, match=says):
        load_event(text)


def test_an_event_beyond_lambdas_limit_is_refused(tmp_path: Path) -> None:
    record = {"text": "{{hex 4096}}"}
    (tmp_path / "big.json").write_text(json.dumps({"batch": 1, "event": [{"$each": record}]}))
    with pytest.raises(UsageError, match="smaller batch"):
        load_event(f"{tmp_path}/big.json:2000").render(1, 0, NOW_S)
