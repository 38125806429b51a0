"""What a sandbox answers when the function fails: payloads, log and REPORT as recorded on AWS."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from tuner.errors import UsageError
from tuner.locallambda.limits.process_tree import descendants
from tuner.locallambda.sandbox.invocation import Invocation
from tuner.locallambda.sandbox.runtime_api import MAX_RESPONSE_BYTES


def code(folder, text):
    (folder / "app.py").write_text(text)
    return {"task_dir": folder, "handler": "app.handler"}


def report_line(result):
    return result.log.decode().rstrip("\n").splitlines()[-1]


def test_timeout_has_lambdas_payload_and_stops_the_clock_at_the_timeout(local):
    sandbox = local.sandbox(timeout_s=1.0, memory_mb=512)
    local.invoke(sandbox, do="nothing")
    result = local.invoke(sandbox, request_id="abc", do="sleep", seconds=30)
    assert result.function_error == "Unhandled"
    assert result.payload == (
        b'{"errorType":"Sandbox.Timedout",'
        b'"errorMessage":"RequestId: abc Error: Task timed out after 1.00 seconds"}'
    )
    line = report_line(result)
    assert "\tDuration: 1000.00 ms\tBilled Duration: 1000 ms\t" in line
    assert line.endswith("\tStatus: timeout")
    assert b"Z abc Task timed out after 1.00 seconds\n\n" in result.log


def test_after_a_timeout_tmp_is_kept_and_the_runtime_starts_again(local):
    sandbox = local.sandbox(timeout_s=1.0)
    local.invoke(sandbox, do="write", name="note", text="still here")
    assert local.invoke(sandbox, do="calls").payload == b"2"
    local.invoke(sandbox, do="sleep", seconds=30)
    again = local.invoke(sandbox, do="calls")
    assert again.payload == b"1"  # module globals are new
    assert again.report.init_ms is None  # INIT was inside the invocation
    assert again.report.duration_ms > 10
    assert local.invoke(sandbox, do="read", name="note").payload == b'"still here"'


@pytest.mark.parametrize(
    ("status", "how"),
    [
        (0, "Runtime exited without providing a reason"),
        (7, "Runtime exited with error: exit status 7"),
    ],
)
def test_exit_in_the_handler_is_an_exit_error(local, status, how):
    result = local.invoke(local.sandbox(), request_id="abc", do="leave", status=status)
    message = f"RequestId: abc Error: {how}"
    assert json.loads(result.payload) == {"errorType": "Runtime.ExitError", "errorMessage": message}
    assert f"{message}\nRuntime.ExitError\nEND RequestId: abc\n" in result.log.decode()
    assert report_line(result).endswith("\tStatus: error\tError Type: Runtime.ExitError")


def test_crash_in_the_handler_names_the_signal_and_the_sandbox_goes_on(local):
    sandbox = local.sandbox()
    body = json.loads(local.invoke(sandbox, do="crash").payload)
    assert body["errorMessage"].endswith("Runtime exited with error: signal: segmentation fault")
    after = local.invoke(sandbox, do="calls")
    assert after.payload == b"1" and after.alive


@pytest.mark.parametrize(
    ("body", "error_type", "message"),
    [
        ("raise ValueError('x' * 9000)", "ValueError", "x" * 9000),
        ("raise ValueError('x' * 900_000)", "ValueError", "x" * 900_000),
        ("return handler(event, context)", "RecursionError", "maximum recursion depth exceeded"),
    ],
    ids=["9-kilobytes", "almost-a-megabyte", "recursion"],
)
def test_error_with_a_long_cause_reaches_the_caller(local, tmp_path, body, error_type, message):
    text = f"""
def handler(event, context):
    if event.get("well"):
        return "well"
    {body}
"""
    sandbox = local.sandbox(**code(tmp_path, text))
    answer = json.loads(local.invoke(sandbox).payload)
    assert answer["errorType"] == error_type and answer["errorMessage"].startswith(message)
    assert local.invoke(sandbox, well=True).payload == b'"well"'


def test_exception_at_import_has_an_empty_request_id(local, tmp_path):
    sandbox = local.sandbox(**code(tmp_path, "raise Exception('Runtime startup fails')"))
    result = local.invoke(sandbox, request_id="abc")
    body = json.loads(result.payload)
    assert result.function_error == "Unhandled"
    assert (body["errorType"], body["errorMessage"]) == ("Exception", "Runtime startup fails")
    assert body["requestId"] == ""
    log = result.log.decode()
    assert re.search(r"INIT_REPORT Init Duration: \d+\.\d\d ms\tPhase: init\tStatus: error\t", log)
    assert "\tPhase: invoke\tStatus: error\tError Type: Exception\n" in log
    assert result.report.init_ms is None


def test_missing_module_is_an_import_module_error(local, tmp_path):
    sandbox = local.sandbox(**code(tmp_path, "import nothing_of_that_name"))
    result = local.invoke(sandbox)
    assert json.loads(result.payload)["errorType"] == "Runtime.ImportModuleError"
    assert report_line(result).endswith("\tStatus: error\tError Type: Runtime.ImportModuleError")


def test_syntax_error_and_missing_handler_are_named(local, tmp_path):
    sandbox = local.sandbox(**code(tmp_path, "def handler(:\n"))
    assert json.loads(local.invoke(sandbox).payload)["errorType"] == "Runtime.UserCodeSyntaxError"
    other = local.sandbox(handler="probe.no_such_function")
    assert json.loads(local.invoke(other).payload)["errorType"] == "Runtime.HandlerNotFound"


def test_exit_at_import_is_an_exit_error(local, tmp_path):
    sandbox = local.sandbox(**code(tmp_path, "import os; os._exit(0)"))
    body = json.loads(local.invoke(sandbox, request_id="abc").payload)
    assert body == {
        "errorType": "Runtime.ExitError",
        "errorMessage": "RequestId: abc Error: Runtime exited without providing a reason",
    }


def test_crash_at_import_is_tried_again_until_the_timeout(local, tmp_path):
    sandbox = local.sandbox(**code(tmp_path, "import os; os.abort()"), timeout_s=1.0)
    body = json.loads(local.invoke(sandbox, request_id="abc").payload)
    assert body["errorType"] == "Sandbox.Timedout"
    assert body["errorMessage"].endswith("Task timed out after 1.00 seconds")


def test_init_that_is_too_slow_runs_again_inside_the_invocation(local, tmp_path, monkeypatch):
    monkeypatch.setattr("tuner.locallambda.sandbox.sandbox.INIT_LIMIT_S", 0.3)
    slow_once = """
