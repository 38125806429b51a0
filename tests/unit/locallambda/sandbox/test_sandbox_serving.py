"""A sandbox serves events as Lambda does: context, environment, log, REPORT, its own /tmp."""

import json
import math
import re
import tempfile
from pathlib import Path

import pytest

from tuner.locallambda.sandbox.invocation import LAYERS_FOLDER, Invocation

CREDENTIALS = ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")


def test_first_invocation_reports_init_and_the_second_does_not(local):
    sandbox = local.sandbox(memory_mb=512)
    first = local.invoke(sandbox, do="nothing")
    second = local.invoke(sandbox, do="nothing")
    assert first.payload == second.payload == b"null"
    assert first.function_error is None
    assert first.report.init_ms > 10  # no Python starts in less
    assert first.report.billed_ms == math.ceil(first.report.duration_ms + first.report.init_ms)
    assert second.report.init_ms is None
    assert second.report.billed_ms == math.ceil(second.report.duration_ms)


def test_log_is_start_output_end_report(local):
    sandbox = local.sandbox(memory_mb=256)
    local.invoke(sandbox, do="nothing")
    log = local.invoke(sandbox, request_id="abc", do="say", text="ünï").log.decode()
    pattern = (
        r"START RequestId: abc Version: \$LATEST\n"
        r"ünï\n"
        r"END RequestId: abc\n"
        r"REPORT RequestId: abc\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\t"
        r"Memory Size: 256 MB\tMax Memory Used: \d+ MB\t\n"
    )
    assert re.fullmatch(pattern, log), log


def test_handler_exception_is_unhandled_with_request_id_and_no_status(local):
    sandbox = local.sandbox()
    result = local.invoke(sandbox, request_id="abc", do="fail")
    body = json.loads(result.payload)
    assert result.function_error == "Unhandled"
    assert (body["errorType"], body["errorMessage"]) == ("ValueError", "no such luck")
    assert body["requestId"] == "abc"
    assert result.report.status is None
    log = result.log.decode()
    assert "[ERROR] ValueError: no such luck\nTraceback (most recent call last):\n" in log
    assert "\r" not in log


def test_handler_sees_lambdas_environment_and_nothing_of_ours(local, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "mine")
    monkeypatch.setenv("SECRET_OF_THE_USER", "x")
    sandbox = local.sandbox(environment={"STAGE": "test", "AWS_REGION": "mars-1"}, memory_mb=512)
    seen = json.loads(local.invoke(sandbox, do="describe").payload)
    environment = seen["environment"]
    assert environment["STAGE"] == "test"
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
    assert not {"AWS_PROFILE", "SECRET_OF_THE_USER", "HOME", "VIRTUAL_ENV"} & environment.keys()
    assert seen["cwd"] == environment["LAMBDA_TASK_ROOT"] == local.shown(sandbox.spec.task_dir)
    assert seen["open_files"] == [1024, 1024]


@pytest.mark.parametrize("runtime", ["python3.11", "python3.12"])
def test_environment_of_python_is_what_aws_shows(runtime, local):
    """Recorded on AWS in 2025; the values of credentials and of the Runtime API are ours."""
    sandbox = local.sandbox(memory_mb=512, runtime=runtime)
    seen = json.loads(local.invoke(sandbox, do="describe").payload)["environment"]
    credentials = {seen.pop(f"AWS_{name}") for name in CREDENTIALS}
    assert len(credentials) == len(CREDENTIALS)
    assert seen.pop("AWS_LAMBDA_RUNTIME_API").startswith("127.0.0.1:")
    assert seen.pop("_X_AMZN_TRACE_ID").startswith("Root=1-")
    if not local.isolated:
        pytest.skip("this kernel gives a sandbox no view of its own")
    if "it sees the machine's processes" in local.host.platform()["not_enforced"]:
        del seen["TUNER_SANDBOX"]  # what finds them where they have no namespace
    assert seen == {
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{runtime}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_FUNCTION_NAME": "probe",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/probe",
        "AWS_LAMBDA_LOG_STREAM_NAME": "2026/01/01/[$LATEST]0123",
        "AWS_REGION": "eu-west-1",
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1:2000",
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "LAMBDA_TASK_ROOT": "/var/task",
        "LANG": "en_US.UTF-8",
        "LD_LIBRARY_PATH": "/var/lang/lib:/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:"
        "/var/task:/var/task/lib:/opt/lib",
        "PATH": "/var/lang/bin:/usr/local/bin:/usr/bin/:/bin:/opt/bin",
        "PWD": "/var/task",
        "PYTHONPATH": "/var/runtime",
        "SHLVL": "0",
        "TZ": ":UTC",
        "_AWS_XRAY_DAEMON_ADDRESS": "169.254.100.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "_HANDLER": "probe.handler",
        **({"LC_CTYPE": "C.UTF-8"} if runtime == "python3.12" else {}),
    }


def test_context_carries_what_the_caller_gave(local):
    sandbox = local.sandbox(memory_mb=512, timeout_s=7.0)
    context = json.dumps({"custom": {"a": "b"}})
    call = Invocation(
        "id-7", b'{"do": "describe"}', "arn:x:alias", client_context=context, trace_id="Root=1-2-3"
    )
    seen = json.loads(local.run(sandbox.invoke(call)).payload)
    assert seen["request_id"] == "id-7"
    assert seen["arn"] == "arn:x:alias"
    assert seen["memory"] == "512"  # a string on Lambda too
    assert seen["version"] == "$LATEST"
    assert seen["client_context"] == {"a": "b"}
    assert seen["environment"]["_X_AMZN_TRACE_ID"] == "Root=1-2-3"
    assert 0 < seen["remaining_ms"] <= 7000


