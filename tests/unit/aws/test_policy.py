"""The least policy: its notations, its resources, and what it must never allow."""

import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import pytest
from ruamel.yaml import YAML

from tuner.aws.policy import COMMANDS, ISOLATIONS, PolicyScope, as_text, grants, policy
from tuner.cli.app import main
from tuner.errors import UsageError

ROLE = "arn:aws:iam::123456789012:role/orders"
ORDERS = PolicyScope("orders", "eu-west-1", "123456789012", role=ROLE)
FUNCTION = "arn:aws:lambda:eu-west-1:123456789012:function:orders"


def allowed(document: dict[str, Any], action: str) -> list[str]:
    found: list[str] = []
    for statement in document["Statement"]:
        if action in statement["Action"]:
            resources = statement["Resource"]
            found += [resources] if isinstance(resources, str) else resources
    return found


@pytest.mark.parametrize(
    ("command", "isolation"),
    [
        (command, isolation)
        for command in COMMANDS
        for isolation in ("versions", "in-place")
        if (command, isolation) != ("bench", "in-place")
    ],
)
def test_no_policy_lets_anybody_delete_the_function_or_everything(
    command: str, isolation: str
) -> None:
    document = policy([command], ORDERS, isolation)
    copies = FUNCTION.replace(":orders", ":tuner-*")
    deletable = set(allowed(document, "lambda:DeleteFunction"))
    assert deletable <= {f"{FUNCTION}:*", *([copies] if command == "bench" else [])}
    for statement in document["Statement"]:
        assert not any("*" in action for action in statement["Action"])


def test_copies_can_be_made_and_deleted_but_the_function_not_changed() -> None:
    document = policy(["sweep"], ORDERS, "clone")
    copies = "arn:aws:lambda:eu-west-1:123456789012:function:tuner-*"
    for action in ("CreateFunction", "UpdateFunctionConfiguration", "DeleteFunction"):
        assert allowed(document, f"lambda:{action}") == [copies]
    (passing,) = [s for s in document["Statement"] if "iam:PassRole" in s["Action"]]
    assert passing["Condition"]["StringEquals"]["iam:PassedToService"] == "lambda.amazonaws.com"
    assert passing["Resource"] == ROLE


@pytest.mark.parametrize("command", COMMANDS)
def test_no_role_can_be_passed_unless_it_is_named(command: str) -> None:
    scope = replace(ORDERS, role="")
    for isolation in ("versions", "clone"):
        assert not allowed(policy([command], scope, isolation), "iam:PassRole")
    assert not allowed(policy(["bench"], scope), "lambda:CreateFunction")
    assert not allowed(policy(["sweep"], ORDERS), "iam:PassRole")


def test_the_command_names_the_role_that_copies_get(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["policy", "bench", "--target", "orders"])
    said = capsys.readouterr()
    assert "PassRole" not in said.out
    assert "--role ARN" in said.err
    with pytest.raises(SystemExit):
        main(["policy", "bench", "--target", "orders", "--role", ROLE])
    assert allowed(json.loads(capsys.readouterr().out), "iam:PassRole") == [ROLE]


@pytest.fixture(scope="module")
def parliament() -> Iterator[Any]:
    """The linter, which finds its own files by a module that setuptools has no more."""
    if find_spec("parliament") is None:
        pytest.skip("needs parliament of PyPI")

    def resource_filename(package: str, name: str) -> str:
        return str(files(package) / name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "pkg_resources", Resources(resource_filename))
        yield import_module("parliament")


class Resources(ModuleType):
    def __init__(self, resource_filename: Callable[[str, str], str]) -> None:
        super().__init__("pkg_resources")
        self.resource_filename = resource_filename


#: What the linter calls malformed where the function is not known, and where AWS has no resources.
_STARS = {"RESOURCE_STAR"}


@pytest.mark.parametrize(
    ("command", "isolation"),
    [
        (command, isolation)
        for command in COMMANDS
        for isolation in ISOLATIONS
        if (command, isolation) != ("bench", "in-place")
    ],
)
def test_a_linter_of_policies_finds_nothing(parliament: Any, command: str, isolation: str) -> None:
    document = policy([command], ORDERS, isolation, architectures=True, provisioned=True)
    found = parliament.analyze_policy_string(json.dumps(document)).findings
    assert [one for one in found if one.issue not in _STARS] == []
    starred = {a for s in document["Statement"] if s["Resource"] == "*" for a in s["Action"]}
    for action in starred:
        service, name = action.split(":")
        (known,) = [
            p
            for s in parliament.iam_definition
            if s["prefix"] == service
            for p in s["privileges"]
            if p["privilege"].lower() == name.lower()
        ]
        assert not [r for r in known["resource_types"] if r["resource_type"]], action


