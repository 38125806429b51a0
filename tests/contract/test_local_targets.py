"""Functions from this machine behind the seam: packaged, run for real, gone when closed."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from support.local_lambda import zipped
from tuner.aws.control import ControlPlane
from tuner.aws.session import SessionOptions, open_session
from tuner.clock import WallClock
from tuner.errors import NotFound, TargetError, TunerError, UsageError
from tuner.measure.health import platform_advice
from tuner.records import Backend, Setting
from tuner.targets.aws import AwsTarget
from tuner.targets.aws_observers import neighbours_of
from tuner.targets.aws_versions import AwsOptions
from tuner.targets.local import LocalOptions, LocalTarget, open_local
from tuner.targets.names import parse_target
from tuner.targets.seam import Variant, one_variant

pytest.importorskip("awslambdaric", reason="handlers need awslambdaric, absent here")

RUNTIME = f"python3.{sys.version_info.minor}"
SOURCE = """
import os

def handler(event, context):
    return {
        "memory": context.memory_limit_in_mb,
        "version": context.function_version,
        "name": os.environ.get("NAME"),
        "event": event,
    }
"""


@pytest.fixture
def open_(request: pytest.FixtureRequest) -> Iterator[Callable[..., LocalTarget]]:
    """Open local targets, which are closed afterwards."""
    opened: list[LocalTarget] = []

    def run(text: str, **options: Any) -> LocalTarget:
        opened.append(open_local(parse_target(text), LocalOptions(**options)))
        return opened[-1]

    yield run
    for target in opened:
        target.close()


def invoke(target: LocalTarget, variant: Variant, event: object = None) -> Any:
    """Invoke a variant as the load engine would: at the endpoint, with its credentials."""
    endpoint = target.endpoint()
    keys = endpoint.credentials()
    client = boto3.client(
        "lambda",
        endpoint_url=endpoint.url,
        region_name=endpoint.region,
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
    )
    answer = client.invoke(
        FunctionName=endpoint.function, Qualifier=variant.qualifier, Payload=json.dumps(event)
    )
    told = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, told
    return told


def test_a_directory_runs_at_every_size_with_its_environment(
    open_: Callable[..., LocalTarget], tmp_path: Path
) -> None:
    (tmp_path / "my app").mkdir()
    (tmp_path / "my app" / "app.py").write_text(SOURCE)
    target = open_(f"local:{tmp_path}/my app", environment={"NAME": "Ada"})
    facts = target.describe()
    assert facts.name == "my-app"
    assert (facts.backend, facts.memory_mb, facts.timeout_s) == (Backend.LOCAL, 128, 30.0)
    assert facts.platform["cores"] >= 1
    for size in (128, 640):
        variant = one_variant(target, Setting(size))
        assert invoke(target, variant, {"x": 1}) == {
            "memory": str(size),
            "version": variant.qualifier,
            "name": "Ada",
            "event": {"x": 1},
        }
    target.restore()


def test_a_busy_machine_is_said_of_a_local_lambda_behind_a_url(
    local_lambda_url: str, new_function: Callable[..., str]
) -> None:
    name = parse_target(new_function("def handler(event, context):\n    return 1\n"))
    session = open_session(SessionOptions(region="eu-west-1", endpoint_url=local_lambda_url))
    target = AwsTarget(ControlPlane(session, WallClock()), name, AwsOptions(journal=None))
    target.describe()
    work = "import time\nend = time.process_time() + 0.4\nwhile time.process_time() < end: pass"
    start = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', sys.argv[1]])"
    subprocess.run([sys.executable, "-c", start, work], check=True)  # a stranger, no child of ours
    time.sleep(0.8)
    assert [advice.code for advice in target.doubts()] == ["machine-busy"]
    target.close()


def test_a_service_that_is_no_process_of_this_machine_is_not_watched(local_lambda_url: str) -> None:
    assert neighbours_of(local_lambda_url) is not None
    assert neighbours_of("http://127.0.0.1:9") is None


def test_a_template_runs_with_its_own_values_and_those_given(
    open_: Callable[..., LocalTarget], tmp_path: Path
) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "orders.py").write_text(SOURCE.replace("def handler", "def place"))
    (tmp_path / "template.yaml").write_text(
        "Resources:\n"
        "  Orders:\n"
        "    Type: AWS::Serverless::Function\n"
        "    Properties:\n"
        "      CodeUri: src\n"
        "      Handler: orders.place\n"
        "      MemorySize: 512\n"
        "      Timeout: 11\n"
        "      Environment: {Variables: {NAME: !GetAtt Table.Arn}}\n"
    )
    guessing = open_(f"local:{tmp_path}/template.yaml").describe()
    [note] = guessing.platform["template_notes"]
    assert note.startswith("environment variable NAME is !GetAtt Table.Arn, known only on AWS")
    assert "--env NAME=" in note
    target = open_(f"local:{tmp_path}/template.yaml#Orders", environment={"NAME": "table"})
    facts = target.describe()
    assert (facts.name, facts.memory_mb, facts.timeout_s) == ("Orders", 512, 11.0)
    assert "template_notes" not in facts.platform
    assert invoke(target, one_variant(target, Setting(256)))["name"] == "table"


def test_a_function_of_a_terraform_plan_runs_with_a_layer_of_the_plan(
    open_: Callable[..., LocalTarget], tmp_path: Path
) -> None:
    layer = {"address": "aws_lambda_layer_version.tax", "type": "aws_lambda_layer_version"}
    function = {"address": 'aws_lambda_function.orders["a b"]', "type": "aws_lambda_function"}
    settings = {"handler": "app.handler", "runtime": RUNTIME, "memory_size": 256, "timeout": 9}
    resources = [
        {**layer, "values": {"filename": "layer.zip"}},
        {**function, "values": {**settings, "filename": "code.zip", "layers": [None]}},
    ]
    named = {"references": ["aws_lambda_layer_version.tax.arn", "aws_lambda_layer_version.tax"]}
    written = {"address": "aws_lambda_function.orders", "expressions": {"layers": named}}
    plan = {
        "terraform_version": "1.11.4",
        "planned_values": {"root_module": {"resources": resources}},
        "configuration": {"root_module": {"resources": [written]}},
    }
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    (tmp_path / "layer.zip").write_bytes(zipped({"python/tax.py": "RATE = 19\n"}))
    source = "import tax\n\ndef handler(event, context):\n    return tax.RATE\n"
    (tmp_path / "code.zip").write_bytes(zipped({"app.py": source}))
    target = open_(f"local:{tmp_path}/plan.json")
    assert (target.describe().name, target.describe().memory_mb) == (
        "aws_lambda_function-orders-a-b",
        256,
    )
    assert "template_notes" not in target.describe().platform
    assert invoke(target, one_variant(target, Setting(256))) == 19


@pytest.mark.parametrize("demo", ["mixed", "flaky"])
def test_a_demo_runs(demo: str, open_: Callable[..., LocalTarget]) -> None:
    target = open_(f"demo:{demo}", environment={"SEED": "1"})
    assert target.describe().name == f"demo-{demo}"
    assert isinstance(invoke(target, one_variant(target, Setting(1769))), dict)


def test_code_that_cannot_run_is_told_before_anything_is_started(
    open_: Callable[..., LocalTarget], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        pytest.fail("the service was started")

    monkeypatch.setattr("tuner.targets.local.EmbeddedLambda", never)
    (tmp_path / "bad.py").write_text("def handler(:\n")
    (tmp_path / "app.py").write_text(SOURCE)
    cases: list[tuple[str, dict[str, str], type[TunerError]]] = [
        (f"local:{tmp_path}/none", {}, UsageError),
        (f"local:{tmp_path}/bad.py", {}, UsageError),
        (f"local:{tmp_path}", {"handler": "app.place"}, NotFound),
        (f"local:{tmp_path}/app.py#Orders", {}, UsageError),
    ]
    for text, options, kind in cases:
        with pytest.raises(kind):
            open_(text, **options)


def test_what_the_service_refuses_is_told_and_the_service_ended(
    open_: Callable[..., LocalTarget], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[bool] = []
    from tuner.targets.embedded import EmbeddedLambda

    close = EmbeddedLambda.close
    monkeypatch.setattr(EmbeddedLambda, "close", lambda self: (closed.append(True), close(self)))
    (tmp_path / "app.py").write_text(SOURCE)
    with pytest.raises(TargetError, match="runtime"):
        open_(f"local:{tmp_path}", runtime="python3.99", handler="app.handler")
    assert closed == [True]


def test_what_nobody_shipped_is_missing_as_on_aws(
    open_: Callable[..., LocalTarget], tmp_path: Path
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('not the module of this name')\n")
    (tmp_path / "own.py").write_text("NAME = 'shipped'\n")
    (tmp_path / "app.py").write_text(
        "import importlib\nimport boto3\nimport own\n\n"
        "def handler(event, context):\n"
        "    try:\n"
        "        importlib.import_module(event)\n"
        "    except ModuleNotFoundError as error:\n"
        "        return str(error)\n"
        "    return own.NAME\n"
    )
    target = open_(f"local:{tmp_path}")
    variant = one_variant(target, Setting(512))
    assert invoke(target, variant, "botocore") == "shipped"
    for name in ("numpy", "requests", "typer", "tuner"):
        assert invoke(target, variant, name) == f"No module named '{name}'"


def test_a_layer_of_the_template_is_in_opt(
    open_: Callable[..., LocalTarget], tmp_path: Path
) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text(
        "import tax\n\ndef handler(event, context):\n    return [tax.RATE, tax.__file__]\n"
    )
    (tmp_path / "lib" / "python").mkdir(parents=True)
    (tmp_path / "lib" / "python" / "tax.py").write_text("RATE = 7\n")
    (tmp_path / "t.yaml").write_text(
        "Resources:\n"
        "  Lib: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: lib}}\n"
        "  F:\n"
        "    Type: AWS::Serverless::Function\n"
        "    Properties: {CodeUri: src, Handler: app.handler, Layers: [!Ref Lib]}\n"
    )
    target = open_(f"local:{tmp_path}/t.yaml")
    rate, file = invoke(target, one_variant(target, Setting(512)))
    assert rate == 7
    own_tmp = target.describe().platform["own_tmp"] == "mount namespace"
    assert file == "/opt/python/tax.py" or not own_tmp or not Path("/opt").is_dir()


def test_extensions_and_file_systems_of_a_template_are_said_to_be_absent(
    open_: Callable[..., LocalTarget], tmp_path: Path
) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text(SOURCE)
    (tmp_path / "lib" / "extensions").mkdir(parents=True)
    for name, mode in (("collector", 0o755), ("notes.txt", 0o644)):
        (tmp_path / "lib" / "extensions" / name).write_text("#!/bin/sh\n")
        (tmp_path / "lib" / "extensions" / name).chmod(mode)
    (tmp_path / "t.yaml").write_text(
        "Resources:\n"
        "  Lib: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: lib}}\n"
        "  F:\n"
        "    Type: AWS::Serverless::Function\n"
        "    Properties:\n"
        "      CodeUri: src\n"
        "      Handler: app.handler\n"
        "      Layers: [!Ref Lib]\n"
        "      FileSystemConfigs: [{Arn: !GetAtt Files.Arn, LocalMountPath: /mnt/files}]\n"
    )
    facts = open_(f"local:{tmp_path}/t.yaml").describe()
    assert facts.platform["extensions"] == ["collector"]
    noted = "FileSystemConfigs has no effect on the local Lambda"
    assert facts.platform["template_notes"] == [noted]
    told = {advice.code: advice.text for advice in platform_advice(facts, [128])}
    assert "collector" in told["extensions-absent"] and noted in told["template-unknown"]


def test_code_that_a_template_names_and_is_missing_is_told(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(
        "Resources: {F: {Type: AWS::Serverless::Function, Properties: {CodeUri: gone}}}"
    )
    with pytest.raises(UsageError, match=r"t\.yaml#F: its code .*gone is missing\n.*sam build"):
        open_local(parse_target(f"local:{tmp_path}/t.yaml"), LocalOptions())
