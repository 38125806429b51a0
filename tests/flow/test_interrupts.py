"""Ctrl-C once, twice, and kill -9, on a real sweep of a demo function in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from support.nodejs import node_runtime
from support.waiting import wait_for
from tuner.cli.interrupt import stop_on_signals
from tuner.experiment.experiment import restored


@contextmanager
def sweeping(folder: Path, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A sweep that has stored at least one sample; nothing of it is left afterwards."""
    command = [sys.executable, "-m", "tuner", "sweep", "demo:io", "--seed", "1", *words]
    child = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    family = psutil.Process(child.pid)
    try:
        deadline = time.monotonic() + 60
        while "next: " not in _said_so_far(child):
            assert time.monotonic() < deadline, "the sweep did not begin"
        _wait_for_samples(folder)
        others = family.children(recursive=True)
        yield child
        _, alive = psutil.wait_procs(others, timeout=15)
        assert not alive, f"left behind: {alive}"
    finally:
        if child.poll() is None:
            child.kill()
        child.communicate()


def _said_so_far(child: subprocess.Popen[str]) -> str:
    assert child.stderr is not None
    return child.stderr.readline()


def _wait_for_samples(folder: Path) -> None:
    """The write-ahead log grows with each sample."""
    log = folder / ".tuner" / "runs.db-wal"
    before = log.stat().st_size if log.exists() else 0
    wait_for(lambda: log.exists() and log.stat().st_size > before, "a stored sample")


def states(folder: Path) -> list[str]:
    listed = subprocess.run(
        [sys.executable, "-m", "tuner", "runs"],
        cwd=folder, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return [line.split()[-2] for line in listed.splitlines()[1:] if line.strip()]


def test_one_ctrl_c_reports_what_there_is_and_exits_130(tmp_path: Path) -> None:
    with sweeping(tmp_path, "--json", "out.json") as child:
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=60)
    assert child.returncode == 130, errors
    assert json.loads((tmp_path / "out.json").read_text())["spend"]["invocations"] >= 1
    assert states(tmp_path) == ["interrupted"]


def test_two_ctrl_c_only_put_the_function_back(tmp_path: Path) -> None:
    with sweeping(tmp_path) as child:
        child.send_signal(signal.SIGINT)
        time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        child.communicate(timeout=60)
    assert child.returncode == 130
    assert states(tmp_path) == ["interrupted"]


ENDLESS = """
Resources:
  Endless:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: app, Handler: index.handler, Runtime: %s, Timeout: 900}
"""


