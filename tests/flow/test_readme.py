"""What the README says of commands is so: each exists, and each example is understood."""

import re
import shlex
from pathlib import Path

import pytest
import typer

from tuner.cli.app import app

README = (Path(__file__).parents[2] / "README.md").read_text()
COMMANDS = typer.main.get_command(app)
EXAMPLES = [
    shlex.split(line.split(" && ")[-1].replace(".venv/bin/", ""), comments=True)
    for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if re.search(r"(^|bin/)tuner ", line)
]


def test_the_table_of_commands_is_the_list_of_commands() -> None:
    written = set(re.findall(r"^\| `tuner (\w+)", README, re.MULTILINE))
    assert written == set(COMMANDS.commands)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 6


@pytest.mark.parametrize("words", EXAMPLES, ids=" ".join)
def test_an_example_of_the_readme_is_understood(words: list[str]) -> None:
    assert words[0] == "tuner"
    command, name, rest = COMMANDS.commands[words[1]], words[1], words[2:]
    context = command.make_context(name, list(rest), resilient_parsing=False)
    if hasattr(command, "commands") and context._protected_args:
        name, *rest = [*context._protected_args, *context.args]
        context = command.commands[name].make_context(name, rest, parent=context)
    assert not context.args


def test_the_test_line_is_the_one_that_ci_runs() -> None:
    lines = re.findall(r"^python3 -m venv .*pytest$", README, re.MULTILINE)
    assert len(lines) == 1


@pytest.mark.parametrize("path", re.findall(r"\| `(?:tuner/)?([a-z_]+/[a-z_/.]*)`", README))
def test_a_file_that_the_table_of_changes_names_exists(path: str) -> None:
    root = Path(__file__).parents[2]
    assert (root / "tuner" / path).exists() or (root / path).exists()


def test_the_contents_name_the_sections_in_their_order() -> None:
    named = re.findall(r"\[([^]]+)\]\(#([a-z0-9-]+)\)", README)
    sections = re.findall(r"^## (.+)$", README, re.MULTILINE)
    assert [name for name, _ in named] == [s for s in sections if s in dict(named)]
    assert all(anchor == name.lower().replace(" ", "-") for name, anchor in named)
    assert {name for name, _ in named} >= {"What you can do", "How it works", "Tests"}


def test_the_order_of_rooms_is_the_one_that_is_checked() -> None:
    import tomllib

    config = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    (layers,) = (
        contract["layers"]
        for contract in config["tool"]["importlinter"]["contracts"]
        if contract["name"] == "Rooms import to their right only"
    )
    (written,) = re.findall(r"^cli > .*?(?=^```)", README, re.MULTILINE | re.DOTALL)
    assert [part.strip() for part in written.split(">")] == layers
