"""Functions out of SAM and CloudFormation templates."""

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from tuner.errors import NotFound, TunerError, UsageError
from tuner.targets.package import Layer
from tuner.targets.sam import SamFunction, read_template
from tuner.targets.yaml_nodes import read_yaml

TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: test}
  Secret: {Type: String}
Globals:
  Function:
    Runtime: python3.12
    Timeout: 20
    Environment:
      Variables:
        LEVEL: info
        STAGE: !Ref Stage
Resources:
  Table:
    Type: AWS::DynamoDB::Table
  Orders:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/orders/
      Handler: app.place
      MemorySize: 512
      Environment:
        Variables:
          LEVEL: debug
          NAME: !Sub "orders-${Stage}-${AWS::Region}-${!Literal}"
          COUNT: 7
          ON: true
          TABLE: !GetAtt Table.Arn
          SECRET: !Ref Secret
          LONG: {"Fn::Sub": "x-${Stage}"}
  Plain:
    Type: AWS::Lambda::Function
    Properties:
      Handler: index.handler
      Runtime: python3.13
      Code:
        ZipFile: |
          def handler(event, context):
              return event
  Uploaded:
    Type: AWS::Lambda::Function
    Properties: {Handler: a.b, Runtime: python3.13, Code: {S3Bucket: b, S3Key: k}}
  Image:
    Type: AWS::Serverless::Function
    Properties: {PackageType: Image}
  Odd:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: ., MemorySize: !GetAtt Table.Size}
  Wrong:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: ., MemorySize: {a: [1, !Ref Stage]}}
  Words:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: ., MemorySize: much}
"""


@pytest.fixture
def template(tmp_path: Path) -> Path:
    file = tmp_path / "template.yaml"
    file.write_text(TEMPLATE)
    return file


def test_a_serverless_function_is_read_with_its_globals(template: Path) -> None:
    assert read_template(template, "Orders") == SamFunction(
        logical_id="Orders",
        code=template.parent / "src/orders/",
        source=None,
        handler="app.place",
        runtime="python3.12",
        memory_mb=512,
        timeout_s=20,
        environment={
            "LEVEL": "debug",
            "STAGE": "test",
            "NAME": "orders-test-us-east-1-${Literal}",
            "COUNT": "7",
            "ON": "true",
            "LONG": "x-test",
            "TABLE": "Table.Arn",
            "SECRET": "Secret",
        },
        unresolved={"TABLE": "!GetAtt Table.Arn", "SECRET": "!Ref Secret"},
    )


def test_code_in_the_template_is_read_and_globals_are_serverless_only(template: Path) -> None:
    plain = read_template(template, "Plain")
    assert plain.code is None
    assert plain.source is not None
    assert plain.source.startswith("def handler")
    assert plain.timeout_s is None


def test_the_only_function_need_not_be_named(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text("Resources: {F: {Type: 'AWS::Serverless::Function'}}")
    assert read_template(file).code == tmp_path / "."


@pytest.mark.parametrize(
    ("logical_id", "kind", "said"),
    [
        (None, UsageError, "has 7 functions"),
        ("Nothing", NotFound, "There are: Orders, Plain, Uploaded, Image, Odd, Wrong, Words."),
        ("Table", NotFound, "no such function"),
        ("Uploaded", UsageError, "not on this machine"),
        ("Image", UsageError, "container image"),
        ("Wrong", UsageError, "MemorySize is {a: [1, !Ref Stage]}, not a text"),
        ("Words", UsageError, "MemorySize is much, not a number"),
    ],
)
def test_what_cannot_run_here_is_told(
    template: Path, logical_id: str | None, kind: type[TunerError], said: str
) -> None:
    with pytest.raises(kind) as caught:
        read_template(template, logical_id)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "is not YAML"),
        ("a: &a {<<: *a}", "&a contains itself"),
        ("a: &a [1]\nb: &b [*a, *a]\n[*a]: 1", "key that is not text"),
        (
            "\n".join(
                ["a0: &a0 [1]"] + [f"a{n}: &a{n} [{f'*a{n - 1},' * 9}]" for n in range(1, 12)]
            ),
            "larger than 500,000 values",
        ),
        ("- a", "is not a template"),
        ("", "is not a template"),
        ("Resources: []", "Resources is not a map"),
        ("Resources: {}", "has no functions"),
        ("\x00", "is not text"),
        ("a: !!python/object/apply:os.system ['x']", ""),
    ],
)
def test_a_file_that_is_no_template_is_told(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "t.yaml"
    file.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_template(file)
    assert said in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 2


SHOP = """
Parameters:
  Stage: {Type: String, Default: test}
  Zones: {Type: CommaDelimitedList, Default: "a, b"}
  Flag: {Type: String}
Mappings:
  Sizes:
    test: {Memory: 384, Url: "http://test"}
    prod: {Memory: 2048}
Conditions:
  Prod: !Equals [!Ref Stage, prod]
  Test: !Not [!Condition Prod]
  Both: !And [!Condition Test, !Or [!Condition Prod, !Equals [a, a]]]
  Ring: !Not [!Condition Ring]
