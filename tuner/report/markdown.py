"""A view as Markdown, for a comment on a pull request, a step summary or a wiki.

What a terminal shows is in the open; tables that a page folds are folded here, too. Names and
messages come from users and their functions, so nothing in them is taken for markup, a link or a
mention.
"""

import re
from collections.abc import Iterable, Iterator

from tuner.report.elements import Cell, Fact, Section, Table, View
from tuner.units import printable

#: What Markdown or GitHub reads as markup, links or mentions.
_SPECIAL = re.compile(r"([\\`*_\[\]|~$])")
#: How an answer's tone looks.
_SIGNS = {"good": "🟢", "warn": "🟡", "bad": "🔴"}
#: A comment may have 65,536 characters; rows of a table beyond this many are only counted.
_ROWS = 60


def escaped(text: str) -> str:
    """Text that stays itself: one line, no markup, no HTML, no mention."""
    flat = " ".join(printable(text).split())
    safe = _SPECIAL.sub(r"\\\1", flat).replace("&", "&amp;").replace("<", "&lt;")
    return safe.replace("@", "@\u200b").replace("://", ":\u200b//")


def view_markdown(view: View) -> str:
    """The whole text, ending in a line end."""
    return "\n\n".join(part for part in _parts(view) if part) + "\n"


def _parts(view: View) -> Iterator[str]:
    answer = view.answer
    yield f"### {_SIGNS[answer.tone]} {escaped(view.name)}: {escaped(answer.headline)}"
    yield escaped(answer.rest)
    yield escaped(view.state)
    yield _list(escaped(reason) for reason in answer.reasons)
    yield _list(map(_fact, answer.facts))
    if view.verdict is not None and view.verdict.command:
        yield f"```sh\n{printable(view.verdict.command).replace('`', '')}\n```"
    for section in view.sections:
        if section.brief is None:
            yield from _section(section)
    yield _list(f"⚠️ {escaped(warning)}" for warning in view.warnings)
    facts = [
        fact for each in view.sections for fact in each.facts if fact.label in (each.brief or ())
    ]
    yield _list(map(_fact, facts))
    yield f"<sub>{escaped(view.subtitle)}</sub>"


def _section(section: Section) -> Iterator[str]:
    shown = [_table(table, section.title) for table in section.tables]
    shown += [_list(map(_fact, section.facts))]
    shown += [_list(f"⚠️ {escaped(warning)}" for warning in section.warnings)]
    if any(shown) or section.lead:
        yield f"**{escaped(section.title)}**"
        yield escaped(section.lead)
    yield from shown


def _table(table: Table, title: str) -> str:
    """A table, with its caption unless that is the title; folded where a page folds it, and nothing
    without rows."""
    if not table.rows:
        return ""
    labels = ("",) if any(row.labels for row in table.rows) else ()
    columns = (*table.columns, *labels)
    left = {columns[0], *table.prose, *labels}
    rule = ("---" if column in left else "--:" for column in columns)
    lines = [_line(map(escaped, columns)), _line(rule)]
    for row in table.rows[:_ROWS]:
        marks = (escaped(", ".join(row.labels)),) if labels else ()
        lines.append(_line((escaped(row.head), *map(_cell, row.cells), *marks)))
    parts = ["\n".join(lines)]
    if len(table.rows) > _ROWS:
        parts.append(f"{len(table.rows) - _ROWS} more rows are on the page.")
    parts += [escaped(row.trouble) for row in table.rows if row.trouble]
    caption, text = escaped(table.caption), "\n\n".join(parts)
    if table.folded:
        summary = f"<summary>{caption}: {escaped(table.folded)}</summary>"
        return f"<details>{summary}\n\n{text}\n\n</details>"
    return text if table.caption in ("", title) else f"{caption}:\n\n{text}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(cell: Cell) -> str:
    """A value and what stands below it; those of the curve are in italics."""
    value = escaped(cell.value)
    value = f"_{value}_" if cell.estimated and value else value
    return "<br>".join(filter(None, (value, escaped(cell.detail), escaped(cell.remark))))


def _fact(fact: Fact) -> str:
    note = f" ({escaped(fact.note)})" if fact.note else ""
    return f"{escaped(fact.label)}: {escaped(fact.value)}{note}"


def _list(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
