"""The AWS CLI on the local Lambda: create, invoke, publish, alias, throttle, delete.

Uses the ``aws`` in $TUNER_TEST_AWS or on PATH; it has a Python of its own, since it pins botocore.
"""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROLE = "arn:aws:iam::000000000000:role/cli"


@pytest.fixture
def aws(local_lambda_url: str, tmp_path: Path) -> Callable[..., Any]:
    """``aws("get-function", ...)`` gives the JSON answer, or the error text of a failure."""
    program = os.environ.get("TUNER_TEST_AWS") or shutil.which("aws")
    if program is None:
        pytest.skip("no AWS CLI on PATH; name one in TUNER_TEST_AWS")
    environment = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": "any",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": str(tmp_path / "absent"),
        "AWS_MAX_ATTEMPTS": "1",
        "AWS_PAGER": "",
    }

    def call(command: str, *arguments: str) -> Any:
        done = subprocess.run(
            [program, "--endpoint-url", local_lambda_url, "--output", "json", "lambda", command,
             *arguments],
            capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=60,
            check=False,
        )  # fmt: skip
        if done.returncode:
            return done.stderr.strip()
        return json.loads(done.stdout) if done.stdout.strip() else None

    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    if version.returncode:
        pytest.skip(f"the AWS CLI at {program} does not run")
    return call


@pytest.mark.slow
def test_the_life_of_a_function_by_the_aws_cli(
    aws: Callable[..., Any], make_zip: Callable[..., bytes], tmp_path: Path
) -> None:
    source = "def handler(event, context):\n    print('by cli')\n    return {'got': event}\n"
    (tmp_path / "f.zip").write_bytes(make_zip({"app.py": source}))
    (tmp_path / "event.json").write_text('{"n": 1}')
    name = f"cli-{os.getpid()}"
    function = ("--function-name", name)

    made = aws(
        "create-function", *function, "--runtime", f"python3.{sys.version_info.minor}",
        "--handler", "app.handler", "--role", ROLE, "--zip-file", "fileb://f.zip",
        "--memory-size", "256",
    )  # fmt: skip
    assert made["State"] == "Pending"
    assert aws("wait", "function-active-v2", *function) is None

    ran = aws("invoke", *function, "--payload", "fileb://event.json", "--log-type", "Tail", "out")
    assert ran["StatusCode"] == 200
    assert json.loads((tmp_path / "out").read_text()) == {"got": {"n": 1}}
    log = base64.b64decode(ran["LogResult"]).decode()
    assert "by cli\n" in log
    assert "Memory Size: 256 MB" in log

    assert aws("publish-version", *function)["Version"] == "1"
    aws("create-alias", *function, "--name", "live", "--function-version", "1")
    aliased = aws("invoke", *function, "--qualifier", "live", "out")
    assert aliased["ExecutedVersion"] == "1"

    aws("put-function-concurrency", *function, "--reserved-concurrent-executions", "0")
    refused = aws("invoke", *function, "out")
    assert "(TooManyRequestsException)" in refused
    assert "Rate Exceeded." in refused

    assert aws("delete-function", *function) in (None, {"StatusCode": 204})  # by CLI version
    gone = aws("get-function", *function)
    assert "(ResourceNotFoundException)" in gone
    assert f"Function not found: arn:aws:lambda:us-east-1:000000000000:function:{name}" in gone
