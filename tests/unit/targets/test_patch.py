"""Patching the code that manages a function: one value changes, everything else stays."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.errors import TunerError, UsageError
from tuner.targets.patch import diff, patch

SAM = """\
# The shop's backend
Globals:
  Function: {MemorySize: 1024}  # not this one
Resources:
  Orders:   # takes orders
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      MemorySize:   256   # measured in May
      Environment:
        Variables: {MemorySize: "9", KEY: !Ref Key}
  Mail:
    Type: AWS::Lambda::Function
    Properties:
        Handler: mail.handler
  Table:
    Type: AWS::DynamoDB::Table
"""
SERVERLESS = """\
service: shop
provider: {name: aws, memorySize: 512}
functions:
  orders:
    handler: app.handler
    memorySize: '256'
"""
TERRAFORM = """\
# resource "aws_lambda_function" "old" { memory_size = 1 }
resource "aws_lambda_function" "orders" {
  function_name = "orders-${var.stage}" # } not the end
  # memory_size = 64
  memory_size   = 256 // measured in May
  environment {
    variables = { memory_size = "9" }
  }
  description = <<-EOT
    memory_size = 7 }
  EOT
}
resource "aws_lambda_function" "mail" {
    handler = "mail.handler"
}
module "pay" {
  source      = "terraform-aws-modules/lambda/aws"
  memory_size = var.memory
}
"""


@pytest.mark.parametrize(
    ("text", "name", "resource", "old", "new"),
    [
        (SAM, "template.yaml", "Orders", "MemorySize:   256 ", "MemorySize:   640 "),
        (SERVERLESS, "serverless.yml", None, "memorySize: '256'", "memorySize: '640'"),
        (TERRAFORM, "main.tf", "orders", "memory_size   = 256 ", "memory_size   = 640 "),
        (
            '{"Resources": {"F": {"Type": "AWS::Lambda::Function",'
            ' "Properties": {"MemorySize": 256, "Timeout": 3}}}}',
            "template.json",
            "F",
            '"MemorySize": 256',
            '"MemorySize": 640',
        ),
    ],
)
def test_only_the_value_changes(
    text: str, name: str, resource: str | None, old: str, new: str
) -> None:
    assert patch(text, Path(name), 640, resource) == text.replace(old, new)


def test_a_missing_value_becomes_one_line_in_the_layout_of_its_neighbours() -> None:
    added = patch(SAM, Path("t.yaml"), 640, "Mail")
    assert added == SAM.replace(
        "        Handler: mail", "        MemorySize: 640\n        Handler: mail"
    )
    added = patch(TERRAFORM, Path("m.tf"), 640, "aws_lambda_function.mail")
    assert added == TERRAFORM.replace('"mail" {\n', '"mail" {\n    memory_size = 640\n')


@pytest.mark.parametrize(
    ("name", "text", "new"),
    [
        (
            "t.yaml",
            "Architectures: [x86_64]  # built in May",
            "Architectures: [arm64]  # built in May",
        ),
        (
            "t.yaml",
            "Architectures:\n        # one only\n        - 'x86_64' # in May",
            "Architectures:\n        # one only\n        - 'arm64' # in May",
        ),
        ("s.yml", "architecture: x86_64 # in May", "architecture: arm64 # in May"),
        ("m.tf", 'architectures = ["x86_64"] # in May', 'architectures = ["arm64"] # in May'),
        ("m.tf", 'architectures = [ "x86_64", ]', 'architectures = ["arm64"]'),
    ],
)
def test_the_architecture_changes_and_no_comment_beside_it(name: str, text: str, new: str) -> None:
    frames = {
        "t.yaml": "Resources:\n  F:\n    Type: AWS::Lambda::Function\n    Properties:\n"
        "      MemorySize: 256\n      {}\n      Timeout: 3\n",
        "s.yml": "functions:\n  f:\n    memorySize: 256\n    {}\n    timeout: 3\n",
        "m.tf": 'resource "aws_lambda_function" "f" {{\n  memory_size = 256\n  {}\n}}\n',
    }
    frame = frames[name]
    before, after = frame.format(text), frame.format(new)
    assert patch(before, Path(name), 640, None, "arm64") == after.replace("256", "640")
    assert patch(before, Path(name), 640, None) == before.replace("256", "640")


def test_an_architecture_that_was_not_written_becomes_one_more_line() -> None:
    added = patch(SAM, Path("t.yaml"), 640, "Orders", "arm64")
    assert "      Architectures: [arm64]\n" in added
    assert added.count("\n") == SAM.count("\n") + 1
    added = patch(SERVERLESS, Path("s.yml"), 640, None, "arm64")
    assert "    architecture: arm64\n" in added
    added = patch(TERRAFORM, Path("m.tf"), 640, "mail", "arm64")
    assert '    architectures = ["arm64"]\n' in added
    assert "    memory_size = 640\n" in added


def test_an_architecture_in_a_json_template_keeps_its_quotes() -> None:
    text = (
        '{"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties":'
        ' {"MemorySize": 256, "Architectures": ["x86_64"]}}}}'
    )
    new = patch(text, Path("t.json"), 256, None, "arm64")
    assert new == text.replace('"x86_64"', '"arm64"')


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        (
            "t.yaml",
            SAM.replace("Handler: app", "Architectures: !Ref Arch\n      Handler: app"),
            "list",
        ),
        (
            "t.yaml",
            SAM.replace("Handler: app", "Architectures: [!Ref A]\n      Handler: app"),
            "list",
        ),
        (
            "m.tf",
            TERRAFORM.replace("  # memory", "  architectures = var.arch\n  # memory"),
            "var.arch",
        ),
        ("stack.ts", "", "architecture ARM_64"),
    ],
)
def test_an_architecture_that_comes_from_elsewhere_is_told(name: str, text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        patch(text, Path(name), 640, "orders" if name == "m.tf" else "Orders", "arm64")
    assert says in str(caught.value)


@given(
    st.text(max_size=300),
    st.sampled_from(["x.tf", "x.yaml", "x.json", "serverless.yml"]),
    st.sampled_from(["arm64", "x86_64"]),
)
def test_any_text_gets_an_architecture_or_is_refused_in_our_words(
    text: str, name: str, arch: str
) -> None:
    try:
        patch(text, Path(name), 640, None, arch)
    except TunerError as error:
        assert str(error)


SHARED = """\
x-usual: &usual
  Runtime: python3.13
  MemorySize: 256