@pytest.mark.slow
@pytest.mark.parametrize("language", ["python", "node"])
def test_one_sigterm_is_heard_while_a_local_function_never_ends(
    tmp_path: Path, language: str
) -> None:
    """Its timeout is a quarter of an hour."""
    runtime = node_runtime() if language == "node" else "python3.13"
    (tmp_path / "app").mkdir()
    (tmp_path / "app/index.js").write_text("exports.handler = async () => { while (true) {} };")
    (tmp_path / "app/index.py").write_text("def handler(event, context):\n    while True: pass\n")
    (tmp_path / "template.yaml").write_text(ENDLESS % runtime)
    words = ("sweep", "local:template.yaml", "--memory", "512,1024", "--cold", "0", "--yes")
    child = subprocess.Popen(
        [sys.executable, "-m", "tuner", *words],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    family = psutil.Process(child.pid)

    def runs() -> bool:
        for each in family.children(recursive=True):
            with suppress(psutil.Error):
                if each.environ().get("_HANDLER") == "index.handler":
                    return True
        return False

    try:
        assert child.stdout is not None
        while "publishing" not in child.stdout.readline():
            assert child.poll() is None
        wait_for(runs, "a runtime", 120)
        child.send_signal(signal.SIGTERM)
        said, _ = child.communicate(timeout=300)
    finally:
        if child.poll() is None:
            child.kill()
            child.communicate()
    assert child.returncode == 130, said
    assert "it was interrupted" in said


@pytest.mark.slow
def test_a_killed_sweep_leaves_no_process_and_goes_on_where_it_was(tmp_path: Path) -> None:
    with sweeping(tmp_path) as child:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    assert states(tmp_path) == ["crashed"]
    again = subprocess.run(
        [sys.executable, "-m", "tuner", "sweep", "--resume", "last", "--json", "-"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(again.stdout)["recommendation"]["memory_mb"] >= 128
    assert states(tmp_path) == ["done"]


def test_a_ctrl_c_during_the_restoring_does_not_prevent_it() -> None:
    done: list[str] = []

    def restore() -> None:
        done.append("began")
        if len(done) == 1:
            raise KeyboardInterrupt
        done.append("put back")

    target: Any = SimpleNamespace(restore=restore)
    with pytest.raises(KeyboardInterrupt), restored(target):
        pass
    assert done == ["began", "began", "put back"]


def test_a_second_ctrl_c_during_the_restoring_leaves(capsys: pytest.CaptureFixture[str]) -> None:
    done: list[str] = []

    def restore() -> None:
        done.append("began")
        raise KeyboardInterrupt

    target: Any = SimpleNamespace(restore=restore)
    with pytest.raises(KeyboardInterrupt), restored(target):
        pass
    assert done == ["began", "began"]
    assert "already restoring" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "name"),
    [(signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM"), (signal.SIGHUP, "SIGHUP")],
)
def test_the_signal_that_is_ignored_while_restoring_is_named(
    number: signal.Signals, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    done: list[str] = []

    def restore() -> None:
        done.append("began")
        if len(done) == 1:
            signal.raise_signal(number)

    target: Any = SimpleNamespace(restore=restore)
    with stop_on_signals(lambda _: None):
        signal.raise_signal(number)
        with pytest.raises(KeyboardInterrupt), restored(target):
            pass
    said = capsys.readouterr().err
    assert said.startswith(f"{name} ignored: already restoring the function.")


@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGALRM]
)
def test_every_signal_to_end_asks_first_and_interrupts_then(number: signal.Signals) -> None:
    said: list[str] = []
    with stop_on_signals(said.append) as request:
        signal.raise_signal(number)
        assert request()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    assert len(said) == 1
    assert "restoring" in said[0]


def test_a_limit_of_cpu_time_asks_once_however_often_it_is_told() -> None:
    said: list[str] = []
    with stop_on_signals(said.append) as request:
        for _ in range(3):
            signal.raise_signal(signal.SIGXCPU)
        assert request.count == 1


def test_a_ctrl_c_before_anything_is_loaded_is_a_line(tmp_path: Path) -> None:
    interrupted = """
import builtins, os, signal
load = builtins.__import__
def late(name, *rest):
    if name == "typer":
        os.kill(os.getpid(), signal.SIGINT)
    return load(name, *rest)
from tuner.cli.app import main
builtins.__import__ = late
main(["runs"])
"""
    done = subprocess.run(
        [sys.executable, "-c", interrupted],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (130, "tuner: interrupted\n")


#: A process that has changed a function, as its journal says, and is told to end.
ENDING = """
import os, signal, sys
from tuner.api.left import JOURNAL
from tuner.aws.journal import Before, Journal, JournalHeader
from tuner.cli.interrupt import end_on_signals
before = Before(256, "", "revision", "sha")
arn = "arn:aws:lambda:eu-west-1:000000000000:function:orders"
url = "http://127.0.0.1:9"
header = JournalHeader("01JZZZZZZZZZZZZZZZZZZZZZZZ", "orders", arn, "eu-west-1", url, None, before,
    0.0, os.getpid())
Journal(JOURNAL, header).will("set", memory_mb=512, description="", revision_id="revision")
with end_on_signals():
    signal.raise_signal(signal.SIGQUIT)
print("it went on")
"""


def test_sigquit_leaves_at_once_and_says_what_is_left(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDING],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 128 + signal.SIGQUIT
    left = "orders is at 512 MB; run `tuner restore` to put it back to 256 MB"
    assert (done.stdout, done.stderr) == ("", f"tuner: {left}\n")
