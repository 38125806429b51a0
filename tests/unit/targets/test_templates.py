"""Templates as tools leave them: serverless.yml, .serverless, cdk.out, .aws-sam/build."""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from tuner.errors import NotFound, TunerError, UsageError
from tuner.targets.package import Layer
from tuner.targets.sam import SamFunction, read_function, read_template
from tuner.targets.templates import template_files

SERVERLESS = """
service: {name: shop}
provider:
  name: aws
  runtime: python3.12
  stage: ${opt:stage, self:custom.usual, 'dev'}
  environment:
    STAGE: ${sls:stage}
    TABLE: !Ref Orders
    SECRET: ${ssm:/shop/secret}
    URL: https://${self:custom.${self:provider.stage}.host}/${param:area, 'eu'}
    GONE: null
custom:
  usual: test
  test: {host: test.example, memory: 768}
  prod: ${file(prod.yml):hosts}
  sub: {Fn::Sub: "${AWS::Region}-${Orders}"}
functions:
  place:
    handler: src/place.handler
    memorySize: ${self:custom.${self:provider.stage}.memory, 256}
    environment:
      NAME: '${self:service.name}-${env:TUNER_NOT_SET, "none"}'
      SUB: '${self:custom.sub}'
    layers: [!Ref CommonLambdaLayer]
  image-one:
    image: 123.dkr.ecr.eu-west-1.amazonaws.com/a:b
  zipped:
    handler: app.handler
    timeout: 9
    name: own-name
    package: {artifact: build/zipped.zip}
layers:
  common: {path: layer}
resources:
  - Resources: {Orders: {Type: AWS::DynamoDB::Table}}
"""


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def function(path: Path, name: str | None = None, **parameters: str) -> SamFunction:
    return read_function(path, name, parameters)[1]


def test_a_function_of_a_serverless_file_starts_as_it_is_written(tmp_path: Path) -> None:
    found = function(written(tmp_path, "serverless.yml", SERVERLESS), "place")
    assert (found.code, found.handler, found.runtime) == (
        tmp_path / ".",
        "src/place.handler",
        "python3.12",
    )
    assert (found.memory_mb, found.timeout_s) == (768, 6)
    assert found.environment == {
        "STAGE": "test",
        "TABLE": "Orders",
        "SECRET": "ssm:/shop/secret",
        "URL": "https://test.example/eu",
        "NAME": "shop-none",
        "SUB": "us-east-1-Orders",
    }
    assert found.unresolved == {
        "TABLE": "!Ref Orders",
        "SECRET": "${ssm:/shop/secret}",
        "SUB": "!Ref Orders",
    }
    assert found.layers == (Layer(tmp_path / "layer"),)


@pytest.mark.parametrize("provider", ["google", {"name": "google", "runtime": "nodejs20"}])
def test_a_serverless_file_for_another_cloud_is_refused_by_its_name(
    tmp_path: Path, provider: Any
) -> None:
    config = {"service": "a", "provider": provider, "functions": {"f": {"handler": "http"}}}
    path = written(tmp_path, "serverless.yml", json.dumps(config))
    with pytest.raises(UsageError, match="for the provider google, not for AWS"):
        read_function(path, "f", {})


def test_options_and_files_of_a_serverless_file_count(tmp_path: Path) -> None:
    path = written(tmp_path, "serverless.yml", SERVERLESS)
    written(tmp_path, "prod.yml", "hosts: {host: shop.example}")
    found = function(path, "place", stage="prod", area="us")
    assert found.environment["URL"] == "https://shop.example/us"
    assert (found.environment["STAGE"], found.memory_mb) == ("prod", 256)