Resources:
  Place:
    Type: AWS::Serverless::Function
    Properties:
      <<: *usual
      Handler: shop.place
  Cancel:
    Type: AWS::Serverless::Function
    Properties: &cancel
      Handler: shop.cancel
      <<: [*usual]
  Refund:
    Type: AWS::Serverless::Function
    Properties: *cancel
  Ship:
    Type: AWS::Serverless::Function
    Properties: &ship
      MemorySize: 384
  Return:
    Type: AWS::Serverless::Function
    Properties: {<<: *ship, MemorySize: 128}
  Track:
    Type: AWS::Serverless::Function
    Properties:
      <<: *ship
      Handler: shop.track
"""


def test_a_merged_value_gives_way_to_a_line_of_the_functions_own() -> None:
    added = patch(SHARED, Path("t.yaml"), 640, "Place")
    assert added == SHARED.replace(
        "      <<: *usual\n", "      MemorySize: 640\n      <<: *usual\n"
    )
    added = patch(SHARED, Path("t.yaml"), 640, "Track", "arm64")
    assert "      Architectures: [arm64]\n      MemorySize: 640\n      <<: *ship\n" in added


def test_a_merged_value_of_serverless_gives_way_too() -> None:
    text = (
        "custom: {usual: &usual {memorySize: 256, timeout: 9}}\n"
        "functions:\n  a:\n    handler: a.b\n    <<: *usual\n  b: *usual\n"
    )
    added = patch(text, Path("serverless.yml"), 640, "a")
    assert added == text.replace("    handler", "    memorySize: 640\n    handler")
    with pytest.raises(UsageError, match="another part of the file by a YAML anchor"):
        patch(added, Path("serverless.yml"), 640, "b")


@pytest.mark.parametrize(
    ("resource", "others"),
    [("Cancel", "with Refund by"), ("Refund", "with Cancel by"), ("Ship", "with Track by")],
)
def test_a_change_that_would_reach_another_function_names_it(resource: str, others: str) -> None:
    with pytest.raises(UsageError) as caught:
        patch(SHARED, Path("t.yaml"), 640, resource)
    assert others in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x: &x {<<: *x}", "&x contains itself"),
        ("x: &x [1, *x]", "&x contains itself"),
        (
            "\n".join(
                ["a0: &a0 [1]"] + [f"a{n}: &a{n} [{f'*a{n - 1},' * 9}]" for n in range(1, 12)]
            ),
            "larger than 500,000 values",
        ),
        (SAM.replace("MemorySize:   256", "MemorySize: *m").replace("# The", "m: &m 1\n#"), "*m"),
        (SAM.replace("      Handler: app", "      MemorySize: 1\n      Handler: app"), "2 times"),
    ],
)
def test_anchors_that_cannot_be_followed_are_refused_in_a_line(text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        patch(text, Path("t.yaml"), 640, "Orders")
    assert says in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 2


def test_a_key_twice_in_another_resource_does_not_hinder() -> None:
    text = SAM + "    Properties: {BillingMode: A, BillingMode: B}\n"
    assert patch(text, Path("t.yaml"), 640, "Orders") == text.replace("  256 ", "  640 ")


def test_line_ends_of_windows_stay() -> None:
    text = SAM.replace("\n", "\r\n")
    assert patch(text, Path("t.yaml"), 640, "Mail").count("\r\n") == text.count("\r\n") + 1


@pytest.mark.parametrize(
    ("text", "name", "resource", "says"),
    [
        (SAM, "t.yaml", None, "Orders, Mail"),
        (SAM, "t.yaml", "Table", "Orders, Mail"),
        (SAM.replace("256", "!Ref Size"), "t.yaml", "Orders", "where the value is defined"),
        ("a: [", "t.yaml", None, "not YAML"),
        ("a: 1", "t.yaml", None, "neither Resources nor functions"),
        (TERRAFORM, "main.tf", None, "aws_lambda_function.orders, aws_lambda_function.mail"),
        (TERRAFORM, "main.tf", "pay", "var.memory"),
        (TERRAFORM, "main.tf", "other", "module.pay"),
        ("", "main.tf", None, "none"),
        ("", "stack.ts", None, "memorySize: 640"),
        ("", "stack.py", None, "memory_size=640"),
        ("", "cdk.json", None, "memorySize: 640"),
        ("", "notes.txt", None, "unknown kind of file"),
        (
            "Resources: {F: {Type: AWS::Lambda::Function, Properties: [1]}}",
            "t.yaml",
            "F",
            "by hand",
        ),
    ],
)
def test_what_cannot_be_patched_is_told_with_what_to_do(
    text: str, name: str, resource: str | None, says: str
) -> None:
    with pytest.raises(UsageError) as caught:
        patch(text, Path(name), 640, resource)
    assert says in str(caught.value)


def test_the_diff_shows_one_line() -> None:
    new = patch(SAM, Path("t.yaml"), 640, "Orders")
    changed = [line for line in diff(SAM, new, Path("t.yaml")).splitlines() if line[0] in "+-"]
    assert len(changed) == 4  # the two names, the old line, the new
    assert diff(SAM, SAM, Path("t.yaml")) == ""


@given(st.text(max_size=300), st.sampled_from(["x.tf", "x.yaml", "x.json", "serverless.yml"]))
def test_any_text_is_patched_or_refused_in_our_words(text: str, name: str) -> None:
    try:
        patch(text, Path(name), 640, None)
    except TunerError as error:
        assert str(error)


@given(
    before=st.text(alphabet='ab{}"#/\n =', max_size=40),
    memory_mb=st.integers(128, 10_240),
)
def test_whatever_stands_in_comments_before_a_block_does_not_move_it(
    before: str, memory_mb: int
) -> None:
    comment = "".join(f"# {line}\n" for line in before.split("\n"))
    found = patch(comment + TERRAFORM, Path("m.tf"), memory_mb, "orders")
    assert found == comment + TERRAFORM.replace("= 256", f"= {memory_mb}")


@pytest.mark.parametrize(
    ("name", "text", "resource"),
    [
        (
            "m.tf",
            'resource "aws_lambda_function" "o" {{\n  memory_size = "{}"\n}}\n',
            None,
        ),
        ("m.tf", "resource aws_lambda_function o {{\r\n  memory_size={}\r\n}}\r\n", "o"),
        ("m.tf", 'resource "aws_lambda_function" "o" {{ memory_size = {} }}', "o"),
        ("m.tf", 'module "m" {{\n  a = "${{x(\n "}}")}}"\n  memory_size = {}\n}}\n', "m"),
        (
            "m.tf.json",
            '{{"resource": {{"aws_lambda_function": {{"o": {{"memory_size": {}}}, "p": {{}}}}}}}}',
            "o",
        ),
        (
            "m.tf.json",
            '{{"module": [{{"pay": [{{"source": "x", "memory_size": "{}"}}]}}]}}',
            "module.pay",
        ),
        ("prod.tfvars", 'stage = "prod"\nlambda_memory_size = {} # MB\nredis_memory = 9\n', None),
        (
            "prod.tfvars",
            'f = {{\n  o = {{ memory = {}, a = 1 }}\n  "p" = {{ memory = 9 }}\n}}',
            "o",
        ),
        ("prod.tfvars", 'f = {{ o = {{ memory = 9 }}, "p" = {{ memory = {} }} }}', "p"),
        ("prod.tfvars", "redis_memory = 9\ncalls_mb = {}", "calls_mb"),
        (
            "terragrunt.hcl",
            "terraform {{\n  memory_size = 1\n}}\ninputs = {{\n  memory_size = {}\n}}\n",
            None,
        ),
        ("functions.yml", "o:\n  handler: a.b\n  memorySize: {}\np:\n  handler: a.c\n", "o"),
        (
            "serverless.yml",
            "functions:\n  - o:\n      handler: a.b\n      memorySize: {}\n  - ${{file(x)}}\n",
            None,
        ),
    ],
)
def test_every_form_of_a_file_is_patched_in_its_own_layout(
    name: str, text: str, resource: str | None
) -> None:
    assert patch(text.format(512), Path(name), 640, resource) == text.format(640)


@pytest.mark.parametrize(
    "body", ["", ' function_name = "o" ', " # none\n", '\n\tfunction_name = "o"\n']
)
def test_a_block_of_terraform_never_has_two_settings_on_a_line(body: str) -> None:
    text = f'resource "aws_lambda_function" "o" {{{body}}}\nlocals {{}}\n'
    new = patch(text, Path("m.tf"), 640, "o", "arm64")
    lines = [line for line in new.partition("locals")[0].splitlines() if "=" in line]
    assert [line.count("=") for line in lines] == [1] * len(lines)
    assert [line.split()[0] for line in lines[:2]] == ["architectures", "memory_size"]
    assert new.endswith("}\nlocals {}\n")
    assert patch(new, Path("m.tf"), 256, "o", "x86_64") == new.replace("640", "256").replace(
        "arm64", "x86_64"
    )


def test_a_key_is_added_to_json_that_has_a_line_for_each() -> None:
    inner = '"Type": "AWS::Lambda::Function", "Properties": {\n  "Timeout": 3\n}'
    text = f'{{"Resources": {{"F": {{{inner}}}}}}}'
    new = patch(text, Path("t.json"), 640, "F", "arm64")
    assert json.loads(new)["Resources"]["F"]["Properties"] == {
        "Architectures": ["arm64"],
        "MemorySize": 640,
        "Timeout": 3,
    }
    flow = text.replace('"', "")
    assert "{\n  MemorySize: 640,\n  Timeout: 3" in patch(flow, Path("t.yaml"), 640, "F")


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("t.yaml", "{Timeout: 3}", "{MemorySize: 640, Timeout: 3}"),
        ("t.yaml", "{ Timeout: 3 }", "{ MemorySize: 640, Timeout: 3 }"),
        ("t.yaml", "{}", "{MemorySize: 640}"),
        ("t.yaml", "&none {}", "&none {MemorySize: 640}"),
        ("t.yaml", "{MemorySize: 1_024}", "{MemorySize: 640}"),
        ("t.yaml", "{MemorySize: 128.0}", "{MemorySize: 640}"),
        ("t.yaml", "{MemorySize: !!int '128'}", "{MemorySize: !!int '640'}"),
        ("t.yaml", "{MemorySize: &size 128}", "{MemorySize: &size 640}"),
        ("t.json", '{"Timeout":3}', '{"MemorySize": 640, "Timeout":3}'),
        ("t.json", "{}", '{"MemorySize": 640}'),
    ],
)
def test_a_map_on_one_line_and_any_written_number_are_patched(
    name: str, before: str, after: str
) -> None:
    text = "Resources: {F: {Type: AWS::Lambda::Function, Properties: ...}}"
    if name == "t.json":
        text = '{"Resources": {"F": {"Type": "AWS::Lambda::Function", "Properties": ...}}}'
    assert patch(text.replace("...", before), Path(name), 640, "F") == text.replace("...", after)


@given(
    st.dictionaries(st.sampled_from(["A", "B", "MemorySize", "Timeout"]), st.integers(1, 999)),
    st.booleans(),
)
def test_json_on_one_line_gets_the_size_and_keeps_all_else(
    properties: dict[str, int], tight: bool
) -> None:
    other = {"Type": "AWS::Lambda::Function", "Properties": {"MemorySize": 1}}
    document = {"Resources": {"F": {**other, "Properties": properties}, "G": other}}
    text = json.dumps(document, separators=(",", ":") if tight else None)
    document["Resources"]["F"]["Properties"] = {**properties, "MemorySize": 640}
    assert json.loads(patch(text, Path("t.json"), 640, "F")) == document


def test_a_file_that_is_one_function_of_serverless_is_patched() -> None:
    text = "handler: app.handler  # ours\nmemorySize: 256\n"
    assert patch(text, Path("functions/orders.yml"), 640, "orders") == text.replace("256", "640")
    added = patch("image: repository\n", Path("mail.yml"), 640, None, "arm64")
    assert added == "architecture: arm64\nmemorySize: 640\nimage: repository\n"


def test_variables_in_json_are_patched_by_name_or_by_what_they_are_in() -> None:
    path = Path("prod.tfvars.json")
    assert patch('{"lambda_memory": 1}', path, 640, None) == '{"lambda_memory": 640}'
    text = '{"functions": {"a": {"memory_size": 1, "arch": "x86_64"}, "b": {"memory_size": 2}}}'
    new = patch(text, path, 640, "a", "arm64")
    assert new == text.replace(": 1,", ": 640,").replace("x86_64", "arm64")
    named = '{"mem": 128, "functions": {"mem": 3, "other": 4}}'
    assert patch(named, path, 640, "functions.mem") == named.replace(": 3", ": 640")
    assert patch('{"mem": 128, "x": "y"}', path, 640, "mem") == '{"mem": 640, "x": "y"}'
    with pytest.raises(UsageError, match=r"functions\.a\.memory_size, functions\.b\.memory_size"):
        patch(text, path, 640, None)
    with pytest.raises(UsageError, match="has no variable for an architecture"):
        patch(text, path, 640, "b", "arm64")


def test_a_function_of_the_provider_awscc_is_one() -> None:
    text = 'resource "awscc_lambda_function" "o" {\n  memory_size = 256\n}\n'
    assert patch(text, Path("m.tf"), 640, "o") == text.replace("256", "640")
    text = '{"resource": {"awscc_lambda_function": {"o": {"memory_size": 256}}}}'
    assert patch(text, Path("m.tf.json"), 640, "o") == text.replace("256", "640")


LOOPED_HCL = 'resource "aws_lambda_function" "o" {\n  for_each    = var.all\n  memory_size = 5\n}'
NO_PLACE = """\
Resources:
  Bare: {Type: AWS::Lambda::Function}
  Chosen: {Type: AWS::Lambda::Function, Properties: {Fn::If: [X, {MemorySize: 1}, {}]}}
  Table: {Type: AWS::DynamoDB::Table}
  App: {Type: AWS::Serverless::Application, Properties: {Location: child.yaml}}
  F:
    Type: AWS::Lambda::Function
    Properties:
      MemorySize:
        Fn::If: [X, 128, 256]
