"""Node.js handlers run as under AWS's own runtime, which is what runs them."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.nodejs import node_runtime
from tuner.locallambda.sandbox.invocation import InvocationResult
from tuner.locallambda.sandbox.runtime_log import WITHIN
from tuner.locallambda.sandbox.sandbox import Sandbox

HANDLER = """
let calls = 0;
exports.handler = async (event, context) => {
  calls += 1;
  const act = {
    fail: () => { throw new TypeError('boom'); },
    reject: () => { Promise.reject(new Error('nobody waits')); },
    later: () => { setTimeout(() => { throw new RangeError('later'); }, 1); },
    exit: () => process.exit(event.code),
    sleep: () => {},
    log: () => { console.log('two\\nlines', { a: 1 }); process.stdout.write('raw\\n'); },
    fill: () => { const all = []; for (;;) all.push(Buffer.alloc(1 << 24, 1)); },
    big: () => {},
  }[event.do];
  if (act) act();
  if (event.do in { reject: 1, later: 1, sleep: 1 }) await new Promise((r) => setTimeout(r, 5000));
  if (event.do === 'big') return 'x'.repeat(7 << 20);
  return { calls, env: process.env, file: __filename, context: { ...context },
    left: context.getRemainingTimeInMillis(), memory: process.execArgv };
};
"""


@pytest.fixture
def start(local: Any, tmp_path: Path) -> Callable[..., Sandbox]:
    """``start({"app.js": "..."}, handler=...)`` makes a sandbox of this machine's Node.js."""
    runtime = node_runtime()

    def make(files: dict[str, str], **changes: Any) -> Sandbox:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        given = {"runtime": runtime, "handler": "app.handler", "timeout_s": 10.0, **changes}
        made: Sandbox = local.sandbox(task_dir=tmp_path, **given)
        return made

    return make


def told(result: InvocationResult) -> Any:
    assert result.function_error is None, result
    return json.loads(result.payload)


def failed(result: InvocationResult) -> dict[str, Any]:
    assert result.function_error == "Unhandled", result
    found: dict[str, Any] = json.loads(result.payload)
    return found


def test_handler_sees_its_context_its_place_and_the_variables_of_aws(local, start, tmp_path):
    sandbox = start({"app.js": HANDLER}, environment={"STAGE": "test"})
    first, second = (told(local.invoke(sandbox, request_id=f"r-{n}")) for n in (1, 2))
    assert (first["calls"], second["calls"]) == (1, 2)
    task = local.shown(tmp_path)
    assert first["file"] == f"{task}/app.js"
    assert first["context"]["awsRequestId"] == "r-1"
    assert first["context"]["memoryLimitInMB"] == "1769"
    assert first["context"]["invokedFunctionArn"] == sandbox.spec.arn
    assert 0 < first["left"] <= 10_000
    env = first["env"]
    assert (env["STAGE"], env["_HANDLER"], env["LAMBDA_TASK_ROOT"]) == ("test", "app.handler", task)
    assert env["AWS_EXECUTION_ENV"] == f"AWS_Lambda_{sandbox.spec.runtime}"
    assert env["NODE_PATH"].endswith(f"/node_modules:{env['LAMBDA_RUNTIME_DIR']}:{task}")
    assert "_LAMBDA_TELEMETRY_LOG_FD" not in env
    assert (env["SHLVL"], env["PWD"], env["_AWS_XRAY_DAEMON_PORT"]) == ("0", task, "2000")
    assert env["LD_LIBRARY_PATH"].startswith("/var/lang/lib:/lib64:/usr/lib64:/var/runtime:")
    assert "--max-old-space-size=1593" in first["memory"]


def test_errors_have_the_type_the_message_and_the_trace_of_aws(local, start, tmp_path):
    sandbox = start({"app.js": HANDLER})
    result = local.invoke(sandbox, do="fail")
    error = failed(result)
    assert (error["errorType"], error["errorMessage"]) == ("TypeError", "boom")
    assert error["trace"][0] == "TypeError: boom"
    assert f"({local.shown(tmp_path)}/app.js:" in error["trace"][1]
    assert b"\tr-1\tERROR\tInvoke Error \t{" in result.log


