"""What may be written for a target, and what is said about everything else."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tuner.errors import UsageError
from tuner.targets.names import DEMOS, Kind, TargetName, parse_target

ARN = "arn:aws:lambda:eu-west-1:000000000000:function:orders"


@pytest.mark.parametrize(
    ("text", "function", "qualifier", "region"),
    [
        ("orders", "orders", None, None),
        ("aws:orders", "orders", None, None),
        ("orders:live", "orders", "live", None),
        ("orders:3", "orders", "3", None),
        ("orders:$LATEST", "orders", None, None),
        ("aws:local:prod", "local", "prod", None),
        (ARN, ARN, None, "eu-west-1"),
        (f"{ARN}:live", ARN, "live", "eu-west-1"),
        (f"aws:{ARN}:7", ARN, "7", "eu-west-1"),
        ("000000000000:function:orders", "000000000000:function:orders", None, None),
        ("000000000000:function:orders:live", "000000000000:function:orders", "live", None),
        (
            "arn:aws-us-gov:lambda:us-gov-west-1:000000000000:function:x",
            "arn:aws-us-gov:lambda:us-gov-west-1:000000000000:function:x",
            None,
            "us-gov-west-1",
        ),
        (
            "arn:aws-eusc:lambda:eusc-de-east-1:000000000000:function:x",
            "arn:aws-eusc:lambda:eusc-de-east-1:000000000000:function:x",
            None,
            "eusc-de-east-1",
        ),
    ],
)
def test_functions_on_aws_are_taken_apart(
    text: str, function: str, qualifier: str | None, region: str | None
) -> None:
    name = parse_target(text)
    assert (name.kind, name.function, name.qualifier, name.region) == (
        Kind.AWS,
        function,
        qualifier,
        region,
    )
    assert name.text == text


def test_a_local_path_may_name_a_resource_of_a_template() -> None:
    assert parse_target("local:src/app") == TargetName("local:src/app", Kind.LOCAL, path="src/app")
    name = parse_target("local:C/template.yaml#Orders")
    assert (name.path, name.logical_id) == ("C/template.yaml", "Orders")


def test_a_recording_is_named_by_its_path() -> None:
    assert parse_target(" replay:runs/a.csv.gz ").path == "runs/a.csv.gz"


@pytest.mark.parametrize("demo", DEMOS)
def test_every_demo_can_be_named(demo: str) -> None:
    assert parse_target(f"demo:{demo}").demo == demo


def test_an_unknown_demo_lists_those_that_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        parse_target("demo:fast")
    assert caught.value.fix == "There are: cpu, io, mixed, memory, slow-init, flaky, node."


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("./app", "local:./app"),
        ("src/app.py", "local:src/app.py"),
        ("package.zip", "local:package.zip"),
        ("runs.csv", "replay:runs.csv"),
        ("runs.jsonl.gz", "replay:runs.jsonl.gz"),
    ],
)
def test_a_file_without_its_prefix_gets_a_hint(text: str, hint: str) -> None:
    with pytest.raises(UsageError, match="looks like a file") as caught:
        parse_target(text)
    assert hint in caught.value.fix


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "local:",
        "local:#Orders",
        "replay:",
        "demo:",
        "aws:",
        "two words",
        "orders:",
        "orders:live:7",
        "orders:a b",
        "x" * 65,
        "arn:aws:s3:::bucket",
        "arn:aws:lambda:eu-west-1:1:function:orders",
        "arn:aws:lambda:eu-west-1:000000000000:layer:orders",
        "órders",
        "orders:٣",
    ],
)
def test_everything_else_is_bad_usage(text: str) -> None:
    with pytest.raises(UsageError):
        parse_target(text)


@given(
    st.text(max_size=120)
    | st.text(alphabet="arn:wslmbd-0123456789$LATEST#./function", max_size=80)
    | st.sampled_from(["local:", "demo:", "replay:", "aws:", f"{ARN}:"]).flatmap(
        lambda prefix: st.text(max_size=40).map(lambda rest: prefix + rest)
    )
)
@example("orders\n")
@example("x" * 5000)
def test_any_text_is_a_name_or_bad_usage_in_two_short_lines(text: str) -> None:
    try:
        name = parse_target(text)
    except UsageError as error:
        assert len(str(error)) < 400
        assert len(str(error).splitlines()) == 2
        return
    assert name.function or name.path or name.demo
    if name.kind is Kind.AWS:
        again = name.function + (f":{name.qualifier}" if name.qualifier else "")
        assert parse_target(again).function == name.function
        assert parse_target(again).qualifier == name.qualifier
