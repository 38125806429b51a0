"""README and documentation are true: commands exist, examples parse, named files are there."""

import re
import tomllib
from typing import Any

import numpy as np
import pytest
import typer

from support.documentation import PAGES, ROOT, commands
from tuner.cli.commands import app
from tuner.model import cfs

README = PAGES["README.md"]
#: What a page may call a file without one being there: made by a run, or the reader's own.
MADE = re.compile(
    r"^(\.tuner|reports|site|build|\.venv|src|shop|tuner\.toml|template\.yaml|serverless\.yml)\b|NAME|^N/A$|^tuner\.\w+/1$"
)
COMMANDS: Any = typer.main.get_command(app)
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())


def _examples() -> list[Any]:
    return [
        pytest.param(words, id=f"{name}: {' '.join(words)}")
        for name, page in PAGES.items()
        for words in commands(page)
    ]


def _paths() -> list[Any]:
    """Everything in backquotes or behind a link that looks like a file or folder of ours."""
    found = []
    for name, page in PAGES.items():
        if name == "CHANGELOG.md":  # names what was there, too
            continue
        prose = re.sub(r"```.*?```", "", page, flags=re.DOTALL)
        texts = re.findall(
            r"`([a-zA-Z_.][\w./-]*/[\w./-]*|[\w-]+\.(?:py|toml|md|yml|yaml))`", prose
        )
        links = re.findall(r"\]\((?!https?:|#)([^)#]+)\)", prose)
        found += [
            pytest.param(name, text, id=f"{name}: {text}") for text in sorted({*texts, *links})
        ]
    return found


def test_the_table_of_commands_is_the_list_of_commands() -> None:
    written = set(re.findall(r"^\| `tuner (\w+)", README, re.MULTILINE))
    shown = {name for name, command in COMMANDS.commands.items() if not command.hidden}
    assert written == shown


def test_there_are_examples() -> None:
    assert len(_examples()) >= 40


@pytest.mark.parametrize("words", _examples())
def test_an_example_is_understood(words: list[str]) -> None:
    assert words[0] == "tuner"
    command, name, rest = COMMANDS.commands[words[1]], words[1], words[2:]
    context = command.make_context(name, list(rest), resilient_parsing=False)
    if hasattr(command, "commands") and context._protected_args:
        name, *rest = [*context._protected_args, *context.args]
        context = command.commands[name].make_context(name, rest, parent=context)
    assert not context.args


@pytest.mark.parametrize(("page", "text"), _paths())
def test_a_file_that_a_page_names_exists(page: str, text: str) -> None:
    places = (ROOT, ROOT / "tuner", (ROOT / page).parent, ROOT / "docs")
    assert MADE.search(text) or any((place / text).exists() for place in places), text


@pytest.mark.parametrize(
    ("file", "name"),
    re.findall(r"^\| .* \| `(tuner/\S+)` \| `(\w+)` \|$", PAGES["ARCHITECTURE.md"], re.MULTILINE),
)
def test_a_step_of_a_walk_is_in_its_file(file: str, name: str) -> None:
    assert re.search(rf"^\s*(?:def|class) {name}\b", (ROOT / file).read_text(), re.MULTILINE)


def test_the_readme_leads_to_the_home_page_and_that_to_each_page() -> None:
    assert "docs/index.md" in re.findall(r"\]\(([^)]+)\)", README)
    pages = {name for name in PAGES if name.startswith("docs/")} - {"docs/index.md"}
    reached = re.findall(r"\]\(([\w-]+\.md)\)", PAGES["docs/index.md"])
    assert pages == {f"docs/{page}" for page in reached}


def test_the_readme_is_short() -> None:
    assert len(README.encode()) < 6_000


@pytest.mark.parametrize("name", [name for name in PAGES if name != "CHANGELOG.md"])
def test_each_link_inside_these_pages_leads_to_a_page_and_its_heading(name: str) -> None:
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", PAGES[name], flags=re.DOTALL)
    for link in re.findall(r"\]\((?!https?:)([^)\s]+)\)", prose):
        place, _, anchor = link.partition("#")
        target = (ROOT / name).parent / place if place else ROOT / name
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target.read_text()), link