"""
LOOPED = (
    "Resources:\n  Fn::ForEach::All: [Name, [A, B], {'Fn${Name}': {Type: AWS::Lambda::Function}}]\n"
    "  C:\n    Type: AWS::Lambda::Function\n    Properties:\n      Handler: a.b\n"
)


@pytest.mark.parametrize(
    ("name", "text", "resource", "says"),
    [
        (
            "m.tf",
            'resource "aws_lambda_function" "o" {\n  memory_size = "5" + 2\n}',
            "o",
            '"5" + 2',
        ),
        (
            "m.tf",
            'resource "aws_lambda_function" "o" {\n  memory_size = 5\n  memory_size = 6\n}',
            "o",
            "2 times",
        ),
        (
            "m.tf.json",
            '{"module": {"m": {"memory_size": "${var.x}"}}}',
            "m",
            "is ${var.x}, not a number",
        ),
        ("m.tf.json", '{"module": {"m": {}, "n": {}}}', None, "module.m, module.n"),
        ("p.tfvars", "a = {memory = 1}\nb = {memory = 2}", None, "b.memory, a.memory"),
        ("p.tfvars", "redis_memory = 9", None, "has no variable for a memory size"),
        ("p.tfvars", "memory = var.x", None, "is var.x, not a number"),
        ("t.yaml", LOOPED, "FnA", "is made by Fn::ForEach::All, together with others"),
        ("t.yaml", LOOPED, None, "C, FnA, FnB"),
        ("s.yml", "functions: ${file(functions.yml)}", None, "its functions are in functions.yml"),
        ("s.yml", "functions: {a: '${file(a.yml):a}', b: {handler: c.d}}", "a", "a: is in a.yml"),
        ("m.tf", LOOPED_HCL, 'o["x"]', "Name aws_lambda_function.o to set it for all"),
        ("m.tf", LOOPED_HCL, "aws_lambda_function.o[0]", "is made by count or for_each"),
        ("m.tf", LOOPED_HCL, "module.m.aws_lambda_function.o", "is inside module.m"),
        ("plan.json", '{"planned_values": {}}', "o", "is a plan, which `terraform plan`"),
        ("terraform.tfstate", "{}", "o", "Patch the .tf file instead"),
        ("serverless.ts", "", "o", "In the function write memorySize: 640, then deploy"),
        ("sst.config.ts", "", "o", 'memory: "640 MB"'),
        ("t.yaml", NO_PLACE, "Bare", "has no Properties that are written out"),
        ("t.yaml", NO_PLACE, "Chosen", "has no Properties that are written out"),
        ("t.yaml", NO_PLACE, "Table", "of type AWS::DynamoDB::Table, no function"),
        ("t.yaml", NO_PLACE, "Table", "There are: F."),
        ("t.yaml", NO_PLACE, "App.F", "If the function is in child.yaml, name that with --file"),
        ("t.yaml", NO_PLACE, "F", "MemorySize is Fn::If: [X, 128, 256], not a number"),
        ("cdk.out/A.template.json", "{}", None, "is made anew by `cdk synth`"),
        (".aws-sam/build/template.yaml", "{}", None, "Patch the template instead"),
    ],
)
def test_what_a_form_does_not_hold_is_told(
    name: str, text: str, resource: str | None, says: str
) -> None:
    with pytest.raises(UsageError) as caught:
        patch(text, Path(name), 640, resource)
    assert says in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 2


def test_a_loop_does_not_hinder_a_function_beside_it() -> None:
    added = patch(LOOPED, Path("t.yaml"), 640, "C")
    assert added == LOOPED.replace("      Handler", "      MemorySize: 640\n      Handler")


@given(
    st.text(alphabet='aemory_sizo={}[],"$ #/*\n5', max_size=80),
    st.sampled_from(["x.tf", "x.tfvars", "x.tf.json", "terragrunt.hcl"]),
    st.sampled_from([None, "o"]),
)
def test_any_terraform_is_patched_at_one_place_or_refused(
    text: str, name: str, resource: str | None
) -> None:
    before = f'resource "aws_lambda_function" "o" {{\n{text}\n}}\n' if name == "x.tf" else text
    try:
        after = patch(before, Path(name), 640, resource)
    except TunerError as error:
        assert str(error)
    else:
        assert "640" in after
        changed = [
            line for line in diff(before, after, Path(name)).splitlines()[3:] if line[0] == "-"
        ]
        assert len(changed) <= 1


@pytest.mark.parametrize(
    "text",
    ["{a=" * 20_000, '"${' * 20_000, "a = [" * 20_000, "memory = {" * 5_000 + "1" + "}" * 5_000],
)
@pytest.mark.parametrize("name", ["x.tf", "x.tfvars"])
def test_terraform_without_end_takes_no_time(name: str, text: str) -> None:
    with pytest.raises(UsageError):
        patch(text, Path(name), 640, None)
