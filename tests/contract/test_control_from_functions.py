"""A function of `tuner local` may invoke others; the rest its role would have to allow on AWS."""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from support.local_lambda import boto3_client, zipped
from tuner.locallambda.sandbox import peers

SOURCE = """
import json, os, socket, urllib.error, urllib.request
SIGNED = "AWS4-HMAC-SHA256 Credential=ANY/20260101/eu-west-1/lambda/aws4_request, Signature=x"
def handler(event, context):
    if event.get("leave"):
        text = f"DELETE {event['path']} HTTP/1.1\\r\\nHost: {event['host']}\\r\\n"
        with socket.create_connection(event["host"].split(":")) as connection:
            connection.sendall(f"{text}Authorization: {SIGNED}\\r\\n\\r\\n".encode())
        return
    url = "http://" + event["host"] + event["path"]
    data = b"{}" if event.get("post") else None
    request = urllib.request.Request(url, data, {"Authorization": SIGNED})
    try:
        return urllib.request.urlopen(request).status
    except urllib.error.HTTPError as error:
        return [error.code, error.headers["x-amzn-ErrorType"]]
"""
OTHER = "def handler(event, context):\n    return 1\n"
PATHS = ["/2015-03-31/functions/other/configuration", "/tuner/events", "/tuner/logs"]


@pytest.fixture
def ask(settled: Callable[..., Any]) -> Callable[..., Any]:
    """What a function beside another one gets from its local Lambda at ``url``."""

    def start(url: str) -> Callable[..., Any]:
        client = boto3_client(url)
        for name, source in (("asker", SOURCE), ("other", OTHER)):
            client.create_function(
                FunctionName=name,
                Code={"ZipFile": zipped({"app.py": source})},
                Role="arn:aws:iam::000000000000:role/r",
                Runtime=f"python3.{sys.version_info.minor}",
                Handler="app.handler",
                Timeout=20,
            )
            settled(client, name)

        def asked(path: str, **more: Any) -> Any:
            event = {"host": url.removeprefix("http://"), "path": path, **more}
            answer = client.invoke(FunctionName="asker", Payload=json.dumps(event))
            return json.loads(answer["Payload"].read())

        return asked

    return start


def test_functions_invoke_others_but_neither_read_nor_change_them(
    start_local_lambda: Callable[..., Any], ask: Callable[..., Any]
) -> None:
    if not peers.can_tell():
        pytest.skip("this system does not tell who holds a connection")
    with start_local_lambda() as url:
        asked = ask(url)
        for path in PATHS:
            assert asked(path) == [403, "AccessDeniedException"]
        assert asked("/2015-03-31/functions/other/invocations", post=True) == 200
        for _ in range(5):  # nobody holds the connection when its request is read
            asked("/2015-03-31/functions/other", leave=True)
        time.sleep(0.05)
        client = boto3_client(url)
        assert client.get_function(FunctionName="other")["Configuration"]


def test_functions_call_everything_where_the_service_allows_it(
    start_local_lambda: Callable[..., Any], ask: Callable[..., Any]
) -> None:
    with start_local_lambda("--control-from-functions") as url:
        asked = ask(url)
        assert [asked(path) for path in PATHS] == [200] * 3
