"""Events that end, told to SQS queues: success and failure destinations, dead letters."""

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from support.waiting import wait_for

ROLE = "arn:aws:iam::000000000000:role/r"
SOURCE = "def handler(event, context):\n    return 1 / event['by']\n"


@pytest.fixture(scope="module")
def sqs() -> Iterator[Any]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield boto3.client(
        "sqs", endpoint_url=f"http://{host}:{port}", region_name="eu-west-1",
        aws_access_key_id="any", aws_secret_access_key="any",
    )  # fmt: skip
    server.stop()


def new_queue(sqs: Any, name: str) -> tuple[str, str]:
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return url, found["Attributes"]["QueueArn"]


def receive(sqs: Any, url: str) -> dict[str, Any]:
    def look() -> list[dict[str, Any]]:
        got = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"])
        return list(got.get("Messages", ()))

    return wait_for(look, "a message")[0]


def test_every_event_ends_in_the_queue_it_should(
    sqs: Any,
    start_local_lambda: Callable[..., Any],
    make_zip: Callable[..., bytes],
    settled: Callable[..., Any],
) -> None:
    good, good_arn = new_queue(sqs, "good")
    bad, bad_arn = new_queue(sqs, "bad")
    dead, dead_arn = new_queue(sqs, "dead")
    endpoint = sqs.meta.endpoint_url
    # A platform minute lasts 20 ms, so that all three tries fit into a moment.
    with start_local_lambda("--sqs-endpoint", endpoint, "--time-scale", "3000") as url:
        client = boto3.client(
            "lambda", endpoint_url=url, region_name="eu-west-1",
            aws_access_key_id="any", aws_secret_access_key="any",
        )  # fmt: skip
        client.create_function(
            FunctionName="f", Role=ROLE, Handler="app.handler",
            Runtime=f"python3.{sys.version_info.minor}",
            Code={"ZipFile": make_zip({"app.py": SOURCE})}, Timeout=10,
            DeadLetterConfig={"TargetArn": dead_arn},
        )  # fmt: skip
        settled(client, "f")
        client.put_function_event_invoke_config(
            FunctionName="f",
            DestinationConfig={
                "OnSuccess": {"Destination": good_arn},
                "OnFailure": {"Destination": bad_arn},
            },
        )
        for divisor in (2, 0):
            client.invoke(
                FunctionName="f", InvocationType="Event", Payload=json.dumps({"by": divisor})
            )
        succeeded = json.loads(receive(sqs, good)["Body"])
        failed = json.loads(receive(sqs, bad)["Body"])
        letter = receive(sqs, dead)
    assert succeeded["responsePayload"] == 0.5
    assert succeeded["requestContext"]["condition"] == "Success"
    assert failed["requestContext"]["condition"] == "RetriesExhausted"
    assert failed["requestContext"]["approximateInvokeCount"] == 3
    assert failed["responsePayload"]["errorType"] == "ZeroDivisionError"
    assert json.loads(letter["Body"]) == {"by": 0}
    attributes = {k: v["StringValue"] for k, v in letter["MessageAttributes"].items()}
    assert attributes == {
        "RequestID": failed["requestContext"]["requestId"],
        "ErrorCode": "200",
        "ErrorMessage": "division by zero",
    }
