"""``--payload s3://bucket/key`` and power-tuning's payloadS3, against moto's S3."""

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.aws.payloads import split_s3
from tuner.cli.app import main
from tuner.engine.batches import Payload
from tuner.errors import AccessDenied, NotFound, TunerError, UsageError
from tuner.options.commands import SweepCall
from tuner.options.payloads import read_payloads

REGION = "eu-west-1"


@pytest.fixture
def put(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes], str]:
    """Put an object into a bucket of its own; gives its URL. Ours finds the same S3."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", moto_url)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    client = boto3.client("s3", endpoint_url=moto_url, region_name=REGION)
    bucket = f"events-{uuid.uuid4()}"
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})

    def put_(body: bytes, key: str = "a folder/event.json") -> str:
        client.put_object(Bucket=bucket, Key=key, Body=body)
        return f"s3://{bucket}/{key}"

    return put_


def payloads(url: str, **options: Any) -> tuple[Payload, ...]:
    return read_payloads(SweepCall.made("replay:rec.csv", **(options or {"payload": url})))


def test_a_payload_is_fetched_from_s3(put: Any) -> None:
    assert payloads(put('{"city": "Zürich"}'.encode())) == (Payload('{"city": "Zürich"}'.encode()),)


def test_only_a_list_of_payloads_with_weights_is_weighted(
    put: Any,
) -> None:
    weighted = json.dumps(
        [{"payload": {"n": 1}, "weight": 3}, {"payload": 2, "weight": 1}]
    ).encode()
    wanted = (Payload(b'{"n": 1}', 3.0, "1"), Payload(b"2", 1.0, "2"))
    url = put(weighted)
    assert payloads(url) == wanted
    assert payloads(url, payloads=url) == wanted
    plain = b'[{"payload": 1}]'
    assert payloads(put(plain)) == (Payload(plain),)


@pytest.mark.parametrize(
    ("body", "error", "says"),
    [
        (b"not json", UsageError, "is not JSON"),
        (b"\xff\xfe", UsageError, "is UTF-16"),
        (b"\xff{}", UsageError, "is not text"),
        (b'"%s"' % (b"x" * 7_000_000), UsageError, "Lambda takes at most"),
    ],
)
def test_an_object_that_is_no_payload_is_refused(
    put: Any, body: bytes, error: type[TunerError], says: str
) -> None:
    with pytest.raises(error, match=says):
        payloads(put(body))


def test_an_object_that_is_too_large_is_not_even_read(
    put: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tuner.options.payloads._MOST_IN_S3", 10)
    with pytest.raises(UsageError, match="is 16 bytes; at most 10 can be sent"):
        payloads(put(b'{"n": 123456789}'))


def test_what_is_not_there_is_said(put: Any) -> None:
    url = put(b"{}")
    with pytest.raises(NotFound, match="there is no such object"):
        payloads(f"{url}x")
    with pytest.raises(NotFound, match="there is no such bucket"):
        payloads(f"s3://no-such-bucket-{uuid.uuid4()}/event.json")


def test_a_refusal_names_the_right_that_is_missing(put: Any) -> None:
    from types import SimpleNamespace

    from tuner.aws.payloads import read_s3
    from tuner.aws.session import SessionOptions, open_session

    url = put(b"{}")
    session = open_session(SessionOptions(REGION))
    answer = {
        "Error": {"Code": "AccessDenied", "Message": "no"},
        "ResponseMetadata": {"HTTPStatusCode": 403},
    }
    session.boto.register(
        "before-call.s3.GetObject", lambda **_: (SimpleNamespace(status_code=403), answer)
    )
    with pytest.raises(AccessDenied, match="s3:GetObject is not allowed"):
        read_s3(session, url, 100)


def test_a_power_tuning_input_brings_its_payload_from_s3(put: Any, capsys: Any) -> None:
    Path("rec.csv").write_text("memory_mb,duration_ms\n" + "128,100\n256,60\n" * 20)
    document = {"lambdaARN": "replay:rec.csv", "payloadS3": put(b'{"n": 1}'), "num": 5}
    Path("input.json").write_text(json.dumps({**document, "powerValues": [128, 256]}))
    with pytest.raises(SystemExit) as ended:
        main(["sweep", "--power-tuning-input", "input.json", "--quiet"])
    assert not ended.value.code, capsys.readouterr().err
    options = SweepCall.made(None, power_tuning_input="input.json")
    assert read_payloads(options) == (Payload(b'{"n": 1}'),)
    assert options.stored()["payload"] == document["payloadS3"]


@given(st.text(max_size=30).map(lambda text: f"s3://{text}") | st.text(max_size=20))
def test_any_text_names_an_object_or_is_refused(text: str) -> None:
    try:
        bucket, key = split_s3(text)
    except UsageError:
        return
    assert f"s3://{bucket}/{key}" == text