def test_a_load_of_a_copy_may_make_one() -> None:
    alone, copied = ({a for a, _ in grants(["load"], how)} for how in ("versions", "clone"))
    assert {"lambda:CreateFunction", "lambda:DeleteFunction"} <= copied - alone


def test_provisioned_concurrency_is_allowed_on_versions_on_request_only() -> None:
    assert not allowed(policy(["cold"], ORDERS), "lambda:PutProvisionedConcurrencyConfig")
    document = policy(["cold", "restore"], ORDERS, provisioned=True)
    for action in ("Put", "Get", "Delete"):
        assert allowed(document, f"lambda:{action}ProvisionedConcurrencyConfig") == [
            f"{FUNCTION}:*"
        ]
    assert allowed(document, "lambda:ListProvisionedConcurrencyConfigs") == [FUNCTION]
    assert sorted(allowed(document, "lambda:GetFunction")) == [FUNCTION, f"{FUNCTION}:*"]


def test_the_command_adds_what_ways_to_start_need(capsys: pytest.CaptureFixture[str]) -> None:
    for variants, needed in (("snapstart", False), ("snapstart,provisioned=2", True)):
        with pytest.raises(SystemExit) as ended:
            main(["policy", "cold", "--variants", variants])
        assert ended.value.code == 0
        assert ("PutProvisionedConcurrencyConfig" in capsys.readouterr().out) is needed
    with pytest.raises(SystemExit) as ended:
        main(["policy", "cold", "--variants", "provisioned=2", "--isolation", "clone"])
    assert ended.value.code == 2


def test_several_commands_share_one_policy_without_repeating_an_action() -> None:
    document = policy(["sweep", "load", "apply"], ORDERS)
    pairs = [(a, r) for s in document["Statement"] for a in s["Action"] for r in [s["Resource"]]]
    assert len({json.dumps(pair) for pair in pairs}) == len(pairs)
    assert set(allowed(document, "lambda:InvokeFunction")) == {FUNCTION, f"{FUNCTION}:*"}
    assert allowed(document, "lambda:UpdateAlias")


@pytest.mark.parametrize("isolation", ISOLATIONS)
def test_cloudformation_is_yaml_that_says_the_same(isolation: str) -> None:
    document = policy(["sweep", "apply"], ORDERS, isolation)
    found = YAML(typ="safe").load(as_text(document, "cloudformation"))
    assert found["TunerPolicy"]["Properties"]["PolicyDocument"] == document


def test_terraform_names_every_action_and_resource() -> None:
    document = policy(["sweep"], ORDERS, "clone")
    text = as_text(document, "terraform")
    assert text.startswith('data "aws_iam_policy_document" "tuner" {')
    for statement in document["Statement"]:
        assert all(f'"{action}"' in text for action in statement["Action"])
    assert text.count("{") == text.count("}")
    assert re.search(r'variable = "iam:PassedToService"', text)


def test_what_is_not_known_is_a_star() -> None:
    document = policy(["sweep"], PolicyScope())
    assert allowed(document, "lambda:PublishVersion") == ["arn:aws:lambda:*:*:function:*"]


def test_a_command_without_rights_is_bad_usage_that_lists_the_others() -> None:
    with pytest.raises(UsageError, match="sweep"):
        grants(["report"])


@pytest.mark.parametrize(
    ("target", "resource"),
    [
        ("orders", "arn:aws:lambda:*:*:function:orders"),
        ("123456789012:function:orders:live", "arn:aws:lambda:*:123456789012:function:orders"),
        (
            "arn:aws-cn:lambda:cn-north-1:123456789012:function:orders",
            "arn:aws-cn:lambda:cn-north-1:123456789012:function:orders",
        ),
    ],
)
def test_the_command_takes_resources_from_the_target(
    target: str, resource: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["policy", "sweep", "--target", target])
    assert ended.value.code == 0
    assert allowed(json.loads(capsys.readouterr().out), "lambda:PublishVersion") == [resource]


@pytest.mark.parametrize(
    "words",
    [
        ["policy", "report"],
        ["policy", "sweep", "--format", "toml"],
        ["policy", "sweep", "--account", "12"],
        ["policy", "sweep", "--target", "demo:cpu"],
        ["policy", "sweep", "--isolation", "none"],
        ["policy", "sweep", "--role", "arn:aws:iam::123456789012:role/*"],
    ],
)
def test_bad_usage_is_said_in_two_lines(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) <= 2


def test_a_bench_in_place_is_refused() -> None:
    with pytest.raises(UsageError, match="isolation in-place"):
        policy(["bench"], PolicyScope("f"), "in-place")
