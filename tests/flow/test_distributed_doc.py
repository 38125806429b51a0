"""What docs/distributed-load.md says is so: its commands, and the entry point of its image."""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from tuner.cli.commands import app

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "distributed-load.md").read_text()
COMMANDS: Any = typer.main.get_command(app)
EXAMPLES = [
    shlex.split(line, comments=True)
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("tuner ")
]
ASKED = [
    shlex.split(text.replace("\\\n", " "))
    for text in re.findall(r'TUNER_LOAD="(.*?)"', PAGE, re.DOTALL)
] + [shlex.split(text) for text in re.findall(r">-\n(.*?)\n    - ", PAGE, re.DOTALL)]


@pytest.mark.parametrize("words", [words[1:] for words in EXAMPLES] + [["load", *w] for w in ASKED])
def test_each_command_is_understood(words: list[str]) -> None:
    command = COMMANDS.commands[words[0]]
    assert not command.make_context(words[0], words[1:], resilient_parsing=False).args


def test_there_are_examples_of_both_sides() -> None:
    assert {words[1] for words in EXAMPLES} == {"load", "worker"}
    assert len(ASKED) == 2


def test_the_entry_point_is_the_load_or_one_of_its_workers(
    tmp_path: Path, new_function: Any, local_lambda_url: str
) -> None:
    (script,) = re.findall(r"```sh\n(#!/bin/sh\n.*?)```", PAGE, re.DOTALL)
    entry = tmp_path / "tuner-entrypoint"
    entry.write_text(script)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
    name = new_function("def handler(e, c): pass")
    load = f"{name} --endpoint-url {local_lambda_url} --region eu-west-1 --rate 40 --duration 2s"
    load += f" --workers 0 --expect-workers 2 --bind 127.0.0.1:{port} --json told.json"
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    secret = "a secret of several machines"
    env = {**os.environ, "PATH": path, "TUNER_LOAD": load, "TUNER_WORKER_SECRET": secret}
    join = ("--worker", "--master-host", "127.0.0.1", "--master-port", port)
    started = [
        subprocess.Popen(
            ["sh", str(entry), *words],
            cwd=tmp_path,
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for words in (("--master",), join, join)
    ]
    try:
        _, complaints = started[0].communicate(timeout=90)
        assert started[0].returncode == 0, complaints.decode()
        told = json.loads((tmp_path / "told.json").read_text())
        assert (told["calls"], told["outcomes"]["ok"]) == (80, 80)
        for worker in started[1:]:
            worker.communicate(timeout=20)
    finally:
        for process in started:
            if process.poll() is None:
                process.kill()
                process.communicate()