@pytest.mark.parametrize(
    ("written_as", "is_"),
    [
        ("${opt:stage, self:provider.stage}", "dev"),
        ("${opt:stage}-${self:provider.region}", "dev-us-east-1"),
        ("${aws:region}/${aws:accountId}", "us-east-1/000000000000"),
        ("${opt:size, 512}", "512"),
        ("${self:gone, false}", "false"),
        ("${AWS::Region}-${Table}", "${AWS::Region}-${Table}"),
        ("${file(gone.txt), 'none'}", "none"),
        ("${self:gone, ''}", ""),
    ],
)
def test_what_nobody_says_has_the_usual_value(tmp_path: Path, written_as: str, is_: str) -> None:
    environment = {"environment": {"A": written_as}}
    config = {"provider": environment, "functions": {"f": {"handler": "a.b"}}}
    found = function(written(tmp_path, "serverless.yml", json.dumps(config)), "f")
    assert (found.environment, found.unresolved) == ({"A": is_}, {})


def test_a_package_of_its_own_and_a_name_are_taken(tmp_path: Path) -> None:
    path = written(tmp_path, "serverless.yml", SERVERLESS)
    found = function(path, "own-name")
    assert (found.logical_id, found.code) == ("zipped", tmp_path / "build/zipped.zip")
    assert (found.memory_mb, found.timeout_s) == (1024, 9)
    assert function(path, "shop-test-place").logical_id == "place"
    with pytest.raises(UsageError, match="container image"):
        function(path, "image-one")


@pytest.mark.parametrize(
    "functions",
    ["${file(more.yml)}", "[place: {handler: a.b}, '${file(more.yml)}']", "${file(all.json):f}"],
)
def test_functions_may_be_in_files_and_lists(tmp_path: Path, functions: str) -> None:
    written(tmp_path, "more.yml", "cancel: {handler: c.d, memorySize: 320}")
    written(tmp_path, "all.json", '{"f": {"cancel": {"handler": "c.d", "memorySize": 320}}}')
    path = written(tmp_path, "s.yml", f"service: x\nprovider: {{}}\nfunctions: {functions}\n")
    found = function(path, "cancel")
    assert (found.handler, found.memory_mb) == ("c.d", 320)


def test_functions_that_only_a_program_knows_are_told(tmp_path: Path) -> None:
    path = written(tmp_path, "s.yml", "provider: {}\nfunctions: ${file(make.js):all}\n")
    with pytest.raises(UsageError) as caught:
        function(path, "place")
    assert "come from ${file(make.js):all}, which is not known here" in str(caught.value)
    with pytest.raises(UsageError, match="serverless package"):
        template_files(tmp_path / "serverless.ts", named=True)


def doubled(frame: str, part: str, last: str) -> str:
    """Variables of which each asks nine times for the next."""
    asks = (part.format(f"${{self:custom.v{n - 1}}}") * 9 for n in range(1, 10))
    lines = [f"v{n}: {frame.format(each)}" for n, each in enumerate(asks, 1)]
    return "\n  ".join([*lines, f"v0: {last}", "a: ${self:custom.v9}"])


@pytest.mark.parametrize(
    ("variables", "says"),
    [
        ("a: '${self:custom.a}'", "asks for itself"),
        ("a: '${self:custom.b}'\n  b: ['${self:custom.a}']", "asks for itself"),
        (doubled("'{}'", "{}", "x" * 99), "far too l"),
        (doubled("[{}]", '"{}",', "x"), "far too large"),
    ],
)
def test_variables_without_end_are_refused_at_once(
    tmp_path: Path, variables: str, says: str
) -> None:
    text = (
        f"provider: {{environment: {{A: '${{self:custom.a}}'}}}}\ncustom:\n  {variables}\n"
        "functions: {f: {handler: a.b}}\n"
    )
    with pytest.raises(UsageError, match=says):
        function(written(tmp_path, "s.yml", text), "f")


