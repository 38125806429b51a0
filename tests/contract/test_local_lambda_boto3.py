"""The local Lambda as boto3 sees it: real handlers, real sandboxes, AWS's answers."""

import base64
import json
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.waiting import wait_for

ECHO = "def handler(event, context):\n    print('seen')\n    return event\n"
SLEEP = """
import time
def handler(event, context):
    time.sleep(event['seconds'])
    return context.log_stream_name
"""


def tail(answer: dict[str, Any]) -> str:
    return base64.b64decode(answer["LogResult"]).decode()


def test_an_invocation_answers_with_payload_version_and_log_tail(
    lambda_client: Any, new_function: Callable[..., str]
) -> None:
    name = new_function(ECHO, MemorySize=128)
    answer = lambda_client.invoke(FunctionName=name, Payload=b'{"a": "\xc3\xa4"}', LogType="Tail")
    assert answer["StatusCode"] == 200
    assert "FunctionError" not in answer
    assert answer["ExecutedVersion"] == "$LATEST"
    assert json.loads(answer["Payload"].read()) == {"a": "ä"}
    request_id = answer["ResponseMetadata"]["RequestId"]
    assert re.fullmatch(
        rf"START RequestId: {request_id} Version: \$LATEST\nseen\nEND RequestId: {request_id}\n"
        rf"REPORT RequestId: {request_id}\tDuration: [\d.]+ ms\tBilled Duration: \d+ ms\t"
        r"Memory Size: 128 MB\tMax Memory Used: \d+ MB\tInit Duration: [\d.]+ ms\t\n",
        tail(answer),
    )


def test_the_second_invocation_is_warm(
    lambda_client: Any, new_function: Callable[..., str]
) -> None:
    name = new_function(ECHO)
    tails = [tail(lambda_client.invoke(FunctionName=name, LogType="Tail")) for _ in range(2)]
    assert ["Init Duration" in text for text in tails] == [True, False]


def test_a_raising_handler_is_a_function_error(
    lambda_client: Any, new_function: Callable[..., str]
) -> None:
    name = new_function("def handler(event, context):\n    raise ValueError('no')\n")
    answer = lambda_client.invoke(FunctionName=name)
    told = json.loads(answer["Payload"].read())
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert (told["errorType"], told["errorMessage"]) == ("ValueError", "no")
    assert told["requestId"] == answer["ResponseMetadata"]["RequestId"]


def test_concurrent_invocations_have_a_sandbox_each(
    lambda_client: Any, new_function: Callable[..., str]
) -> None:
    name = new_function(SLEEP)
    payload = b'{"seconds": 0.3}'

    def call(_: int) -> str:
        return lambda_client.invoke(FunctionName=name, Payload=payload)["Payload"].read().decode()

    with ThreadPoolExecutor(4) as pool:
        first = set(pool.map(call, range(4)))
        second = set(pool.map(call, range(4)))
    assert len(first) == 4
    assert second == first


def test_a_running_call_finishes_on_the_old_code_and_the_next_runs_the_new(
    lambda_client: Any,
    new_function: Callable[..., str],
    settled: Callable[..., Any],
    make_zip: Callable[..., bytes],
) -> None:
    old = "import time\ndef handler(event, context):\n    time.sleep(1)\n    return 'old'\n"
    name, answers = new_function(old), []
    running = threading.Thread(
        target=lambda: answers.append(
            lambda_client.invoke(FunctionName=name)["Payload"].read().decode()
        )
    )
    running.start()
    time.sleep(0.2)
    new = make_zip({"app.py": "def handler(event, context):\n    return 'new'\n"})
    lambda_client.update_function_code(FunctionName=name, ZipFile=new)
    settled(lambda_client, name)
    answers.append(lambda_client.invoke(FunctionName=name)["Payload"].read().decode())
    running.join()
    assert answers == ['"new"', '"old"']


def test_a_version_keeps_its_memory_and_sandboxes_while_latest_changes(
    lambda_client: Any, new_function: Callable[..., str], settled: Callable[..., Any]
) -> None:
    source = "import os\ndef handler(event, context):\n    return context.memory_limit_in_mb\n"
    name = new_function(source, MemorySize=256)
    version = lambda_client.publish_version(FunctionName=name)["Version"]
    lambda_client.update_function_configuration(FunctionName=name, MemorySize=512)
    settled(lambda_client, name)
    lambda_client.create_alias(FunctionName=name, Name="live", FunctionVersion=version)
    seen = {
        qualifier: lambda_client.invoke(FunctionName=name, Qualifier=qualifier)
        for qualifier in ("$LATEST", version, "live")
    }
    assert {q: json.loads(a["Payload"].read()) for q, a in seen.items()} == {
        "$LATEST": "512",
        version: "256",
        "live": "256",
    }
    assert seen["live"]["ExecutedVersion"] == version