def test_two_sandboxes_have_different_tmp_and_share_the_code(local):
    one, other = local.sandbox(), local.sandbox()
    local.invoke(one, do="write", name="note", text="mine")
    assert local.invoke(one, do="read", name="note").payload == b'"mine"'
    assert local.invoke(other, do="read", name="note").function_error == "Unhandled"


def test_tmp_shows_nothing_of_the_machine_where_namespaces_work(local):
    if not local.isolated:
        pytest.skip("mount namespaces are not allowed here")
    with tempfile.NamedTemporaryFile(dir="/tmp") as bystander:
        seen = json.loads(local.invoke(local.sandbox(), do="describe").payload)
        assert Path(bystander.name).name not in seen["tmp"]
    assert "TMPDIR" not in seen["environment"]


def test_json_log_format_has_platform_records(local):
    sandbox = local.sandbox(log_format="JSON", memory_mb=256)
    first = local.invoke(sandbox, request_id="abc", do="nothing")
    records = [json.loads(line) for line in first.log.splitlines()]
    assert [record["type"] for record in records] == ["platform.start", "platform.report"]
    record = records[1]["record"]
    assert record["requestId"] == "abc" and record["status"] == "success"
    metrics = record["metrics"]
    assert metrics["memorySizeMB"] == 256
    assert metrics["billedDurationMs"] == first.report.billed_ms
    assert metrics["initDurationMs"] == round(first.report.init_ms, 3)


def test_system_log_level_warn_leaves_records_of_failures_only(local):
    sandbox = local.sandbox(log_format="JSON", system_log_level="WARN")
    assert local.invoke(sandbox, do="nothing").log == b""
    failed = local.invoke(sandbox, do="leave", status=1)
    [record] = [json.loads(line) for line in failed.log.splitlines()]
    assert (record["type"], record["record"]["status"]) == ("platform.report", "error")


def test_custom_runtime_is_any_executable_bootstrap(local, tmp_path):
    write_bootstrap(tmp_path / "bootstrap")
    sandbox = local.sandbox(runtime="provided.al2023", handler="main", task_dir=tmp_path)
    result = local.invoke(sandbox, n=1)
    assert json.loads(result.payload) == {"handler": "main", "event": {"n": 1}, "of": ""}


def test_bootstrap_of_a_layer_runs_code_that_brings_none(local, tmp_path):
    opt = tmp_path / LAYERS_FOLDER
    opt.mkdir()
    write_bootstrap(opt / "bootstrap")
    for own in (None, "not executable"):
        if own:
            (tmp_path / "bootstrap").write_text(own)
        sandbox = local.sandbox(runtime="provided.al2", handler="main", task_dir=tmp_path)
        assert json.loads(local.invoke(sandbox, n=1).payload)["event"] == {"n": 1}


def write_bootstrap(path):
    """A runtime in the shell that answers with what it has got."""
    path.write_text(
        """#!/bin/bash
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
while true; do
  headers=$(mktemp)
  event=$(curl -sS -D "$headers" "$api/next")
  id=$(sed -n 's/^Lambda-Runtime-Aws-Request-Id: //p' "$headers" | tr -d '\\r\\n')
  said="{\\"handler\\":\\"$_HANDLER\\",\\"event\\":$event,\\"of\\":\\"$AWS_EXECUTION_ENV\\"}"
  curl -sS -o /dev/null -d "$said" "$api/$id/response"
done
"""
    )
    path.chmod(0o755)


def test_custom_runtime_without_bootstrap_says_so(local, tmp_path):
    sandbox = local.sandbox(runtime="provided.al2023", task_dir=tmp_path)
    result = local.invoke(sandbox, request_id="abc")
    told = "RequestId: abc Error: Couldn't find valid bootstrap(s): "
    told += "[/var/task/bootstrap /opt/bootstrap]"
    body = {"errorType": "Runtime.InvalidEntrypoint", "errorMessage": told}
    assert json.loads(result.payload) == body
    assert f"\n{told}\nRuntime.InvalidEntrypoint\nEND RequestId: abc\n" in result.log.decode()


def test_code_directory_stays_as_it_was(local, tmp_path):
    (tmp_path / "app.py").write_text("def handler(event, context):\n    return 1\n")
    sandbox = local.sandbox(task_dir=tmp_path, handler="app.handler")
    assert local.invoke(sandbox).payload == b"1"
    assert [path.name for path in tmp_path.iterdir()] == ["app.py"]


def test_code_below_tmp_is_seen_in_the_sandbox_and_survives_it(start_local):
    own = start_local()
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        path = Path(folder) / "app.py"
        path.write_text("def handler(event, context):\n    return __file__\n")
        sandbox = own.sandbox(task_dir=Path(folder), handler="app.handler")
        assert json.loads(own.invoke(sandbox).payload) == f"{own.shown(Path(folder))}/app.py"
        own.run(sandbox.stop())
        assert path.exists()  # the sandbox's files are gone, with what was mounted there
        own.sandbox(task_dir=Path(folder), handler="app.handler")
        own.run(own.host.close())
        assert path.exists()
