"""Rows of results: flat dictionaries of documents, as a table of a notebook and as a DataFrame."""

import html
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from tuner.errors import TunerError

Row = dict[str, Any]
#: More rows are not shown in a notebook; `to_frame` has all of them.
_SHOWN_ROWS = 20


def flat(tree: Mapping[str, Any], before: str = "") -> Row:
    """One level of keys, joined by dots: ``warm.duration_ms.p50``."""
    row: Row = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            row |= flat(value, f"{before}{key}.")
        else:
            row[f"{before}{key}"] = value
    return row


def gates(sizes: Iterable[Mapping[str, Any]], first: Row) -> Iterator[Row]:
    """A row for each gate of each size, after ``first``."""
    for size in sizes:
        for gate in size["gates"]:
            yield {**first, "memory_mb": size["memory_mb"], **flat(gate)}


def frame(rows: Sequence[Row]) -> Any:
    """A DataFrame of pandas or else polars; raises TunerError without both."""
    for name in ("pandas", "polars"):
        if find_spec(name):
            return import_module(name).DataFrame(rows)
    raise TunerError("to_frame", "needs pandas or polars", "pip install pandas, or use .rows().")


def notebook(sentence: str, rows: Sequence[Row]) -> str:
    """The answer and a table, as HTML."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    head = "".join(f"<th>{html.escape(key)}</th>" for key in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{_cell(row.get(key))}</td>" for key in columns) + "</tr>"
        for row in rows[:_SHOWN_ROWS]
    )
    more = len(rows) - _SHOWN_ROWS
    rest = f"<p>and {more:,} more rows: .to_frame()</p>" if more > 0 else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f"<p><b>{html.escape(sentence)}</b></p>{table}{rest}"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return html.escape(f"{value:,.4g}" if isinstance(value, float) else str(value))
