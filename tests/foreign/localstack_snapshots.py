#!/usr/bin/env python3
"""Counts which answers of AWS, recorded for LocalStack's tests, the local Lambda gives. By hand.

    git clone --depth 1 https://github.com/localstack/localstack
    cd localstack && python3.13 -m venv .venv
    grep -vE 'aws-cdk|jsii|awscrt|awscli|kclpy|antlr|opensearch|httpx' requirements-test.txt |
        .venv/bin/pip install --no-deps -r /dev/stdin
    .venv/bin/pip install flask flask-cors docker
    python tests/foreign/localstack_snapshots.py localstack [ARGUMENTS OF pytest]

The tests of the control plane, and of functions of every runtime, run as they are: calls of Lambda
go to a local Lambda, those of other services to moto. Each call takes two seconds by the times of
files in packages, so that packages which a test makes one after another differ, as when it ran on
AWS. Each sandbox has a Runtime API of its own, whose address counts as an id.
An answer is equal if nothing differs after LocalStack's own transformers, which put words for ids,
times and sizes; paths that LocalStack excepts for itself are compared, too. An answer that a test
does not come to is not equal.

localstack_differences.md has the reasons. Exits with 1 if an answer differs without one, or if an
answer that has one is equal.
"""

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import types
import zipfile
from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
FOLDER = "tests/aws/services/lambda_"
TESTS = [f"{FOLDER}/test_lambda_api.py", f"{FOLDER}/test_lambda_common.py"]
ABSENT = "the test does not come to it"
BEGIN = datetime(2026, 1, 1)
_API = "AWS_LAMBDA_RUNTIME_API"
_SCOPE = re.compile(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/")
_rows: dict[str, dict[str, str]] = {}  # test -> key of an answer -> what differs, if anything


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests() -> None:
    """Send calls where they belong, and compare answers without failing a test."""
    version = types.ModuleType("localstack.version")  # a file that its build writes
    vars(version).update(__version__="0", version="0")
    sys.modules["localstack.version"] = version
    import botocore.httpsession
    from localstack_snapshot.snapshots.prototype import SnapshotSession

    send = botocore.httpsession.URLLib3Session.send
    entry = zipfile.ZipInfo.from_file
    calls: list[str] = []

    def dated(*told: Any, **more: Any) -> zipfile.ZipInfo:
        made = entry(*told, **more)
        made.date_time = (BEGIN + timedelta(seconds=2 * len(calls))).timetuple()[:6]
        return made

    def routed(session: Any, request: Any) -> Any:
        signed = request.headers.get("Authorization", "")
        scope = _SCOPE.search(signed.decode() if isinstance(signed, bytes) else signed)
        ours = scope is not None and scope[1] == "lambda"
        target = os.environ["SNAPSHOTS_LAMBDA" if ours else "SNAPSHOTS_OTHERS"]
        calls.append(request.url)
        request.url = re.sub(r"^https?://[^/?]+", target, request.url)
        return send(session, request)

    botocore.httpsession.URLLib3Session.send = routed
    zipfile.ZipInfo.from_file = dated
    SnapshotSession._assert_all = lambda *_: []
    SnapshotSession._persist_state = _compare


def _compare(session: Any) -> None:
    """Hold what a test has asked against what was recorded, when the test is over."""
    from localstack_snapshot.snapshots.prototype import SnapshotMatchResult

    session.skip_verification_paths = []
    ours = _without_address(session._transform(session.observed_state))
    recorded = _without_address(session.recorded_state or {})
    _rows[session.scope_key] = {
        key: SnapshotMatchResult(answer, ours[key]).result.pretty() if key in ours else ABSENT
        for key, answer in recorded.items()
    }


def _without_address(answers: Any) -> Any:
    """The same with one word for the address of a Runtime API, which no transformer replaces."""
    if isinstance(answers, list):
        return [_without_address(each) for each in answers]
    if not isinstance(answers, dict):
        return answers
    named = {_API: "<runtime-api>"} if _API in answers else {}
    return {key: _without_address(each) for key, each in answers.items()} | named


def pytest_sessionfinish() -> None:
    Path(os.environ["SNAPSHOTS_ROWS"]).write_text(json.dumps(_rows))


def reasons() -> dict[str, str]:
    """The beginnings of names of answers, ``TEST KEY``, with why these differ."""
    table = re.findall(
        r"^\| (`.+`) \| \d+ \| (.+) \|$", (HERE / "localstack_differences.md").read_text(), re.M
    )
    return {name: why for names, why in table for name in re.findall("`([^`]+)`", names)}


def judge(rows: dict[str, dict[str, str]]) -> int:
    """Print what differs and the counts; returns the exit code."""
    found = {
        f"{test.rpartition('::')[2]} {key}": differs
        for test, keys in rows.items()
        for key, differs in keys.items()
    }
    known, counts, wrong = reasons(), Counter(), 0
    for name, differs in found.items():
        why = next((why for start, why in known.items() if name.startswith(start)), None)
        counts["equal" if not differs else why or "without a reason"] += 1
        if bool(differs) is not bool(why):
            wrong += 1
            sys.stdout.write(f"{name}: {differs[:1000] or 'equal, but listed'}\n\n")
    for what, number in counts.most_common():
        sys.stdout.write(f"{number:4} {what}\n")
    sys.stdout.write(f"{counts['equal']} of {len(found)} recorded answers are equal\n")
    return 1 if wrong else 0


def run(checkout: Path, arguments: list[str]) -> dict[str, dict[str, str]]:
    """What differs by test and key, after running LocalStack's tests."""
    from served import local_lambda

    python = str(checkout / ".venv" / "bin" / "python")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(["localstack-core", str(HERE)]),
        "TEST_SKIP_LOCALSTACK_START": "1",
        "MOTO_ACCOUNT_ID": "000000000000",
        "SNAPSHOTS_OTHERS": f"http://127.0.0.1:{port}",
    }
    options = ["-p", "localstack_snapshots", "-p", "no:cacheprovider", "-o", "addopts=", "-q"]
    with (
        tempfile.NamedTemporaryFile() as rows,
        subprocess.Popen(
            [python, "-m", "moto.server", "-p", str(port)],
            env=environment,
            stderr=subprocess.DEVNULL,
        ) as moto,
        local_lambda("--s3-endpoint", environment["SNAPSHOTS_OTHERS"]) as url,
    ):
        try:
            _await(port)
            subprocess.run(
                [python, "-m", "pytest", *options, "-W", "ignore", "--tb=no", *arguments],
                cwd=checkout,
                env=environment | {"SNAPSHOTS_LAMBDA": url, "SNAPSHOTS_ROWS": rows.name},
                check=False,
            )
        finally:
            moto.terminate()
        found: dict[str, dict[str, str]] = json.loads(rows.read())
        return found


def _await(port: int) -> None:
    for _ in range(300):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.1)
    sys.exit("moto does not answer")


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(judge(run(Path(sys.argv[1]).resolve(), sys.argv[2:] or TESTS)))
