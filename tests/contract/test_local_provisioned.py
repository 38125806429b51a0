"""Provisioned concurrency of the running local Lambda, through boto3: real INITs, real REPORTs."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.waiting import wait_for
from tuner.recording.reportline import parse_report

HANDLER = """
import os
print("loading")
def handler(event, context):
    return {"how": os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"], "id": context.log_stream_name}
"""


def ready(client: Any, name: str, qualifier: str, count: int) -> dict[str, Any]:
    client.put_provisioned_concurrency_config(
        FunctionName=name, Qualifier=qualifier, ProvisionedConcurrentExecutions=count
    )

    def look() -> dict[str, Any] | None:
        told: dict[str, Any] = client.get_provisioned_concurrency_config(
            FunctionName=name, Qualifier=qualifier
        )
        return told if told["Status"] != "IN_PROGRESS" else None

    return wait_for(look, "provisioned sandboxes")


def test_first_calls_meet_no_init_and_the_log_of_init_is_not_theirs(
    lambda_client: Any, new_function: Callable[..., str]
) -> None:
    name = new_function(HANDLER)
    version = lambda_client.publish_version(FunctionName=name)["Version"]
    told = ready(lambda_client, name, version, 2)
    assert (told["Status"], told["AvailableProvisionedConcurrentExecutions"]) == ("READY", 2)
    streams = set()
    for _ in range(2):
        answer = lambda_client.invoke(FunctionName=name, Qualifier=version, LogType="Tail")
        tail = base64.b64decode(answer["LogResult"]).decode()
        report = parse_report(tail)
        assert report is not None
        assert report.init_ms is None
        assert "loading" not in tail
        body = answer["Payload"].read().decode()
        assert '"how": "provisioned-concurrency"' in body
        streams.add(body)
    assert len(streams) == 2  # each call met a sandbox of its own
    lambda_client.delete_provisioned_concurrency_config(FunctionName=name, Qualifier=version)
    answer = lambda_client.invoke(FunctionName=name, Qualifier=version, LogType="Tail")
    assert "Init Duration" in base64.b64decode(answer["LogResult"]).decode()


def test_an_init_that_raises_ends_in_failed_with_its_reason(
    lambda_client: Any, new_function: Callable[..., str]
) -> None:
    name = new_function("raise RuntimeError('no')\n")
    version = lambda_client.publish_version(FunctionName=name)["Version"]
    told = ready(lambda_client, name, version, 1)
    assert (told["Status"], told["StatusReason"]) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")


def test_boto3_reads_every_answer_and_its_own_exception(
    lambda_client: Any, new_function: Callable[..., str]
) -> None:
    name = new_function(HANDLER)
    version = lambda_client.publish_version(FunctionName=name)["Version"]
    with pytest.raises(ClientError) as caught:
        lambda_client.get_provisioned_concurrency_config(FunctionName=name, Qualifier=version)
    assert caught.value.response["Error"]["Code"] == "ProvisionedConcurrencyConfigNotFoundException"
    ready(lambda_client, name, version, 1)
    listed = lambda_client.list_provisioned_concurrency_configs(FunctionName=name)
    (one,) = listed["ProvisionedConcurrencyConfigs"]
    assert one["FunctionArn"].endswith(f":function:{name}:{version}")
    assert one["AllocatedProvisionedConcurrentExecutions"] == 1