Globals:
  Function:
    MemorySize: !FindInMap [Sizes, !Ref Stage, Memory]
    Timeout: !If [Prod, 60, !Ref AWS::NoValue]
Resources:
  Shop:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: !Sub "src/${Stage}"
      Environment:
        Variables:
          VALUE: VALUE_HERE
"""


@pytest.mark.parametrize(
    ("written", "value", "unknown"),
    [
        ("!FindInMap [Sizes, !Ref Stage, Url]", "http://test", None),
        ("!Join ['-', [shop, !Ref Stage, 1]]", "shop-test-1", None),
        ("!Join ['+', !Ref Zones]", "a+b", None),
        ("'{{resolve:ssm:/url}}'", "{{resolve:ssm:/url}}", "{{resolve:ssm:/url}}"),
        (
            "!Sub '${Stage}{{resolve:ssm:/url}}'",
            "test{{resolve:ssm:/url}}",
            "{{resolve:ssm:/url}}",
        ),
        ("!Sub ['${s}-${Stage}-${!x}', {s: !Ref Stage}]", "test-test-${x}", None),
        ("!If [Both, 'yes', 'no']", "yes", None),
        ("!If [Prod, live, dry]", "dry", None),
        ("!Select [1, !Split ['/', 'a/b/c']]", "b", None),
        ("!Select [1, !Ref Zones]", "b", None),
        ("{'Fn::If': [Test, {'Fn::Sub': '${Stage}'}, {Ref: Stage}]}", "test", None),
        ("{'Fn::Base64': abc}", "YWJj", None),
        ("!Select [1, !Cidr [10.0.0.0/16, 4, 8]]", "10.0.1.0/24", None),
        ("!Select [2, !Cidr ['fd00::/56', '3', '64']]", "fd00:0:0:2::/64", None),
        ("!Select [2, !Cidr [!GetAtt Net.Block, 4, 8]]", "Net.Block", "!GetAtt Net.Block"),
        ("1.0", "1.0", None),
        ("null", "", None),
        ("!Ref Table", "Table", "!Ref Table"),
        ("!Ref Flag", "Flag", "!Ref Flag"),
        ("!Sub 'x-${Table.Arn}'", "x-Table.Arn", "!GetAtt Table.Arn"),
        ("!ImportValue other-stack", "other-stack", "!ImportValue other-stack"),
        ("!FindInMap [Sizes, moon, Url]", "Sizes.moon.Url", "!FindInMap [Sizes, moon, Url]"),
        ("!Select [0, !GetAZs '']", "unknown", "!GetAZs "),
        ("!Ref AWS::NoValue", None, None),
    ],
)
def test_what_the_template_knows_is_worked_out(
    tmp_path: Path, written: str, value: str | None, unknown: str | None
) -> None:
    file = tmp_path / "t.yaml"
    file.write_text(SHOP.replace("VALUE_HERE", written))
    found = read_template(file)
    assert (found.memory_mb, found.timeout_s) == (384, None)
    assert found.code == tmp_path / "src/test"
    assert found.environment.get("VALUE") == value
    assert found.unresolved.get("VALUE") == unknown


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("!If [Ring, a, b]", "the condition Ring asks for itself"),
        ("!If [None, a, b]", "has no condition None"),
        ("!Select [9, [a]]", "!Select [9, [a]] cannot be worked out"),
        ("!Join oops", "!Join oops cannot be worked out"),
        ("!FindInMap [Sizes]", "!FindInMap [Sizes] cannot be worked out"),
        ("{a: !Ref Stage, b: 1}", "VALUE is {a: !Ref Stage, b: 1}, not a text"),
    ],
)
def test_what_cannot_be_worked_out_is_told_as_it_is_written(
    tmp_path: Path, written: str, said: str
) -> None:
    file = tmp_path / "t.yaml"
    file.write_text(SHOP.replace("VALUE_HERE", written))
    with pytest.raises(UsageError) as caught:
        read_template(file)
    assert said in str(caught.value)


def test_a_size_that_only_aws_knows_becomes_a_note(template: Path) -> None:
    odd = read_template(template, "Odd")
    assert odd.memory_mb is None
    assert odd.notes == (
        "MemorySize is !GetAtt Table.Size, known only on AWS, so the default is used",
    )


def test_layers_of_the_template_are_paths_and_others_become_notes(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text(
        "Resources:\n"
        "  Shared: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: lib/}}\n"
        "  Away: {Type: AWS::Lambda::LayerVersion, Properties: {Content: {S3Bucket: b}}}\n"
        "  F:\n"
        "    Type: AWS::Serverless::Function\n"
        "    Properties:\n"
        "      Layers: [!Ref Shared, !Sub 'arn:aws:lambda:${AWS::Region}:1:layer:x:1', !Ref Away]\n"
    )
    found = read_template(file)
    assert found.layers == (Layer(tmp_path / "lib"),)
    built = file.read_text().replace("lib/}}", "lib/}, Metadata: {BuildMethod: python3.13}}")
    file.write_text(built)
    assert read_template(file).layers == (Layer(tmp_path / "lib", "python/"),)
    assert [note.split(",")[0] for note in found.notes] == [
        "the layer arn:aws:lambda:us-east-1:1:layer:x:1 is not on this machine",
        "the layer Away is not on this machine",
    ]


def test_a_template_in_json_is_read_alike(tmp_path: Path) -> None:
    file = tmp_path / "shop.template.json"
    file.write_text(
        '{"Parameters": {"Mb": {"Type": "Number", "Default": 640}}, "Resources": {"F": {"Type":'
        ' "AWS::Lambda::Function",\n\t"Properties": {"Code": "src", "MemorySize": {"Ref": "Mb"}}}}}'
    )
    found = read_template(file)
    assert (found.logical_id, found.memory_mb, found.code) == ("F", 640, tmp_path / "src")


def test_the_last_of_two_equal_keys_counts_as_in_sam(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text("Resources: {F: {Type: a, Type: 'AWS::Serverless::Function'}}")
    assert read_template(file).logical_id == "F"


def test_a_template_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such template"):
        read_template(tmp_path / "none.yaml")


PIECES = st.lists(
    st.sampled_from(
        [*TEMPLATE.splitlines(), "!Ref", "!Sub {a: b}", "&a *a", "? x", "{", "]", "<<: *a", "- 1"]
    ),
    max_size=12,
)


@examples(60)
@given(lines=PIECES)
def test_any_text_is_a_function_or_an_error_of_ours(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    file = tmp_path_factory.mktemp("sam") / "t.yaml"
    file.write_text("\n".join(lines))
    try:
        assert isinstance(read_template(file), SamFunction)
    except TunerError as error:
        assert len(str(error).splitlines()) <= 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: " + "[" * 20_000, "nested too deeply"),
        ('{"Resources": ' + '{"a":' * 100_000, "nested too deeply"),
        ("a: '" + "x" * 1_100_000 + "'", "larger than 1 MB"),
        ('{"Resources": {"T": "' + "x" * 1_100_000 + '"}}', "larger than 1 MB"),
        ("x: &x {<<: *x}\nResources: *x", "contains itself"),
    ],
)
def test_templates_without_end_take_no_time(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "template.yaml"
    file.write_text(text)
    began = time.process_time()
    with pytest.raises(UsageError, match=says):
        read_template(file, "F")
    assert time.process_time() - began < 1.0


def test_a_plan_of_terraform_may_be_larger_than_a_template(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text('{"planned_values": {"a": "' + "x" * 1_100_000 + '"}}')
    assert list(read_yaml(file)) == ["planned_values"]


def test_blank_lines_before_a_block_of_text_may_have_spaces(tmp_path: Path) -> None:
    file = tmp_path / "template.yaml"
    file.write_text(
        "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties:\n      CodeUri: .\n"
        "      Environment:\n        Variables:\n          A: |\n           \n              x\n"
        "                y\n          B: 1\n"
    )
    assert read_template(file).environment == {"A": "\nx\n  y\n", "B": "1"}


def _read(tmp_path: Path, text: str) -> SamFunction:
    (tmp_path / "t.yaml").write_text(text)
    return read_template(tmp_path / "t.yaml")


def test_lists_of_globals_are_added_to_a_functions_own(tmp_path: Path) -> None:
    text = """\
