"""Finding the handler of a Node.js package, and what is said of one that cannot run."""

import json
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from support.nodejs import node_runtime
from tuner.errors import NotFound, TunerError, UsageError
from tuner.targets.javascript import check_handler, exports, find_handler
from tuner.targets.package import named_packages, package_source, read_package

HANDLER = "exports.handler = async () => 1;\n"


def files_in(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("files", "handler"),
    [
        ({"index.js": HANDLER}, "index.handler"),
        ({"app.mjs": "export const lambdaHandler = async () => 1;"}, "app.lambdaHandler"),
        (
            {"handler.cjs": "module.exports = { other: 1, handler() { return 1 } };"},
            "handler.handler",
        ),
        (
            {"package.json": '{"main": "./lib/run.js"}', "lib/run.js": HANDLER, "index.js": "1"},
            "lib/run.handler",
        ),
        ({"package.json": '{"main": "dist"}', "dist/index.js": HANDLER}, "dist/index.handler"),
        ({"package.json": '{"main": "gone.js"}', "app.js": HANDLER}, "app.handler"),
    ],
)
def test_handler_of_a_folder_is_found_by_its_package_or_a_usual_name(tmp_path, files, handler):
    package = read_package(files_in(tmp_path, files), runtime=node_runtime())
    assert (package.handler, package.runtime) == (handler, node_runtime())


def test_javascript_runs_on_the_node_of_this_machine_unless_python_is_there(tmp_path):
    files_in(tmp_path, {"index.js": HANDLER, "orders.mjs": "export function handler() {}"})
    assert read_package(tmp_path).runtime == node_runtime()
    assert read_package(tmp_path / "orders.mjs").handler == "orders.handler"
    assert read_package(tmp_path, "orders.handler").runtime == node_runtime()
    files_in(tmp_path, {"app.py": "def handler(event, context): ...\n"})
    assert read_package(tmp_path).handler == "app.handler"
    assert read_package(tmp_path, "index.handler").runtime == node_runtime()


@pytest.mark.parametrize(
    "text",
    [
        "module.exports.handler = x",
        "exports['handler'] = x",
        'Object.defineProperty(exports, "handler", { get: () => x })',
        "export async function handler(event) {}",
        "export { run as handler };",
        "module.exports = {\n  a,\n  async handler(event) { return {}; },\n};",
        "__export(app_exports, {\n  handler: () => handler\n});",
        '"use strict";\nexports.handler = void 0;\nconst handler = 1;\nexports.handler = handler;',
    ],
)
def test_exports_are_seen_as_people_and_compilers_write_them(text):
    assert "handler" in exports(text)


@pytest.mark.parametrize(
    "text", ["module.exports = require('./x')", "export * from './x.mjs'", "__exportStar(r('x'))"]
)
def test_module_that_may_export_anything_is_tried(text):
    assert "*" in exports(text)
    check_handler({"app.js": text.encode()}.get, "app.handler", "here")


def refusal(files: dict[str, str], handler: str) -> str:
    data = {name: text.encode() for name, text in files.items()}
    with pytest.raises((UsageError, NotFound)) as refused:
        check_handler(data.get, handler, "here")
    assert len(str(refused.value).splitlines()) == 2
    return str(refused.value)


def test_handler_that_cannot_be_there_is_refused_with_what_is_there():
    assert "index.js does not export run; it exports handler" in refusal(
        {"index.js": HANDLER}, "index.run"
    )
    assert "needs gone.js, which is missing" in refusal({"index.js": HANDLER}, "gone.handler")
    assert "is not module.function" in refusal({"index.js": HANDLER}, "index")
    assert "leads out of the package" in refusal({"index.js": HANDLER}, "../index.handler")


def test_typescript_that_is_not_built_is_refused_with_the_reason():
    said = refusal({"src/app.ts": "export const handler = 1"}, "src/app.handler")
    assert "is src/app.ts, TypeScript, which has to be built first" in said
    assert "sam build" in said


def test_typescript_is_named_wherever_a_handler_is_looked_for(tmp_path):
    node_runtime()
    files_in(tmp_path, {"index.ts": "export const handler = 1", "src/run.ts": ""})
    for path, handler in (
        (tmp_path, None),
        (tmp_path, "src/run.go"),
        (tmp_path / "index.ts", None),
    ):
        with pytest.raises(UsageError, match="TypeScript, which has to be built first"):
            read_package(path, handler)


def test_package_without_a_usual_handler_asks_for_its_name(tmp_path):
    node_runtime()
    files_in(tmp_path, {"package.json": "{}", "orders.js": HANDLER})
    with pytest.raises(NotFound, match="no usual module exports handler or lambdaHandler"):
        read_package(tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"main": }'])
def test_broken_package_json_is_refused_by_name(tmp_path, text):
    files_in(tmp_path, {"package.json": text, "index.js": HANDLER})
    for handler in (None, "index.handler"):
        with pytest.raises(UsageError, match=r"package\.json: is not"):
            read_package(tmp_path, handler, node_runtime())


def test_syntax_error_is_told_with_its_line(tmp_path):
    files_in(tmp_path, {"index.js": "let a = 1;\nexports.handler = async () => {;\n"})
    with pytest.raises(UsageError, match=r"index\.js, line \d+: syntax error: "):
        read_package(tmp_path, runtime=node_runtime())
    files_in(tmp_path, {"index.js": "export const handler = await 7;"})
    with pytest.raises(UsageError, match=r"line 1: syntax error(.|\n)*\"type\": \"module\""):
        read_package(tmp_path, runtime=node_runtime())
    files_in(tmp_path, {"package.json": '{"type": "module"}'})
    assert read_package(tmp_path, runtime=node_runtime()).handler == "index.handler"


def test_handler_in_a_layer_or_of_a_package_is_tried(tmp_path):
    files_in(tmp_path, {"node_modules/wrap/handler.js": HANDLER, "index.js": HANDLER})
    for handler in ("/opt/nodejs/wrap.handler", "node_modules/wrap/handler.handler"):
        assert read_package(tmp_path, handler, node_runtime()).handler == handler


def test_code_in_a_template_is_index_js_with_cfns_module_beside_it():
    source = "const r = require('cfn-response'); exports.handler = () => 1;"
    package = package_source(source, "index.handler", node_runtime(), "t.yaml#F")
    assert named_packages(package) == frozenset()
    with pytest.raises(NotFound, match="does not export run"):
        package_source(HANDLER, "index.run", node_runtime(), "t.yaml#F")


@given(
    st.dictionaries(
        st.sampled_from(["index.js", "app.mjs", "package.json", "x.ts", "lib/index.cjs"]),
        st.one_of(
            st.binary(max_size=40),
            st.from_regex(rb"(module\.)?exports(\.\w+)? ?= ?[{\w]?.*", fullmatch=True),
            st.recursive(st.text(), lambda inner: st.dictionaries(st.text(), inner)).map(
                lambda told: json.dumps(told).encode()
            ),
        ),
        max_size=4,
    ),
    st.one_of(
        st.none(), st.text(max_size=20), st.sampled_from(["index.handler", "x.y.z", "lib.a"])
    ),
)
@example({}, "\x1e.0")
def test_every_package_has_a_handler_or_is_refused(files, handler):
    try:
        if handler is None:
            found = find_handler(files.get, "here")
            assert found is None or "." in found
        else:
            check_handler(files.get, handler, "here")
    except TunerError as refused:
        assert len(str(refused).splitlines()) <= 3
