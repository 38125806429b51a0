"""No secret reaches anything that a run leaves behind or says."""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tuner.aws import journal
from tuner.cli.app import main

#: Planted where secrets live: variables, payload, answer, log line, error message, credentials.
SECRETS = {
    "variable": "planted-in-a-variable-4f1d",
    "payload": "planted-in-the-payload-9c2e",
    "answer": "planted-in-the-answer-77ab",
    "log": "planted-in-the-log-31c8",
    "error": "planted-in-an-error-e06f",
    "access key": "AKIAPLANTED000000000",
    "secret key": "planted-secret-key-5d9a",
    "session token": "planted-session-token-b3b3",
}
#: Of a failing call, message and log are kept and shown on purpose: they are why it failed.
SHOWN = frozenset({"log", "error"})
HANDLER = f"""\
import os
def handler(event, context):
    assert event["who"] == "{SECRETS["payload"]}", "the payload arrives"
    assert os.environ["KEY"] == "{SECRETS["variable"]}"
    print("{SECRETS["log"]}")
    if context.memory_limit_in_mb == "256":
        raise ValueError("{SECRETS["error"]}")
    return "{SECRETS["answer"]}"
"""


@pytest.fixture
def function_with_secrets(service: Any, make_zip: Callable[..., bytes]) -> Iterator[str]:
    """A function full of secrets, which fails at 256 MB."""
    service.create(
        "secretive",
        make_zip({"app.py": HANDLER}),
        Environment={"Variables": {"KEY": SECRETS["variable"]}},
    )
    yield "secretive"
    service.client.delete_function(FunctionName="secretive")


def left_behind(folder: Path) -> dict[str, bytes]:
    """Every file's bytes, unpacked."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            found[str(path.relative_to(folder))] = (
                gzip.decompress(data) if path.suffix == ".gz" else data
            )
    return found


@pytest.mark.parametrize("isolation", ["versions", "clone"])
@pytest.mark.parametrize("service", ["local"], indirect=True)
def test_nothing_that_a_run_leaves_or_says_holds_a_secret(
    isolation: str,
    service: Any,
    function_with_secrets: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", SECRETS["access key"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRETS["secret key"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", SECRETS["session token"])
    monkeypatch.setattr(journal, "_remove", lambda path: None)  # so that journals stay to be read

    def run(*words: str) -> int:
        with pytest.raises(SystemExit) as ended:
            main(words)
        return int(ended.value.code or 0)

    at = ("--endpoint-url", service.url, "--region", "eu-west-1", "--isolation", isolation)
    payload = f'{{"who": "{SECRETS["payload"]}"}}'
    grid = ("--method", "grid", "--memory", "128,256,512", "--samples", "2", "--cold", "1")
    swept = run(
        "sweep", function_with_secrets, *at, *grid, "--payload", payload, "--json", "out.json"
    )
    assert swept == 3  # 256 MB fails
    assert run("plan", function_with_secrets, *at, "--payload", payload, "--json", "plan.json") == 0
    assert run("recommend", "last") in (0, 3)
    assert run("runs", "export", "last", "run.jsonl.gz") == 0
    assert run("runs", "export", "last", "run.jsonl") == 0
    assert run("apply", "last", "--memory", "512", "--yes") == 0
    said = capfd.readouterr()
    found = {**left_behind(tmp_path), "stdout": said.out.encode(), "stderr": said.err.encode()}
    kinds = {Path(name).suffix for name in found}
    assert {".db", ".jsonl", ".json", ".html", ".gz"} <= kinds
    assert any(name.startswith(".tuner/journal/") for name in found)
    for name, data in found.items():
        for where, secret in SECRETS.items():
            if where in SHOWN:
                continue
            assert secret.encode() not in data, f"{where} in {name}"
