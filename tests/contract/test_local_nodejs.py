"""Node.js functions on the local Lambda, as a sweep's target and as clients see them."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.commands import exit_code
from support.local_lambda import ROLE, boto3_client, zipped
from support.nodejs import node_runtime
from tuner.errors import UsageError
from tuner.locallambda.sandbox.nodejs import versions
from tuner.targets.local import LocalOptions, LocalTarget, open_local
from tuner.targets.names import parse_target

ECHO = "exports.handler = async (event) => { console.log('seen'); return { got: event }; };"
OTHERS = {"nodejs20.x": "nodejs22.x", "nodejs22.x": "nodejs20.x", "nodejs24.x": "nodejs22.x"}


@pytest.fixture
def open_target() -> Iterator[Callable[..., LocalTarget]]:
    """Open local targets, which are closed afterwards."""
    with ExitStack() as opened:

        def run(text: str, **options: Any) -> LocalTarget:
            target = open_local(parse_target(text), LocalOptions(**options))
            return opened.enter_context(closing(target))

        yield run


def test_created_function_answers_and_takes_new_code(
    lambda_client: Any, new_function: Callable[..., str], settled: Callable[..., Any]
) -> None:
    name = new_function({"index.js": ECHO}, Runtime=node_runtime(), Handler="index.handler")
    answer = lambda_client.invoke(FunctionName=name, Payload=b'{"a": 1}')
    assert json.loads(answer["Payload"].read()) == {"got": {"a": 1}}
    code = zipped({"index.mjs": "export const handler = async () => 7;"})
    lambda_client.update_function_code(FunctionName=name, ZipFile=code)
    settled(lambda_client, name)
    assert lambda_client.invoke(FunctionName=name)["Payload"].read() == b"7"


def test_snapstart_and_runtimes_of_no_client_are_refused(lambda_client: Any) -> None:
    given = {
        "FunctionName": "refused",
        "Handler": "index.handler",
        "Role": ROLE,
        "Code": {"ZipFile": zipped({"index.js": ECHO})},
    }
    for more, words in (
        ({"Runtime": node_runtime(), "SnapStart": {"ApplyOn": "PublishedVersions"}}, "SnapStart"),
        ({"Runtime": "nodejs18.x"}, "nodejs18.x is no longer supported"),
        ({"Runtime": "ruby3.4"}, "run its container image"),
    ):
        with pytest.raises(ClientError, match=words):
            lambda_client.create_function(**given, **more)


def test_another_version_of_node_stands_in_and_says_so(
    open_target: Callable[..., LocalTarget], tmp_path: Path
) -> None:
    (tmp_path / "index.js").write_text(ECHO)
    runtime = OTHERS[node_runtime()]
    facts = open_target(f"local:{tmp_path}", runtime=runtime).describe()
    assert facts.runtime == runtime
    assert facts.platform["stands_in_for"] == [runtime]
    assert facts.platform["node"]


def test_named_node_runs_functions_where_path_has_none(
    open_target: Callable[..., LocalTarget], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runtime, named = node_runtime(), versions.installed()[0]
    (tmp_path / "index.js").write_text(ECHO)
    monkeypatch.setenv("PATH", str(tmp_path))
    versions.installed.cache_clear()
    try:
        facts = open_target(f"local:{tmp_path}", runtime=runtime, node=named.path).describe()
        assert facts.platform["node"] == named.text
        with pytest.raises(UsageError, match=r"the Node\.js .*index\.js: is not one that runs"):
            open_target(f"local:{tmp_path}", node=str(tmp_path / "index.js"))
    finally:
        versions.installed.cache_clear()


def test_demo_of_node_runs(open_target: Callable[..., LocalTarget]) -> None:
    node_runtime()
    target = open_target("demo:node")
    assert target.describe().name == "demo-node"
    assert target.describe().runtime == node_runtime()


def test_without_node_the_target_is_refused_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "index.js").write_text(ECHO)
    monkeypatch.setattr(versions, "installed", lambda: ())
    with pytest.raises(UsageError, match=r"needs Node\.js 22, .* found: none"):
        open_local(parse_target(f"local:{tmp_path}"), LocalOptions())


TEMPLATE = """
Globals: {Function: {Runtime: RUNTIME, Timeout: 9}}
Resources:
  Shared:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: layer/}
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: orders.place
      Layers: [!Ref Shared]
      Environment: {Variables: {STAGE: !Sub "${AWS::Region}"}}
  Inline:
    Type: AWS::Serverless::Function
    Properties:
      Handler: index.handler
      InlineCode: "exports.handler = async () => ({ inline: true });"
  Typed:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: esbuild}
    Properties: {CodeUri: src/, Handler: typed.handler}
"""


def test_functions_of_a_template_run_with_their_layers_and_variables(
    open_target: Callable[..., LocalTarget], tmp_path: Path
) -> None:
    (tmp_path / "template.yaml").write_text(TEMPLATE.replace("RUNTIME", node_runtime()))
    for name, text in (
        ("src/orders.js", "exports.place = async () => [require('n'), process.env.STAGE];"),
        ("src/typed.ts", "export const handler = async (): Promise<number> => 1;"),
        ("layer/nodejs/node_modules/n/index.js", "module.exports = 7;"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    orders = open_target(f"local:{tmp_path}/template.yaml#Orders")
    assert orders.describe().timeout_s == 9.0
    assert answer(orders) == [7, "us-east-1"]
    assert answer(open_target(f"local:{tmp_path}/template.yaml#Inline")) == {"inline": True}
    with pytest.raises(UsageError, match=r"typed\.ts, TypeScript, which has to be built first"):
        open_target(f"local:{tmp_path}/template.yaml#Typed")


def test_function_of_a_serverless_yml_runs(
    open_target: Callable[..., LocalTarget], tmp_path: Path
) -> None:
    (tmp_path / "serverless.yml").write_text(
        f"service: shop\nprovider: {{name: aws, runtime: {node_runtime()}}}\n"
        "functions: {orders: {handler: src/orders.place}}\n"
    )
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "orders.js").write_text("export const place = async () => 7;")
    assert answer(open_target(f"local:{tmp_path}/serverless.yml#orders")) == 7


def answer(target: LocalTarget) -> Any:
    """What the function says to an empty event."""
    endpoint = target.endpoint()
    keys = endpoint.credentials()
    client = boto3_client(endpoint.url, endpoint.region, (keys.access_key, keys.secret_key or ""))
    told = client.invoke(FunctionName=endpoint.function, Payload=b"{}")
    payload = json.loads(told["Payload"].read())
    assert "FunctionError" not in told, payload
    return payload


@pytest.mark.slow
def test_folder_of_javascript_is_swept_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    node_runtime()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "index.js").write_text(ECHO)
    words = ("--memory", "512", "--method", "grid", "--samples", "3", "--json", "-", "--yes")
    code = exit_code("sweep", "local:src", *words, "--no-progress")
    document = json.loads(capfd.readouterr().out)
    assert code in (0, 3)
    assert document["sizes"][0]["warm"]["n"] >= 3
    assert not document["errors"]