def test_console_writes_aws_lines_in_order_with_what_is_written_raw(local, start):
    result = local.invoke(start({"app.js": HANDLER}), do="log")
    log = result.log.decode()
    line = r"\d{4}-\d\d-\d\dT[\d:.]+Z\tr-1\tINFO\ttwo\nlines { a: 1 }\nraw\nEND RequestId: r-1\n"
    assert re.search(line, log), log
    assert b"two" + WITHIN + b"lines { a: 1 }\nraw\n" in result.events  # one event, and another


def test_console_writes_json_of_the_asked_level_if_the_log_is_json(local, start):
    code = "exports.handler = async () => { console.debug('no'); console.warn('a', 1); };"
    sandbox = start({"app.js": code}, log_format="JSON", log_level="INFO")
    lines = [json.loads(line) for line in local.invoke(sandbox).log.splitlines()]
    own = [line for line in lines if "level" in line]
    assert [(line["level"], line["message"], line["requestId"]) for line in own] == [
        ("WARN", "a 1", "r-1")
    ]
    assert {line["type"] for line in lines if "type" in line} == {
        "platform.start",
        "platform.report",
    }


def test_rejections_and_late_errors_reach_the_caller_and_end_the_runtime(local, start):
    sandbox = start({"app.js": HANDLER})
    for do in ("reject", "later"):
        error = failed(local.invoke(sandbox, do=do))
        words = {
            "reject": ("Runtime.UnhandledPromiseRejection", "Error: nobody waits"),
            "later": ("RangeError", "later"),
        }
        # The client tells, and exits by itself with one of these.
        exited = "RequestId: r-1 Error: Runtime exited with error: exit status"
        crashed = [("Runtime.ExitError", f"{exited} {code}") for code in (1, 128, 129)]
        assert (error["errorType"], error["errorMessage"]) in (words[do], *crashed)
    assert told(local.invoke(sandbox))["calls"] == 1


def test_process_exit_is_told_with_its_status(local, start):
    sandbox = start({"app.js": HANDLER})
    for code, words in ((0, "without providing a reason"), (3, "with error: exit status 3")):
        error = failed(local.invoke(sandbox, do="exit", code=code))
        assert error["errorType"] == "Runtime.ExitError"
        assert error["errorMessage"] == f"RequestId: r-1 Error: Runtime exited {words}"


def test_timeout_ends_the_runtime_and_the_next_call_starts_anew(local, start):
    sandbox = start({"app.js": HANDLER}, timeout_s=1.0)
    assert failed(local.invoke(sandbox, do="sleep"))["errorType"] == "Sandbox.Timedout"
    assert told(local.invoke(sandbox))["calls"] == 1


def test_too_much_memory_ends_as_on_aws(local, start):
    full = local.invoke(start({"app.js": HANDLER}, memory_mb=256), do="fill")
    assert failed(full)["errorType"] == "Runtime.ExitError"
    assert full.report.error_type == "Runtime.OutOfMemory"


def test_response_above_six_mib_is_refused_and_the_next_one_served(local, start):
    sandbox = start({"app.js": HANDLER})
    assert failed(local.invoke(sandbox, do="big"))["errorType"] == "Function.ResponseSizeTooLarge"
    assert told(local.invoke(sandbox))["calls"] == 2


def test_callbacks_wait_for_what_is_under_way(local, start):
    if node_runtime() not in ("nodejs20.x", "nodejs22.x"):
        pytest.skip("AWS has no callbacks from Node.js 24 on")
    code = """
    exports.handler = (event, context, callback) => {
      if (event.fail) return callback(new Error('no'));
      if (event.never) return;
      setTimeout(() => callback(null, { done: true }), 5);
    };
    """
    sandbox = start({"app.js": code})
    assert told(local.invoke(sandbox)) == {"done": True}
    assert failed(local.invoke(sandbox, fail=True))["errorMessage"] == "no"
    assert told(local.invoke(sandbox, never=True)) is None