@given(st.text(alphabet="${}:,'()selfoptx. \n", max_size=60))
@examples(100)
def test_any_variable_is_a_function_or_an_error_of_ours(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    config = {"provider": {"environment": {"A": text}}, "functions": {"f": {"handler": "a.b"}}}
    file = written(tmp_path_factory.getbasetemp(), "any.yml", json.dumps(config))
    try:
        assert isinstance(function(file, "f").environment["A"], str)
    except TunerError as error:
        assert str(error)


STACK: dict[str, Any] = {
    "Resources": {
        "Py72E667BC": {
            "Type": "AWS::Lambda::Function",
            "Properties": {
                "Code": {"S3Bucket": {"Fn::Sub": "a-${AWS::Region}"}, "S3Key": "abc.zip"},
                "Handler": "index.handler",
                "Runtime": "python3.12",
                "Layers": [{"Ref": "LayerB20D2F06"}],
            },
            "Metadata": {"aws:cdk:path": "Demo/Py/Resource", "aws:asset:path": "asset.abc"},
        },
        "LayerB20D2F06": {
            "Type": "AWS::Lambda::LayerVersion",
            "Properties": {"Content": {"S3Bucket": "b", "S3Key": "def.zip"}},
        },
    }
}


@pytest.fixture
def cdk_out(tmp_path: Path) -> Path:
    folder = tmp_path / "cdk.out"
    written(folder, "Demo.template.json", json.dumps(STACK))
    other = json.dumps(STACK).replace("Py72E667BC", "Other1").replace("Demo/Py", "Back/Other")
    written(folder, "Back.template.json", other)
    for asset in ("asset.abc/index.py", "asset.def/python/lib.py"):
        written(folder, asset, "")
    return folder


@pytest.mark.parametrize("name", ["Py72E667BC", "Demo/Py", "Py"])
def test_an_app_of_cdk_runs_from_its_assets(cdk_out: Path, name: str) -> None:
    template, found = read_function(cdk_out, name, {})
    assert template == cdk_out / "Demo.template.json"
    assert (found.logical_id, found.code) == ("Py72E667BC", cdk_out / "asset.abc")
    assert found.layers == (Layer(cdk_out / "asset.def"),)
    assert function(template).code == found.code


def test_stacks_of_cdk_are_searched_and_told(cdk_out: Path) -> None:
    assert function(cdk_out, "Other").logical_id == "Other1"
    for name in (None, "Gone"):
        with pytest.raises(UsageError) as caught:
            function(cdk_out, name)
        assert "Demo.template.json#Py72E667BC" in str(caught.value)
        assert "Back.template.json#Other1" in str(caught.value)


def test_what_serverless_has_packaged_runs_from_its_zip(tmp_path: Path) -> None:
    folder = tmp_path / ".serverless"
    template = json.dumps(STACK).replace("Py72E667BC", "PlaceDashorderLambdaFunction")
    template = template.replace("abc.zip", "serverless/shop/dev/1-2026/shop.zip")
    template = template.replace("aws:asset:path", "other")
    written(folder, "cloudformation-template-update-stack.json", template)
    with zipfile.ZipFile(folder / "shop.zip", "w") as archive:
        archive.writestr("index.py", "")
    for name in (None, "place-order", "PlaceDashorderLambdaFunction"):
        assert function(folder, name).code == folder / "shop.zip"


def test_what_sam_has_built_runs_without_its_template_named(tmp_path: Path) -> None:
    text = "Resources: {F: {Type: AWS::Serverless::Function, Properties: {CodeUri: F}}}"
    file = written(tmp_path, ".aws-sam/build/template.yaml", text)
    for path in (tmp_path / ".aws-sam/build", tmp_path / ".aws-sam"):
        assert read_function(path, None, {}) == (file, read_template(file))


def test_a_folder_has_a_template_where_a_function_is_named(tmp_path: Path) -> None:
    assert template_files(tmp_path, named=True) == []
    file = written(tmp_path, "template.yaml", "Resources: {}")
    assert (template_files(tmp_path, True), template_files(tmp_path, False)) == ([file], [])
    with pytest.raises(NotFound, match="no such function"):
        function(tmp_path, "F")


LOOPS = """
Parameters:
  Names: {Type: CommaDelimitedList, Default: "Place,Cancel-all"}
  Image: {Type: "AWS::SSM::Parameter::Value<String>", Default: /shop/image}
Resources:
  Fn::ForEach::Functions:
    - Name
    - !Ref Names
    - Fn&{Name}:
        Type: AWS::Serverless::Function
        Properties:
          CodeUri: src/${Name}
          Environment:
            Variables:
              NAME: !Ref Name
              TEXT: !Sub "${Name}-${AWS::Region}"
              IMAGE: !Ref Image
              Fn::ForEach::More: [Key, [A, B], {"${Key}": "${Key} of ${Name}"}]
"""


def test_loops_make_functions_and_entries(tmp_path: Path) -> None:
    path = written(tmp_path, "template.yaml", LOOPS)
    found = function(path, "FnCancelall")
    assert found.code == tmp_path / "src/Cancel-all"
    assert found.environment == {
        "NAME": "Cancel-all",
        "TEXT": "Cancel-all-us-east-1",
        "IMAGE": "Image",
        "A": "A of Cancel-all",
        "B": "B of Cancel-all",
    }
    assert found.unresolved == {"IMAGE": "!Ref Image"}
    with pytest.raises(NotFound, match=r"FnPlace, FnCancelall"):
        function(path, "Gone")


def test_parameters_come_in_place_of_their_defaults(tmp_path: Path) -> None:
    path = written(tmp_path, "template.yaml", LOOPS)
    found = function(path, "FnRefund", Names="Refund", Image="i-1")
    assert (found.environment["IMAGE"], found.unresolved) == ("i-1", {})
    with pytest.raises(UsageError) as caught:
        function(path, "FnPlace", Nam="x")
    assert str(caught.value).startswith("--parameter Nam: is not in ")
    assert "There are: Names, Image." in str(caught.value)


def nested(loops: int, items: str, body: str) -> str:
    for n in range(loops):
        body = f"{{Fn::ForEach::L{n}: [V{n}, {items.format(n + 1)}, {body}]}}"
    return f"Resources: {body}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (nested(12, "[1, 2, 3, 4, 5, 6, 7, 8, 9]", "{'A${V0}${V1}${V2}${V3}': 1}"), "50,000"),
        (nested(40, "['${{V{0}}}${{V{0}}}']", "{a: 1}"), "cannot be worked out"),
        ("Resources: {Fn::ForEach::L: [A, [1]]}", "Fn::ForEach::L cannot be worked out"),
        ("Resources: {Fn::ForEach::L: 7}", "Fn::ForEach::L cannot be worked out"),
        (
            "Conditions:\n  C0: !Equals [a, a]\n"
            + "".join(
                f"  C{n}: !And [!Condition C{n - 1}, !Condition C{n - 1}]\n" for n in range(1, 60)
            )
            + "Resources: {F: {Type: AWS::Serverless::Function, Properties: "
            "{MemorySize: !If [C59, much, 1], CodeUri: .}}}",
            "is much, not a number|MemorySize is ",
        ),
    ],
)
def test_loops_and_conditions_without_end_take_no_time(
    tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(TunerError, match=says):
        function(written(tmp_path, "template.yaml", text), "F")


PLACE = "module.shop.aws_lambda_function.place[0]"
PLAN: dict[str, Any] = {
    "terraform_version": "1.9.0",
    "planned_values": {
        "root_module": {
            "child_modules": [
                {
                    "resources": [
                        {
                            "address": PLACE,
                            "type": "aws_lambda_function",
                            "values": {
                                "function_name": "shop-place",
                                "filename": "build/place.zip",
                                "handler": "app.handler",
                                "runtime": "python3.12",
                                "memory_size": 512,
                                "timeout": 9,
                                "environment": [{"variables": {"STAGE": "dev"}}],
                            },
                        }
                    ]
                }
            ],
            "resources": [
                {"address": "aws_s3_bucket.b", "type": "aws_s3_bucket", "values": {}},
                {
                    "address": "aws_lambda_function.mail",
                    "type": "aws_lambda_function",
                    "values": {"function_name": "mail", "s3_key": "a/b.zip"},
                },
            ],
        }
    },
    "resource_changes": [
        {
            "address": PLACE,
            "change": {
                "after_unknown": {"layers": True, "environment": [{"variables": {"TABLE": True}}]}
            },
        }
    ],
}


@pytest.mark.parametrize("name", [PLACE, "shop-place"])
def test_a_plan_of_terraform_runs_from_its_file(tmp_path: Path, name: str) -> None:
    path = written(tmp_path, "plan.json", json.dumps(PLAN))
    found = function(path, name)
    assert (found.code, found.handler) == (tmp_path / "build/place.zip", "app.handler")
    assert (found.runtime, found.memory_mb, found.timeout_s) == ("python3.12", 512, 9)
    assert found.environment["STAGE"] == "dev"
    assert list(found.unresolved) == ["TABLE"]
    assert found.notes == (f"its layers are ${{{PLACE}.layers}}, known only on AWS, so absent",)
    with pytest.raises(UsageError, match="not on this machine"):
        function(path, "mail")
    state = json.dumps(PLAN).replace("planned_values", "values")
    assert function(written(tmp_path, "state.json", state), name) == found


DEPS = ("aws_lambda_layer_version.deps.arn", "aws_lambda_layer_version.deps")
OWN = ("aws_lambda_layer_version.own.arn", "aws_lambda_layer_version.own")
EACH = (
    'aws_lambda_layer_version.each["a.b"].arn',
    'aws_lambda_layer_version.each["a.b"]',
    "aws_lambda_layer_version.each",
)
IN_MODULE = "module.m[0].aws_lambda_function.f"


def layered(layers: list[str | None] | None, given: Sequence[str], own: Sequence[str]) -> str:
    """A plan with three layers and a function in a module, which names those that the module is
    given and ``own`` ones; ``None`` is an ARN that is not known yet."""
    layer = {"type": "aws_lambda_layer_version"}
    resources = [
        {**layer, "address": DEPS[1], "values": {"filename": "deps.zip"}},
        {**layer, "address": EACH[1], "values": {"filename": "a.zip"}},
        {
            **layer,
            "address": f"module.m[0].{OWN[1]}",
            "values": {"filename": "own.zip", "arn": "arn:own"},
        },
        {
            "address": IN_MODULE,
            "type": "aws_lambda_function",
            "values": {"filename": "f.zip", "layers": layers},
        },
    ]
    expressions = {"layers": {"references": ["var.given", *own]}}
    called = {
        "expressions": {"given": {"references": list(given)}},
        "module": {"resources": [{"address": "aws_lambda_function.f", "expressions": expressions}]},
    }
    change = {"after_unknown": {"layers": True}} if layers is None else {}
    return json.dumps(
        {
            "terraform_version": "1.11.4",
            "planned_values": {"root_module": {"resources": resources}},
            "resource_changes": [{"address": IN_MODULE, "change": change}],
            "configuration": {"root_module": {"module_calls": {"m": called}}},
        }
    )


@pytest.mark.parametrize(
    ("layers", "given", "own", "files", "absent"),
    [
        ([None], DEPS, (), ["deps.zip"], []),
        ([None, "arn:else", None], DEPS, OWN, ["deps.zip", "own.zip"], ["arn:else"]),
        (["arn:own"], DEPS, (), ["own.zip"], []),
        (None, EACH, OWN, ["a.zip", "own.zip"], []),
        (None, ["aws_lambda_layer_version.each"], (), ["a.zip"], []),
        ([None], DEPS, OWN, [], [f"{IN_MODULE}.layers"]),  # one of two, by a condition
    ],
)
def test_layers_of_a_plan_are_found_by_what_its_configuration_names(
    tmp_path: Path,
    layers: list[str | None] | None,
    given: Sequence[str],
    own: Sequence[str],
    files: list[str],
    absent: list[str],
) -> None:
    found = function(written(tmp_path, "plan.json", layered(layers, given, own)))
    assert found.layers == tuple(Layer(tmp_path / file) for file in files)
    assert found.notes == tuple(
        f"the layer {each} is not on this machine, so it is absent" for each in absent
    )
