"""Functions out of SAM and CloudFormation templates."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.examples import examples
from tuner.errors import NotFound, TunerError, UsageError
from tuner.targets.sam import SamFunction, read_template

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
        (None, UsageError, "has 5 functions"),
        ("Nothing", NotFound, "There are: Orders, Plain, Uploaded, Image, Odd."),
        ("Table", NotFound, "no such function"),
        ("Uploaded", UsageError, "not on this machine"),
        ("Image", UsageError, "container image"),
        ("Odd", UsageError, "MemorySize is !GetAtt Table.Size, not a number"),
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
        ("a: 1\na: 2", "is not YAML"),
        ("- a", "is not a template"),
        ("", "is not a template"),
        ("Resources: []", "Resources is not a map"),
        ("Resources: {}", "has 0 functions"),
        ("\x00", "is not YAML"),
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
