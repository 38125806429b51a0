"""A first suite for a function, or for each function of a template, with every key explained."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.errors import NotFound, UsageError
from tuner.suites.suite_file import parse_suite, read_suite
from tuner.suites.suite_init import Found, suite_text, write_suite

SAM = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.13, MemorySize: 256}}
Resources:
  Checkout: {Type: AWS::Serverless::Function, Properties: {CodeUri: src, Handler: app.handler}}
  Search:
    Type: AWS::Serverless::Function
    Properties: {CodeUri: src, Handler: app.handler, MemorySize: 1024}
  Table: {Type: AWS::DynamoDB::Table, Properties: {}}
"""
SERVERLESS = """
service: shop
provider: {name: aws, runtime: nodejs22.x, stage: "${opt:stage, 'prod'}"}
functions:
  checkout: {handler: src/checkout.main, memorySize: 512}
  search: {handler: src/search.main, name: "finder-${sls:stage}"}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text("def handler(event, context):\n    pass\n")
    (tmp_path / "template.yaml").write_text(SAM)
    (tmp_path / "serverless.yml").write_text(SERVERLESS)
    return tmp_path


def targets(source: str) -> dict[str, tuple[str, tuple[int, ...]]]:
    path = Path("tuner.toml")
    names = write_suite(source, path)
    suite = read_suite(path)
    assert [case.name for case in suite.cases] == names
    return {case.name: (case.target, case.sizes_mb) for case in suite.cases}


def test_a_folder_becomes_a_case_that_runs_it(folder: Path) -> None:
    assert targets("src") == {"src": ("local:src", (512,))}


def test_every_function_of_a_template_becomes_a_case(folder: Path) -> None:
    assert targets("template.yaml") == {
        "Checkout": ("local:template.yaml#Checkout", (256,)),
        "Search": ("local:template.yaml#Search", (1024,)),
    }


def test_functions_of_serverless_are_named_as_they_are_deployed(folder: Path) -> None:
    found = targets("serverless.yml")
    assert found["checkout"] == ("shop-prod-checkout", ())
    assert found["search"][0].startswith("finder-")


def test_what_is_there_is_not_overwritten(folder: Path) -> None:
    write_suite("demo:cpu", Path("tuner.toml"))
    before = Path("tuner.toml").read_text()
    with pytest.raises(UsageError, match="already exists"):
        write_suite("demo:io", Path("tuner.toml"))
    assert Path("tuner.toml").read_text() == before


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("local:nothing", UsageError),
        ("nothing.yaml", UsageError),
        ("replay:nothing.csv", UsageError),
        ("empty.yaml", NotFound),
        ("no such name!", UsageError),
    ],
)
def test_a_function_that_is_not_there_writes_nothing(
    folder: Path, source: str, error: type[Exception]
) -> None:
    Path("empty.yaml").write_text("Resources: {}\n")
    with pytest.raises(error):
        write_suite(source, Path("tuner.toml"))
    assert not Path("tuner.toml").exists()


def test_every_key_that_is_commented_out_is_one(folder: Path) -> None:
    text = suite_text([Found("a", "myfunc")])
    shown = "\n".join(
        line.removeprefix("# ")
        for line in text.splitlines()
        if not line.startswith("# ") or line[2:].lstrip("[").split(" ")[0].islower()
        if " = " in line or line.startswith(("[", "# ["))
    )
    shown = shown.replace("CASE", "a").replace("@event.json", "{}")
    suite = parse_suite(shown, Path("x.toml"))
    assert suite.environments and suite.cases[0].against == "git:main"


@given(st.text(min_size=1, max_size=20), st.sampled_from(["myfunc", "local:a b", "demo:cpu"]))
def test_any_name_is_written_so_that_it_is_read_again(name: str, target: str) -> None:
    suite = parse_suite(suite_text([Found(name, target, (512,))]), Path("x.toml"))
    assert (suite.cases[0].name, suite.cases[0].target) == (name, target)