Globals: {Function: {Layers: [!Ref One], Timeout: 9, MemorySize: 512.0}}
Resources:
  One: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: one/}}
  Two: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: two/}}
  F: {Type: AWS::Serverless::Function, Properties: {Layers: [!Ref Two], Timeout: 4}}
"""
    found = _read(tmp_path, text)
    assert found.layers == (Layer(tmp_path / "one"), Layer(tmp_path / "two"))
    assert (found.timeout_s, found.memory_mb) == (4, 512)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{Type: AWS::Serverless::Function, Properties: {ImageUri: i}}", "a container image"),
        ("{Type: AWS::Lambda::Function, Properties: {Code: {ImageUri: i}}}", "a container image"),
        (
            "{Type: AWS::Serverless::Function, Properties: {Fn::If: [X, {}, {}]}}",
            "its Properties are !If [X, {}, {}], not a map of settings",
        ),
    ],
)
def test_a_function_without_settings_or_code_is_refused(
    tmp_path: Path, body: str, says: str
) -> None:
    with pytest.raises(UsageError) as caught:
        _read(tmp_path, f"Resources: {{F: {body}}}")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    "kind",
    [
        "AWS::Serverless::Application, Properties: {Location",
        "AWS::CloudFormation::Stack, Properties: {TemplateURL",
    ],
)
def test_functions_of_a_nested_template_are_looked_for_there(tmp_path: Path, kind: str) -> None:
    with pytest.raises(NotFound, match=r"has no functions itself\nName local:.*child\.yaml\."):
        _read(tmp_path, f"Resources: {{App: {{Type: {kind}: child.yaml}}}}}}")
