"""Views as Markdown, read again by a parser of GitHub's tables."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from support.sweeps import called, compared, empty, good, load_of_ten_seconds, under_load
from tuner.api.results import LoadResult, SweepResult
from tuner.decide.result import Sweep
from tuner.records import Advice
from tuner.report.elements import View
from tuner.report.load_view import load_view
from tuner.report.markdown import view_markdown
from tuner.report.sweep_view import sweep_view

EVIL = "</details><script>alert(1)</script> [x](http://a.b) ![y](z) `c` **b** | @you ~s~\n# h"


def tokens(text: str) -> Iterator[Any]:
    """Everything that a parser sees in it."""
    for token in MarkdownIt("commonmark", {"html": True}).enable("table").parse(text):
        yield token
        yield from token.children or ()


def tables(text: str) -> list[list[list[str]]]:
    """The cells of each table, row by row, without markup."""
    found: list[list[list[str]]] = []
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        if token.type == "table_open":
            found.append([])
        elif token.type == "tr_open":
            found[-1].append([])
        elif token.type == "inline" and found and token.level == 4 + ("td" in token.type):
            found[-1][-1].append("".join(part.content for part in token.children or ()))
    return found


@pytest.mark.parametrize("sweep", [good, called, compared, under_load, empty])
def test_a_sweep_has_its_answer_and_every_table_of_the_terminal(sweep: Any) -> None:
    view = sweep_view(sweep())
    text = view_markdown(view)
    assert text.startswith("### ") and view.answer.headline.replace("<", "&lt;") in text
    open_ones = [
        table
        for section in view.sections
        if section.brief is None
        for table in section.tables
        if table.rows
    ]
    read = tables(text)
    assert len(read) == len(open_ones)
    for table, rows in zip(open_ones, read, strict=True):
        assert len(rows) == len(table.rows) + 1
        assert len({len(row) for row in rows}) == 1
        assert [row[0] for row in rows[1:]] == [row.head for row in table.rows]


def test_a_load_folds_what_its_page_folds() -> None:
    text = view_markdown(load_view(load_of_ten_seconds()))
    assert text.count("<details>") == text.count("</details>") == 1
    assert "<summary>Second by second: 1" in text
    assert "throttles&lt;1%" in text


def test_the_next_step_of_a_sweep_is_a_block_to_copy() -> None:
    sweep = called()
    declared = replace(sweep, run=replace(sweep.run, target="local:app/template.yaml"))
    text = view_markdown(sweep_view(declared))
    [block] = [token.content for token in tokens(text) if token.type == "fence"]
    assert block.startswith("tuner apply ")


def evil(words: str) -> View:
    sweep = called()
    run = replace(sweep.run, target=words, facts=replace(sweep.run.facts, name=words))
    rows = (replace(sweep.sizes[0], status="failed", reason=words), *sweep.sizes[1:])
    told: Sweep = replace(sweep, run=run, sizes=rows, warnings=(Advice("x", words),))
    return sweep_view(told)


@given(st.just(EVIL) | st.text(max_size=60))
def test_names_and_messages_are_never_markup(words: str) -> None:
    text = view_markdown(evil(words))
    plain = list(tokens(view_markdown(evil("name"))))
    kinds = {
        "link_open",
        "image",
        "html_inline",
        "html_block",
        "code_inline",
        "heading_open",
        "fence",
    }
    for kind in kinds:
        found = [token.content for token in tokens(text) if token.type == kind]
        wanted = [token.content for token in plain if token.type == kind]
        assert len(found) == len(wanted), kind
    assert "@you" not in text


def test_a_report_is_markdown_where_the_file_says_so(tmp_path: Path) -> None:
    for result in (SweepResult(called()), LoadResult(document=load_of_ten_seconds())):
        written = result.written(tmp_path / "deep" / "x.md")
        assert written.to_dict()["report"] == str(tmp_path / "deep" / "x.md")
        text = (tmp_path / "deep" / "x.md").read_text()
        assert text == view_markdown(result.view())
