"""A load through a Function URL: what it does not tell is found in CloudWatch Logs (moto)."""

import itertools
import json
import socket
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from support.told import warned
from tuner.cli.app import main
from tuner.store.runs import Store

REGION = "eu-west-1"
KEYS = {"aws_access_key_id": "any", "aws_secret_access_key": "any"}


@pytest.fixture
def function(moto_url: str, make_zip: Callable[..., bytes]) -> str:
    """A function in moto; nothing ever calls it."""
    import boto3

    role = boto3.client("iam", endpoint_url=moto_url, region_name=REGION, **KEYS).create_role(
        RoleName=f"r-{uuid.uuid4()}", AssumeRolePolicyDocument="{}"
    )
    name = f"front-{uuid.uuid4().hex[:8]}"
    boto3.client("lambda", endpoint_url=moto_url, region_name=REGION, **KEYS).create_function(
        FunctionName=name,
        Runtime="python3.12",
        Role=role["Role"]["Arn"],
        Handler="app.handler",
        MemorySize=256,
        Code={"ZipFile": make_zip({"app.py": "def handler(e, c): pass"})},
    )
    return name


def test_durations_behind_a_function_url_come_from_the_logs(
    moto_url: str,
    function: str,
    serve: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import boto3

    logs = boto3.client("logs", endpoint_url=moto_url, region_name=REGION, **KEYS)
    group = f"/aws/lambda/{function}"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    numbers = itertools.count()

    def front(_server: Any, connection: socket.socket, _number: int) -> bool:
        """Answers, and logs as the function behind it would; every fourth line is lost."""
        request_id, number = str(uuid.uuid4()), next(numbers)
        init = "\tInit Duration: 100.00 ms" if number == 0 else ""
        line = (
            f"REPORT RequestId: {request_id}\tDuration: 12.50 ms\tBilled Duration: 13 ms\t"
            f"Memory Size: 256 MB\tMax Memory Used: 40 MB{init}\t\n"
        )
        if number % 4 != 3:
            event = {"timestamp": int(time.time() * 1000), "message": line}
            logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=[event])
        head = f"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nx-amzn-RequestId: {request_id}\r\n\r\nhi"
        connection.sendall(head.encode())
        return True

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")
    monkeypatch.setenv("AWS_ENDPOINT_URL", moto_url)
    monkeypatch.setattr("tuner.aws.logs._WAITS_S", (0.0, 0.1))
    place = (function, "--region", REGION, "--url", serve(front).url)
    with pytest.raises(SystemExit) as ended:
        main(("load", *place, "--rate", "20", "--duration", "1s", "--json", "-"))
    said = capsys.readouterr()
    assert ended.value.code == 0, said.err
    told = json.loads(said.out)
    assert told["outcomes"]["ok"] == 20
    assert told["duration_ms"]["p50"] == pytest.approx(12.5, rel=2e-3)
    assert told["cold_starts"] == 1
    assert told["cost_usd"] > 0
    [warning] = warned(told)
    assert "those of 15 of 20 answered calls" in warning["text"]
    with Store.open(create=False) as store:
        kept = store.samples(store.run("last").run)
    assert sum(sample.duration_ms == 12.5 for sample in kept) == 15
    assert sum(sample.init_ms == 100.0 for sample in kept) == 1
