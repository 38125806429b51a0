"""Code and layers that clients name as objects of S3, at moto's."""

import base64
import hashlib
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from support.local_lambda import ROLE, boto3_client, zipped
from support.servers import ScriptedServer, good, http_answer

GIVEN = {
    "Role": ROLE,
    "Handler": "app.handler",
    "Runtime": f"python3.{sys.version_info.minor}",
}
ONE, TWO = (zipped({"app.py": f"def handler(event, context):\n    return {n}\n"}) for n in (1, 2))
KEY = "a b/ü+c.zip"


@pytest.fixture(scope="module")
def s3(moto_url: str) -> Any:
    """A client of moto's S3, with the bucket ``code`` that keeps versions."""
    client = boto3.client(
        "s3", endpoint_url=moto_url, region_name="us-east-1",
        aws_access_key_id="any", aws_secret_access_key="any",
    )  # fmt: skip
    client.create_bucket(Bucket="code")
    client.put_bucket_versioning(Bucket="code", VersioningConfiguration={"Status": "Enabled"})
    return client


@pytest.fixture(scope="module")
def client(moto_url: str, start_local_lambda: Callable[..., Any]) -> Iterator[Any]:
    with start_local_lambda("--s3-endpoint", moto_url) as url:
        yield boto3_client(url)


def test_code_comes_from_an_object_and_its_versions(
    s3: Any, client: Any, settled: Callable[..., Any]
) -> None:
    first = s3.put_object(Bucket="code", Key=KEY, Body=ONE)["VersionId"]
    s3.put_object(Bucket="code", Key=KEY, Body=TWO)
    code = {"S3Bucket": "code", "S3Key": KEY}
    made = client.create_function(FunctionName="f", Code=code, **GIVEN)
    assert made["CodeSha256"] == base64.b64encode(hashlib.sha256(TWO).digest()).decode()
    settled(client, "f")
    assert client.invoke(FunctionName="f")["Payload"].read() == b"2"
    client.update_function_code(FunctionName="f", S3ObjectVersion=first, **code)
    settled(client, "f")
    assert client.invoke(FunctionName="f")["Payload"].read() == b"1"
    layer = client.publish_layer_version(LayerName="l", Content=code)
    assert layer["Content"]["CodeSize"] == len(TWO)


@pytest.mark.parametrize(
    ("bucket", "key", "words"),
    [
        (
            "absent",
            KEY,
            "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The "
            "specified bucket does not exist",
        ),
        (
            "code",
            "absent",
            "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The "
            "specified key does not exist.",
        ),
        ("a/b", KEY, "Value 'a/b' at 'code.s3Bucket' failed to satisfy constraint"),
    ],
)
def test_an_object_that_is_not_there_is_refused_as_on_aws(
    s3: Any, client: Any, bucket: str, key: str, words: str
) -> None:
    with pytest.raises(ClientError) as refusal:
        client.create_function(FunctionName="g", Code={"S3Bucket": bucket, "S3Key": key}, **GIVEN)
    assert words in str(refusal.value)


def test_an_error_of_s3_in_a_cdata_section_is_told(start_local_lambda: Callable[..., Any]) -> None:
    said = b"<Error><Code>NoSuchKey</Code><Message><![CDATA[It is gone]]></Message></Error>"
    refusing = ScriptedServer(good(lambda: http_answer(said, "404 Not Found")))
    words = "S3 Error Code: NoSuchKey. S3 Error Message: It is gone$"
    with (
        closing(refusing),
        start_local_lambda("--s3-endpoint", refusing.url) as url,
        pytest.raises(ClientError, match=words),
    ):
        code = {"S3Bucket": "code", "S3Key": KEY}
        boto3_client(url).create_function(FunctionName="g", Code=code, **GIVEN)


def test_an_endpoint_that_does_not_answer_is_named(start_local_lambda: Callable[..., Any]) -> None:
    code = {"S3Bucket": "code", "S3Key": KEY}
    with (
        start_local_lambda("--s3-endpoint", "http://127.0.0.1:9") as url,
        pytest.raises(ClientError, match="Nothing answers at --s3-endpoint http://127"),
    ):
        boto3_client(url).create_function(FunctionName="g", Code=code, **GIVEN)