def _anchors(page: str) -> set[str]:
    """The anchors of a page's headings, as both GitHub and the site make them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", page, flags=re.DOTALL), re.M)
    plain = (re.sub(r"[^\w\s-]", "", heading.strip().lower()) for heading in headings)
    return {re.sub(r"\s", "-", text) for text in plain}


def test_each_warning_has_a_meaning_and_each_meaning_a_warning() -> None:
    said = _said()
    codes = re.findall(r"^\| `([^`]+)` \|", PAGES["docs/warnings.md"], re.MULTILINE)
    assert set(re.findall(r'Advice\(\s*"([^"]+)"', said)) <= set(codes), "docs/warnings.md"
    assert len(codes) == len(set(codes))
    assert not [code for code in codes if f'"{code}"' not in said]


def test_the_example_of_a_staircase_is_what_the_model_says() -> None:
    row = r"^\| (\d+) MB \| (\d+) ms \| \$([\d.]+) \|$"
    rows = re.findall(row, PAGES["docs/cpu-and-cost.md"], re.MULTILINE)
    assert len(rows) == 8
    for memory, duration, cost in rows:
        took = cfs.elapsed_ms(17.0, int(memory), (np.arange(200) + 0.5) / 10)
        gb_s = np.ceil(took).mean() / 1000 * int(memory) / 1024
        assert (duration, cost) == (f"{took.mean():.0f}", f"{gb_s * 1e6 * 0.0000166667:.3f}")


@pytest.mark.parametrize("name", PAGES)
def test_no_page_installs_the_other_project_of_this_name(name: str) -> None:
    """PyPI's `tuner` is for musical instruments; ours is a wheel or a folder."""
    assert not re.search(r"install (-\S+ )*tuner\b(?!\[)|uvx tuner", PAGES[name])


@pytest.mark.parametrize(
    "tool", ["aws-lambda-power-tuning", "AWS Compute Optimizer", "Locust", "k6", "Artillery"]
)
def test_the_comparison_weighs_both_sides_by_sources(tool: str) -> None:
    page = PAGES["docs/comparison.md"]
    (section,) = re.findall(rf"^## {tool}\n(.*?)(?=^## )", page, re.MULTILINE | re.DOTALL)
    there, here = section.split("**Added here.**")
    assert there.strip().startswith("**Better there.**")
    assert "](https://" in section and here.strip()


@pytest.mark.parametrize(
    ("file", "words"),
    [
        found
        for page in PAGES.values()
        for found in re.findall(r"`pytest -m bench (\S+) -s(?: -k (\w+))?`", page)
    ],
)
def test_a_benchmark_that_a_page_names_is_there(file: str, words: str) -> None:
    assert re.search(rf"^def test_\w*{words}", (ROOT / file).read_text(), re.MULTILINE)


def test_the_page_for_programs_leads_to_every_page() -> None:
    pages = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    found = re.findall(r"\]\(([^)]+)\)", (ROOT / "docs" / "llms.txt").read_text())
    assert set(found) == pages


def _said() -> str:
    """The code, texts that are broken over lines joined."""
    code = "".join(path.read_text() for path in (ROOT / "tuner").rglob("*.py"))
    return re.sub(r'"\s+f?"', "", code)


def test_each_message_that_has_an_entry_is_said_by_the_code() -> None:
    page, said = PAGES["docs/troubleshooting.md"], _said()
    entries = re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)
    assert len(entries) >= 30
    for entry in entries:
        parts = [part.strip(" ()") for part in entry.split("…")]
        assert all(part in said for part in parts), entry


def test_a_page_of_the_site_links_inside_the_site_only() -> None:
    outside = [
        f"{name}: {link}"
        for name, page in PAGES.items()
        if name.startswith("docs/")
        for link in re.findall(r"\]\((\.\./[^)]*)\)", page)
    ]
    assert not outside


def test_the_test_line_is_the_one_that_ci_runs() -> None:
    lines = re.findall(r"^python3 -m venv .*pytest$", README, re.MULTILINE)
    assert len(lines) == 1


def test_the_order_of_rooms_is_the_one_that_is_checked() -> None:
    (layers,) = (
        contract["layers"]
        for contract in CONFIG["tool"]["importlinter"]["contracts"]
        if contract["name"] == "Rooms import to their right only"
    )
    page = PAGES["ARCHITECTURE.md"]
    (written,) = re.findall(r"^cli > .*?(?=^```)", page, re.MULTILINE | re.DOTALL)
    assert [part.strip() for part in written.split(">")] == layers


def test_the_changelog_begins_with_the_version_that_is_released_next() -> None:
    import tuner

    (first, *_) = re.findall(r"^## (\S+)", PAGES["CHANGELOG.md"], re.MULTILINE)
    assert first == tuner.__version__