import os, tempfile, time
mark = os.path.join(tempfile.gettempdir(), "tried")
if not os.path.exists(mark):
    open(mark, "w").close()
    time.sleep(30)
def handler(event, context):
    return "served"
"""
    result = local.invoke(local.sandbox(**code(tmp_path, slow_once)))
    assert result.payload == b'"served"'
    assert result.report.init_ms is None
    assert "\tPhase: init\tStatus: timeout\n" in result.log.decode()


def test_a_wrapper_script_of_the_package_starts_the_runtime(local, tmp_path):
    if not local.isolated:
        pytest.skip("this kernel lets a sandbox have no view of its own")
    (tmp_path / "wrapper").write_text('#!/bin/sh\nWRAPPED=yes exec "$@"\n')
    (tmp_path / "wrapper").chmod(0o755)
    text = "import os\ndef handler(event, context):\n    return os.environ['WRAPPED']\n"
    environment = {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/wrapper"}
    sandbox = local.sandbox(**code(tmp_path, text), environment=environment)
    assert local.invoke(sandbox).payload == b'"yes"'


def test_missing_wrapper_script_is_exit_status_127(local):
    sandbox = local.sandbox(environment={"AWS_LAMBDA_EXEC_WRAPPER": "/nowhere/wrapper"})
    body = json.loads(local.invoke(sandbox).payload)
    assert body["errorMessage"].endswith("Runtime exited with error: exit status 127")


def test_runtimes_that_end_at_once_leave_the_guard_at_work(local):
    for _ in range(15):  # one may have ended before the guard hears that it began
        sandbox = local.sandbox(environment={"AWS_LAMBDA_EXEC_WRAPPER": "/nowhere/wrapper"})
        local.invoke(sandbox)
        local.run(sandbox.stop())
    assert local.invoke(local.sandbox(), do="leave_daemons").function_error is None


def test_largest_response_passes_and_one_byte_more_does_not(local):
    sandbox = local.sandbox()
    quotes = 2
    largest = local.invoke(sandbox, do="answer", size=MAX_RESPONSE_BYTES - quotes)
    assert largest.function_error is None and len(largest.payload) == MAX_RESPONSE_BYTES
    for _ in range(2):  # the second invocation is answered alike
        result = local.invoke(sandbox, do="answer", size=MAX_RESPONSE_BYTES - quotes + 1)
        assert result.payload == (
            b'{"errorMessage":"Response payload size exceeded maximum allowed payload size '
            b'(6291556 bytes).","errorType":"Function.ResponseSizeTooLarge"}'
        )
        assert result.report.error_type == "Function.ResponseSizeTooLarge"
    assert local.invoke(sandbox, do="nothing").payload == b"null"


def test_cancelled_invocation_leaves_a_sandbox_that_serves(local):
    sandbox = local.sandbox()

    async def cancel_it():
        call = Invocation("r", b'{"do": "sleep", "seconds": 30}', "arn")
        task = asyncio.create_task(sandbox.invoke(call))
        await asyncio.sleep(0.2)
        assert sandbox.busy
        task.cancel()
        await asyncio.wait([task])

    local.run(cancel_it())
    assert not sandbox.busy
    assert local.invoke(sandbox, do="calls").payload == b"1"


def test_runtime_that_cannot_run_here_is_refused_with_the_way_out(local):
    with pytest.raises(UsageError, match=r"provided\.al2023"):
        local.sandbox(runtime="java21")


def test_stopped_sandbox_leaves_no_process_and_no_files(local):
    sandbox = local.sandbox()
    guard = sandbox.resources.link.pid
    before = set(descendants(guard))
    local.invoke(sandbox, do="leave_daemons")
    pids = set(descendants(guard)) - before
    assert len(pids) == 2
    assert all(running(pid) for pid in pids)
    pids.add(sandbox._runtime._pid)
    local.run(sandbox.stop())
    assert not any(running(pid) for pid in pids)
    assert not sandbox.resources.directory.exists()
    local.run(sandbox.stop())


def running(pid):
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"