@pytest.mark.parametrize(
    ("files", "handler"),
    [
        ({"app.mjs": "const v = await 7; export const handler = async () => v;"}, "app.handler"),
        (
            {
                "package.json": '{"type": "module"}',
                "app.js": "export const handler = async () => 7;",
            },
            "app.handler",
        ),
        ({"lib/app.cjs": "exports.deep = { handler: async () => 7 };"}, "lib/app.deep.handler"),
        (
            {
                "app.js": "exports.handler = async () => require('seven');",
                "node_modules/seven/index.js": "module.exports = 7;",
            },
            "app.handler",
        ),
    ],
    ids=["mjs", "type-module", "nested", "node_modules"],
)
def test_modules_of_each_kind_are_loaded(local, start, files, handler):
    assert told(local.invoke(start(files, handler=handler))) == 7


@pytest.mark.parametrize(
    ("files", "error_type", "words"),
    [
        (
            {"app.js": "require('absent');"},
            "Runtime.ImportModuleError",
            "Cannot find module 'absent'",
        ),
        ({"app.js": "exports.handler = {;"}, "Runtime.UserCodeSyntaxError", "Unexpected token ';'"),
        ({"app.js": "exports.other = 1;"}, "Runtime.HandlerNotFound", "app.handler is undefined"),
        ({"other.js": ""}, "Runtime.ImportModuleError", "Cannot find module 'app'"),
        ({"app.js": "throw new RangeError('at load');"}, "RangeError", "at load"),
    ],
)
def test_code_that_does_not_load_fails_in_the_words_of_aws(local, start, files, error_type, words):
    result = local.invoke(start(files))
    error = failed(result)
    assert error["errorType"] == error_type
    assert words in error["errorMessage"]
    assert f"Error Type: {error_type}" in result.log.decode()


def test_streamed_responses_arrive_whole_or_with_their_error(local, start):
    code = """
    exports.handler = awslambda.streamifyResponse(async (event, stream) => {
      stream.write('a');
      if (event.fail) throw new RangeError('half way');
      stream.write('b');
      stream.end();
    });
    """
    sandbox = start({"app.js": code})
    for event in ({}, {"fail": True}, {}):
        result = local.invoke(sandbox, **event)
        if event:
            error = failed(result)
            assert (error["errorType"], error["errorMessage"]) == ("RangeError", "half way")
        else:
            assert (result.payload, result.function_error) == (b"ab", None)


def test_layers_are_found_by_require_and_import(local, start):
    if not local.isolated:
        pytest.skip("layers are in /opt only where the kernel lets a process mount")
    layer = ".tuner-opt/nodejs/node_modules"
    files = {
        "app.mjs": "import { v } from '@own/es'; import { createRequire } from 'node:module';\n"
        "export const handler = async () => [v, createRequire(import.meta.url)('plain')];",
        f"{layer}/@own/es/package.json": '{"type": "module", "exports": "./es.js"}',
        f"{layer}/@own/es/es.js": "export const v = 1;",
        f"{layer}/plain/index.js": "module.exports = 2;",
    }
    assert told(local.invoke(start(files))) == [1, 2]


def test_code_is_read_only_and_the_parents_secrets_are_not_there(local, start):
    if not local.isolated:
        pytest.skip("needs mount namespaces")
    code = """
    const fs = require('node:fs');
    const os = require('node:os');
    const tried = (what) => { try { return what(); } catch (error) { return error.code; } };
    exports.handler = async () => ({
      code: tried(() => fs.writeFileSync(__filename, '')),
      runtime: tried(() => fs.writeFileSync('/var/runtime/index.mjs', '')),
      tmp: tried(() => fs.writeFileSync('/tmp/x', 'x')),
      shm: fs.existsSync('/dev/shm'),
      parent: tried(() => fs.readFileSync(`/proc/${process.ppid}/environ`, 'utf8')),
      root: process.getuid() === 0,
      user: os.userInfo().username,
      home: os.homedir(),
    });
    """
    seen = told(local.invoke(start({"app.js": code})))
    assert seen["parent"] in ("ENOENT", "EACCES")
    assert (seen["code"], seen["runtime"], seen["shm"]) == ("EROFS", "EROFS", False)
    assert "tmp" not in seen
    assert (seen["user"], seen["home"]) == ("sbx_user1051", "/home/sbx_user1051")
    assert not seen["root"]
