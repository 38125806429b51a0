"""`tuner schedule` from a suite to files, and what its page says of it."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from ruamel.yaml import YAML

from support.commands import Run
from tuner.cli.commands import app

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "scheduled-benchmarks.md").read_text()
EXAMPLES = [
    shlex.split(line)
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
]
COMMANDS: Any = typer.main.get_command(app)
LOCAL = '[[case]]\nname = "a"\ntarget = "local:src"\ngates = ["p50 +10%"]\n'
ON_AWS = '[[case]]\nname = "b"\ntarget = "shop:live"\ntags = ["fast"]\ngates = ["p50 +10%"]\n'


@pytest.fixture(autouse=True)
def _suite() -> None:
    Path("tuner.toml").write_text(LOCAL + ON_AWS)


def test_a_schedule_is_printed_with_its_next_times_beside_it(tuner: Run) -> None:
    code, out, err = tuner("schedule", "cron", "--every", "weekday", "--at", "06:30")
    assert code == 0
    assert re.search(r"^30 6 \* \* 1-5 cd \S+ && .* bench --no-progress >>", out, re.MULTILINE)
    assert err.startswith("Next: ") and err.count("06:30") == 3


def test_several_files_go_into_a_folder_and_one_where_it_is_told(tuner: Run) -> None:
    assert tuner("schedule", "systemd", "--output", "units")[0] == 0
    assert sorted(p.name for p in Path("units").iterdir()) == [
        "tuner-bench.service",
        "tuner-bench.timer",
    ]
    words = ("--pip", "tuner==1", "--output", ".github/workflows/bench.yml")
    assert tuner("schedule", "github", *words)[0] == 0
    assert Path(".github/workflows/bench.yml").read_text().startswith("# Written by")


def test_the_suite_s_functions_decide_over_rights_and_pull_requests(tuner: Run) -> None:
    code, out, _ = tuner("schedule", "github-role", "--repository", "team/shop")
    assert code == 0 and ":function:shop" in out and ":function:src" not in out
    both = tuner("schedule", "github", "--pip", "tuner==1")[1]
    assert "id-token: write" in both and "--against" not in both
    Path("tuner.toml").write_text(LOCAL)
    local = tuner("schedule", "github", "--pip", "tuner==1")[1]
    assert "id-token" not in local and 'set -- --against git:"$BASE"' in local
    code, _, err = tuner("schedule", "github-role")
    assert code == 2 and "needs no role" in err


def test_options_of_bench_are_passed_on_and_checked(tuner: Run) -> None:
    Path("other.toml").write_text(ON_AWS)
    code, out, _ = tuner("schedule", "cron", "--", "--suite", "other.toml", "--warn-only")
    assert code == 0 and "bench --suite other.toml --warn-only --no-progress" in out
    for words, says in (
        (("--nonsense",), "No such option"),
        (("accept",), "subcommand"),
        (("--tag", "slow"), "matches no case"),
    ):
        code, out, err = tuner("schedule", "cron", "--", *words)
        assert (code, out) == (2, "") and says in err


def test_the_command_of_a_workflow_is_one_that_tuner_understands(tuner: Run) -> None:
    out = tuner("schedule", "github", "--pip", "tuner==1", "--", "--tag", "fast")[1]
    steps = YAML(typ="safe").load(out)["jobs"]["bench"]["steps"]
    lines = [step["run"] for step in steps if step.get("run", "").startswith("tuner ")]
    assert len(lines) == 3  # the run, accepting it, its history
    for line in lines:
        words = shlex.split(line)
        command = COMMANDS.commands[words[1]]
        for word in words[2:3]:
            if word in command.commands:
                command, words = command.commands[word], words[1:]
        assert not command.make_context(words[1], words[2:], resilient_parsing=False).args


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("github", "--install"), "--install: is not for github"),
        (("gitlab", "--remove"), "--remove: is not for gitlab"),
        (("cron", "--every", "7h"), "does not divide a day"),
        (("cron", "--name", "a b"), "not a valid name"),
        (("gitlab", "--pip", "x", "--branch", "main\n- evil"), "not a branch name"),
        (("github-role", "--repository", "app", "--target", "f"), "is not a repository"),
        (("jenkins",), "not a known scheduler"),
        (("github", "--against", "git:", "--pip", "x"), "names no code"),
        (("cron", "--file", "tuner.toml/x"), "cannot be written"),
    ],
)
def test_what_cannot_be_is_refused_in_two_lines(
    tuner: Run, words: tuple[str, ...], says: str
) -> None:
    Path("tuner.toml").write_text(LOCAL)
    code, out, err = tuner("schedule", *words)
    assert (code, out) == (2, "") and says in err
    assert len(err.splitlines()) <= 2


def test_a_folder_without_a_suite_says_how_to_make_one(tuner: Run) -> None:
    Path("tuner.toml").unlink()
    code, _, err = tuner("schedule", "cron")
    assert code == 2 and "tuner bench init" in err


@pytest.mark.parametrize("words", EXAMPLES, ids=" ".join)
def test_each_example_of_the_page_is_understood(words: list[str]) -> None:
    command = COMMANDS.commands[words[1]]
    assert not command.make_context(words[1], words[2:], resilient_parsing=False).args


def test_the_page_names_every_scheduler_and_output() -> None:
    from tuner.schedule.render import KINDS

    table = PAGE.split("| SCHEDULER")[1].split("```")[0]
    assert set(re.findall(r"`([a-z-]+)`", table)) >= set(KINDS)
    options = {option for p in COMMANDS.commands["bench"].params for option in p.opts}
    written = set(re.findall(r"^\| `(--[a-z-]+)", PAGE, re.MULTILINE))
    assert written == {"--json", "--markdown", "--junit", "--badge", "--webhook", "--bencher"}
    assert written <= options