def test_reserved_concurrency_throttles_with_its_reason(
    lambda_client: Any, new_function: Callable[..., str]
) -> None:
    name = new_function(SLEEP)
    lambda_client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=1)
    with ThreadPoolExecutor(1) as pool:
        busy = pool.submit(lambda_client.invoke, FunctionName=name, Payload=b'{"seconds": 0.6}')
        time.sleep(0.3)
        with pytest.raises(ClientError) as refused:
            lambda_client.invoke(FunctionName=name, Payload=b'{"seconds": 0}')
        assert busy.result()["StatusCode"] == 200
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert refused.value.response["Error"] == {
        "Code": "TooManyRequestsException",
        "Message": "Rate Exceeded.",
    }
    reason = refused.value.response["Reason"]
    assert reason == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert lambda_client.invoke(FunctionName=name, Payload=b'{"seconds": 0}')["StatusCode"] == 200


def test_an_event_is_accepted_and_really_runs(
    lambda_client: Any, new_function: Callable[..., str], local_lambda_url: str
) -> None:
    import urllib.request

    name = new_function("def handler(event, context):\n    print('marker', event['n'])\n")
    answer = lambda_client.invoke(FunctionName=name, InvocationType="Event", Payload=b'{"n": 4711}')
    assert (answer["StatusCode"], answer["Payload"].read()) == (202, b"")
    assert "ExecutedVersion" not in answer
    logs = f"{local_lambda_url}/tuner/logs?region=eu-west-1&group=/aws/lambda/{name}"

    def read() -> str | None:
        with urllib.request.urlopen(logs) as page:
            text = page.read().decode()
        return text if "REPORT" in text else None

    text = wait_for(read, "the report of the event")
    assert "marker 4711" in text
    assert answer["ResponseMetadata"]["RequestId"] in text


def test_a_custom_runtime_runs_an_executable_bootstrap(
    lambda_client: Any, new_function: Callable[..., str]
) -> None:
    bootstrap = """#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
  id=$(curl -sS -D - -o /dev/null "$api/next" | tr -d '\\r' \
       | sed -n 's/^[Ll]ambda-[Rr]untime-[Aa]ws-[Rr]equest-[Ii]d: //p')
  curl -sS -X POST "$api/$id/response" -d '"from sh"' > /dev/null
done
"""
    import shutil

    if shutil.which("curl") is None:
        pytest.skip("the bootstrap of this test needs curl")
    name = new_function({"bootstrap": bootstrap}, Runtime="provided.al2023", Handler="any")
    assert lambda_client.invoke(FunctionName=name)["Payload"].read() == b'"from sh"'


def test_json_logging_ends_the_tail_with_a_platform_report(
    lambda_client: Any, new_function: Callable[..., str]
) -> None:
    name = new_function(ECHO, LoggingConfig={"LogFormat": "JSON"})
    answer = lambda_client.invoke(FunctionName=name, LogType="Tail")
    lines = [json.loads(line) for line in tail(answer).splitlines() if line.startswith("{")]
    assert lines[-1]["type"] == "platform.report"
    assert lines[-1]["record"]["metrics"]["memorySizeMB"] == 1769


def test_the_tail_is_the_last_four_kilobytes(
    lambda_client: Any, new_function: Callable[..., str]
) -> None:
    name = new_function("def handler(event, context):\n    print('x' * 10000)\n")
    answer = lambda_client.invoke(FunctionName=name, LogType="Tail")
    text = base64.b64decode(answer["LogResult"])
    assert len(text) == 4096
    assert b"REPORT RequestId" in text
    assert b"START" not in text


def test_a_published_layer_is_imported_and_read_in_opt(
    lambda_client: Any, new_function: Callable[..., str], make_zip: Any
) -> None:
    files = {"python/mine.py": "ANSWER = 42\n", "share/text": "from a layer"}
    layer = lambda_client.publish_layer_version(
        LayerName="mine", Content={"ZipFile": make_zip(files)}
    )
    code = """
import mine
def handler(event, context):
    return [mine.ANSWER, open("/opt/share/text").read()]
"""
    name = new_function(code, Layers=[layer["LayerVersionArn"]])
    answer = lambda_client.invoke(FunctionName=name)
    assert json.loads(answer["Payload"].read()) == [42, "from a layer"]
