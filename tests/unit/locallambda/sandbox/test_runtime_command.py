"""What a runtime is started with, and what is said when it cannot be."""

import importlib.util
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.errors import UsageError
from tuner.locallambda.sandbox import python_runtime, runtime_command
from tuner.locallambda.sandbox.invocation import SandboxSpec
from tuner.locallambda.sandbox.methods import parse_probe
from tuner.locallambda.sandbox.program import Program
from tuner.locallambda.sandbox.runtime_log import LIMIT_BYTES, RuntimeLog, plain, unframed

HERE = f"python3.{sys.version_info.minor}"
OTHER = f"python3.{sys.version_info.minor + 1}"
SPEC = SandboxSpec(
    function_name="f",
    version="7",
    arn="arn",
    region="eu-west-1",
    memory_mb=128,
    timeout_s=3.0,
    handler="app.handler",
    runtime=HERE,
    environment={"PATH": "/mine", "AWS_REGION": "mars-1", "STAGE": "test"},
    task_dir=Path("/code"),
    log_group="group",
    log_stream="stream",
)


@pytest.fixture(autouse=True)
def forget_interpreters():
    python_runtime.python_for.cache_clear()
    yield
    python_runtime.python_for.cache_clear()


def test_python_runs_under_awss_client_in_this_interpreter(tmp_path):
    argv = runtime_command.program(SPEC, tmp_path, in_view=True).argv
    assert argv[:4] == [sys.executable, "-B", "-S", "-P"]
    assert argv[5:] == ["app.handler"]
    assert "from awslambdaric.__main__ import main" in Path(argv[4]).read_text()


def test_missing_client_is_said_with_the_command_that_installs_it(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError) as refusal:
        runtime_command.program(SPEC, tmp_path, in_view=True)
    assert "awslambdaric" in refusal.value.reason
    assert f"{sys.executable} -m pip install awslambdaric" in refusal.value.fix


def test_another_python_on_path_is_taken_if_it_has_the_client(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: f"/opt/{name}")
    monkeypatch.setattr(python_runtime, "_with_client", lambda python: python)
    assert python_runtime.python_for(OTHER) == f"/opt/{OTHER}"
    assert not runtime_command.stands_in(OTHER)


def test_this_python_stands_in_for_one_that_is_not_to_be_had(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert python_runtime.python_for(OTHER) == sys.executable
    assert runtime_command.stands_in(OTHER)
    assert not runtime_command.stands_in(HERE)
    assert not runtime_command.stands_in("provided.al2023")


@pytest.mark.parametrize(
    "runtime", ["java21", "python2.7", "python3", "", "provided.al1", "nodejs"]
)
def test_other_runtimes_are_refused(runtime, tmp_path):
    with pytest.raises(UsageError):
        runtime_command.program(replace(SPEC, runtime=runtime), tmp_path, in_view=True)


@pytest.mark.parametrize(
    ("runtime", "words"),
    [
        ("java21", "runs on AWS but not on the local Lambda"),
        ("dotnet8", "Compile it ahead of time to bootstrap"),
        ("ruby3.4", "run its container image"),
        ("nodejs18.x", "deprecated"),
        ("cobol85", "is no runtime of Lambda"),
    ],
)
def test_refusal_of_a_runtime_says_the_reason_and_another_way(runtime, words):
    with pytest.raises(UsageError) as refusal:
        runtime_command.check(runtime)
    assert words in str(refusal.value)
    assert len(str(refusal.value).splitlines()) == 2


def test_function_may_set_its_path_but_not_what_lambda_reserves():
    made = Program([], defaults={"STAGE": "usual"}, reserved={"LAMBDA_RUNTIME_DIR": "/there"})
    environment = runtime_command.environment(SPEC, made, "key", "127.0.0.1:1", tmp="/sandbox/tmp")
    assert environment["PATH"] == "/mine"
    assert environment["STAGE"] == "test"
    assert environment["AWS_REGION"] == "eu-west-1"
    assert environment["TMPDIR"] == "/sandbox/tmp"
    assert (environment["LAMBDA_TASK_ROOT"], environment["LAMBDA_RUNTIME_DIR"]) == (
        "/code",
        "/there",
    )
    in_view = runtime_command.environment(SPEC, made, "key", "127.0.0.1:1", tmp=None)
    assert in_view["LAMBDA_TASK_ROOT"] == "/var/task"
    assert "TMPDIR" not in in_view


def test_bootstrap_has_to_be_executable(tmp_path):
    spec = replace(SPEC, runtime="provided.al2", task_dir=tmp_path)
    bootstrap = tmp_path / "bootstrap"
    assert runtime_command.missing_entrypoint(spec)
    bootstrap.write_text("#!/bin/sh\n")
    bootstrap.chmod(0o644)
    assert runtime_command.missing_entrypoint(spec)
    bootstrap.chmod(0o755)
    assert not runtime_command.missing_entrypoint(spec)
    assert runtime_command.program(spec, tmp_path, in_view=True).argv == ["/var/task/bootstrap"]


@given(st.binary())
def test_whatever_a_probe_prints_is_a_share_or_nothing(output):
    applied = parse_probe(output, 1024)
    assert applied is None or isinstance(applied["error"], float)


def frame(text: bytes) -> bytes:
    """A line as AWS's Node.js client writes it for the platform."""
    return b"\xa5\x5a\x00\x0f" + len(text).to_bytes(4) + bytes(8) + text


@given(st.lists(st.binary(max_size=30)))
def test_framed_lines_come_out_as_they_went_in(lines):
    framed = b"".join(frame(line + b"\n") for line in lines)
    whole = b"raw\n" + b"".join(line + b"\n" for line in lines)
    assert plain(unframed(b"raw\n" + framed)) == whole


def test_frame_without_a_newline_gets_one_and_text_between_stays():
    assert unframed(frame(b'{"a":1}') + b"raw" + frame(b"b\n")) == b'{"a":1}\nrawb\n'


@given(st.binary(), st.integers(0, 60))
def test_no_output_breaks_the_reader_of_frames(output, cut):
    assert isinstance(unframed((frame(output) + output)[:cut] + output), bytes)


def test_endless_log_is_cut_and_says_so():
    log = RuntimeLog()
    log.receive(b"x" * (LIMIT_BYTES - 10))
    log.receive(b"y" * 100)
    log.receive(b"z" * 100)
    text = log.take()
    assert text.endswith(b"x" + b"y" * 10 + b"\n[the rest of this log was dropped]\n")
    assert log.take() == b""
