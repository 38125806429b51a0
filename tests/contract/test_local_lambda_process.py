"""The local Lambda as a process and as plain HTTP: how it starts, ends, and whom it answers."""

import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
from botocore.exceptions import ClientError

from support.local_lambda import ROLE, boto3_client, wait_until_settled
from support.waiting import wait_for

pytest.importorskip("awslambdaric", reason="handlers need awslambdaric, absent here")

SIGNED = "AWS4-HMAC-SHA256 Credential=any/20260101/eu-west-1/lambda/aws4_request, Signature=0"
SLEEPER = "import time\ndef handler(event, context):\n    time.sleep(60)\n"


def ask(
    url: str, path: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    told = {"Authorization": SIGNED, **{k.replace("_", "-"): v for k, v in headers.items()}}
    connection.request(method, path, body, {k: v for k, v in told.items() if v})
    answer = connection.getresponse()
    found = (answer.status, dict(answer.getheaders()), answer.read())
    connection.close()
    return found


def start(*arguments: str, **more: Any) -> tuple[subprocess.Popen[str], str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tuner.locallambda", *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more,
    )  # fmt: skip
    assert process.stdout
    return process, process.stdout.readline().strip()


def invoke_and_forget(url: str, name: str) -> None:
    """Leave a call running, as a client that does not wait."""
    where = urlsplit(url)
    connection = socket.create_connection((where.hostname, where.port))
    connection.sendall(
        f"POST /2015-03-31/functions/{name}/invocations HTTP/1.1\r\nHost: {where.netloc}\r\n"
        f"Authorization: {SIGNED}\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    )


def with_a_busy_sandbox(
    make_zip: Callable[..., bytes], *arguments: str, **more: Any
) -> tuple[subprocess.Popen[str], list[psutil.Process]]:
    """A service whose sandbox is running a handler, and all processes below the service."""
    import base64

    process, url = start(*arguments, **more)
    made = {
        "FunctionName": "f",
        "Runtime": f"python3.{sys.version_info.minor}",
        "Handler": "app.handler",
        "Role": "arn:aws:iam::000000000000:role/r",
        "Timeout": 60,
        "Code": {"ZipFile": base64.b64encode(make_zip({"app.py": SLEEPER})).decode()},
    }
    assert ask(url, "/2015-03-31/functions", "POST", json.dumps(made).encode())[0] == 201
    time.sleep(0.2)
    invoke_and_forget(url, "f")

    def look() -> list[psutil.Process]:
        below = psutil.Process(process.pid).children(recursive=True)
        return below if len(below) >= 2 else []

    return process, wait_for(look, "the sandbox of the call")


def still_there(processes: list[psutil.Process]) -> list[psutil.Process]:
    return psutil.wait_procs(processes, timeout=5)[1]


def test_a_missing_signature_is_refused(local_lambda_url: str) -> None:
    status, headers, body = ask(local_lambda_url, "/2015-03-31/functions", Authorization="")
    assert status == 403
    assert headers["x-amzn-ErrorType"] == "MissingAuthenticationTokenException"
    assert json.loads(body) == {"message": "Missing Authentication Token"}


def test_a_foreign_host_name_is_refused(local_lambda_url: str) -> None:
    for host, status in (("evil.example", 403), ("localhost", 200), ("127.0.0.1:1", 200)):
        assert ask(local_lambda_url, "/2015-03-31/functions", Host=host)[0] == status


def test_with_keys_nobody_else_is_answered(
    start_local_lambda: Callable[..., Any], make_zip: Callable[..., bytes]
) -> None:
    from tuner.targets.embedded import EmbeddedLambda, EmbeddedOptions

    service = EmbeddedLambda(EmbeddedOptions())
    try:
        url, made = service.url, {"ZipFile": make_zip({"app.py": "def handler(e, c): return 1"})}
        ours = boto3_client(url, keys=service.keys)
        ours.create_function(
            FunctionName="f", Runtime="python3.11", Handler="app.handler", Role=ROLE, Code=made
        )
        wait_until_settled(ours, "f")
        assert ours.invoke(FunctionName="f")["Payload"].read() == b"1"
        with pytest.raises(ClientError, match="InvalidSignatureException"):
            boto3_client(url, keys=("tuner", "tuner")).list_functions()
        for path in ("/2015-03-31/functions", "/tuner/events", "/tuner/logs?group=/aws/lambda/f"):
            assert ask(url, path)[0] == 403
        assert ask(url, "/2015-03-31/functions/f/invocations", "POST", b"{}")[0] == 403
        where = urlsplit(ours.get_function(FunctionName="f")["Code"]["Location"])
        assert ask(url, f"{where.path}?{where.query}")[2] == made["ZipFile"]
        assert ask(url, where.path)[0] == 403
    finally:
        service.close()


def test_beyond_loopback_it_prints_keys_and_answers_to_them_alone() -> None:
    process, url = start("--host", "0.0.0.0")
    try:
        assert process.stdout is not None
        exported = [process.stdout.readline().split() for _ in range(2)]
        keys = [words[1].split("=")[1] for words in exported]
        assert [words[1].split("=")[0] for words in exported] == [
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
        ]
        here = url.replace("0.0.0.0", "127.0.0.1")
        assert boto3_client(here, keys=(keys[0], keys[1])).list_functions()["Functions"] == []
        assert ask(here, "/2015-03-31/functions")[0] == 403
        assert ask(here, "/2015-03-31/functions", Host="rebind.example")[0] == 403
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("umask", [0, 0o077])
def test_what_it_keeps_is_for_this_user_alone(
    make_zip: Callable[..., bytes], tmp_path: Path, umask: int
) -> None:
    data = tmp_path / "data"
    process, below = with_a_busy_sandbox(make_zip, "--data", str(data), umask=umask)
    process.terminate()
    process.wait(20)
    still_there(below)
    folders = [data, data / "functions", data / "packages", data / "queue"]
    assert [oct(path.stat().st_mode & 0o777) for path in folders] == ["0o700"] * 4
    [document] = data.glob("functions/*/*.json")
    assert document.stat().st_mode & 0o777 == 0o600


def test_every_answer_names_its_request_and_errors_their_type(local_lambda_url: str) -> None:
    path = "/2015-03-31/functions/nobody/invocations"
    status, headers, body = ask(local_lambda_url, path, "POST", b"{}")
    assert status == 404
    assert len(headers["x-amzn-RequestId"]) == 36
    assert headers["x-amzn-ErrorType"] == "ResourceNotFoundException"
    assert headers["Content-Type"].startswith("application/json")
    assert json.loads(body)["Type"] == "User"


def test_a_quoted_arn_in_the_path_names_the_function(local_lambda_url: str) -> None:
    arn = "arn%3Aaws%3Alambda%3Aeu-west-1%3A000000000000%3Afunction%3Anobody%3Alive"
    for path in (f"/2015-03-31/functions/{arn}", f"/2015-03-31/functions/{arn}/configuration"):
        body = json.loads(ask(local_lambda_url, path)[2])
        assert body["Message"].startswith("Function not found: arn:aws:lambda:eu-west-1:")


def test_the_platform_is_described(local_lambda_url: str) -> None:
    status, _, body = ask(local_lambda_url, "/tuner/platform")
    assert status == 200
    told = json.loads(body)
    assert told["cores"] == psutil.cpu_count()
    assert {"cpu_method", "time_scale", "account_concurrency"} <= set(told)


def logs_client(url: str) -> Any:
    import boto3

    return boto3.client(
        "logs", endpoint_url=url, region_name="eu-west-1",
        aws_access_key_id="any", aws_secret_access_key="any",
    )  # fmt: skip


MANY_LINES = """
import logging

def handler(event, context):
    print("one\\ntwo")
    logging.getLogger().warning("three\\nfour")
    raise ValueError("no")
"""


def test_errors_and_what_a_logger_writes_are_one_event_each(
    lambda_client: Any, new_function: Callable[..., str], local_lambda_url: str
) -> None:
    name = new_function(MANY_LINES)
    tail = lambda_client.invoke(FunctionName=name, LogType="Tail")["LogResult"]
    found = logs_client(local_lambda_url).filter_log_events(logGroupName=f"/aws/lambda/{name}")
    begin, one, two, warned, failed, end, report = [one["message"] for one in found["events"]]
    assert (one, two) == ("one\n", "two\n")
    assert warned.endswith("\tthree\nfour\n")
    assert failed.startswith("[ERROR] ValueError: no\nTraceback (most recent call last):\n")
    whole = "".join((begin, one, two, warned, failed, end, report))
    assert base64.b64decode(tail).decode() == whole


def test_logs_are_found_as_in_cloudwatch(
    lambda_client: Any, new_function: Callable[..., str], local_lambda_url: str
) -> None:
    name = new_function("def handler(event, context):\n    print('look', event)\n")
    for number in range(3):
        lambda_client.invoke(FunctionName=name, Payload=str(number).encode())
    logs = logs_client(local_lambda_url)
    found = logs.get_paginator("filter_log_events").paginate(
        logGroupName=f"/aws/lambda/{name}",
        filterPattern='"look"',
        PaginationConfig={"PageSize": 2},
    )
    texts = [event["message"] for page in found for event in page["events"]]
    assert texts == ["look 0\n", "look 1\n", "look 2\n"]
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.filter_log_events(logGroupName="/aws/lambda/nobody")


def test_a_port_in_use_is_two_lines_and_exit_code_one(local_lambda_url: str) -> None:
    port = urlsplit(local_lambda_url).port
    process, url = start("--port", str(port))
    assert url == ""
    assert process.wait(20) == 1
    complaint = (process.stderr.read() if process.stderr else "").splitlines()
    assert len(complaint) == 2
    assert complaint[0].startswith(f"127.0.0.1:{port}: cannot listen there")
    assert "choose another --port" in complaint[1]


def test_a_data_folder_that_cannot_be_made_is_exit_code_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    process, url = start("--data", str(tmp_path / "file"))
    assert url == ""
    assert process.wait(20) == 1
    assert "cannot store functions there" in (process.stderr.read() if process.stderr else "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_with_all_its_children(
    make_zip: Callable[..., bytes], number: int
) -> None:
    process, below = with_a_busy_sandbox(make_zip)
    process.send_signal(number)
    assert process.wait(20) == 0
    assert still_there(below) == []
    assert process.stderr is not None
    assert process.stderr.read() == ""


def test_it_ends_with_the_process_that_started_it(make_zip: Callable[..., bytes]) -> None:
    process, below = with_a_busy_sandbox(make_zip, "--parent-pipe")
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait(20) == 0
    assert still_there(below) == []


def test_killed_outright_it_leaves_neither_children_nor_files(
    make_zip: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    process, below = with_a_busy_sandbox(make_zip)
    assert list(tmp_path.glob("tuner-lambda-*"))
    os.kill(process.pid, signal.SIGKILL)
    process.wait(20)
    assert still_there(below) == []
    assert list(tmp_path.iterdir()) == []


def test_a_restart_on_the_same_data_serves_the_same_function(
    make_zip: Callable[..., bytes],
    start_local_lambda: Callable[..., Any],
    settled: Callable[..., Any],
    tmp_path: Path,
) -> None:
    import base64

    with start_local_lambda("--data", str(tmp_path)) as url:
        made = {
            "FunctionName": "kept",
            "Runtime": f"python3.{sys.version_info.minor}",
            "Handler": "app.handler",
            "Role": "arn:aws:iam::000000000000:role/r",
            "Code": {
                "ZipFile": base64.b64encode(
                    make_zip({"app.py": "def handler(e, c):\n    return 'kept'\n"})
                ).decode()
            },
        }
        assert ask(url, "/2015-03-31/functions", "POST", json.dumps(made).encode())[0] == 201
    with start_local_lambda("--data", os.path.relpath(tmp_path)) as url:
        path = "/2015-03-31/functions/kept/invocations"
        assert ask(url, path, "POST", b"{}")[2] == b'"kept"'
