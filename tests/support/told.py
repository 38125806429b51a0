"""Numbers that a text tells, and those that a document has: what is said has to be among them."""

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tuner.records import MACHINE_BUSY
from tuner.units import (
    format_change,
    format_cost,
    format_memory,
    format_ms,
    format_ms_to,
    format_rate,
    format_seconds,
    format_share,
    format_times,
    format_usd,
)

_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_WAYS = (
    *(format_change, format_cost, format_memory, format_ms, format_rate, format_seconds),
    *(
        format_share,
        format_times,
        format_usd,
        "{:,.0f}".format,
        "{:g}".format,
        "{:.1f}".format,
        "{:.2g}".format,
    ),
)


def numbers(text: str) -> list[str]:
    """Every number in a text, without its unit."""
    return _NUMBER.findall(text)


def words(page: str) -> str:
    """A page's text with plain spaces, as it is read."""
    return html.unescape(page).replace("\u00a0", " ").replace("\u202f", " ")


def known(document: Any) -> set[str]:
    """Every number of a document's values in each way that people may read it, and all those in
    its texts."""
    found: set[str] = set()
    for leaf in _leaves(document):
        if isinstance(leaf, str):
            found.update(numbers(leaf))
            continue
        for way in _WAYS:
            found.update(numbers(way(float(leaf))))
        found.update(numbers(f"{leaf * (1 - 1e-9):,.0f}"))  # documents are rounded to 12 digits
        for digits in range(3, 7):
            found.update(numbers(format_ms_to(leaf, digits)))
            found.update(numbers(format_cost(leaf, digits)))
            found.update(numbers(format_share(leaf, digits - 1)))
    return found


def unknown(text: str, document: Any, *others: float) -> set[str]:
    """The numbers of a text that the document does not have, nor are among the others."""
    return set(numbers(text)) - known(document) - {f"{other:,g}" for other in others}


def _leaves(value: Any) -> Iterator[str | float]:
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield str(name)
            yield from _leaves(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _leaves(each)
    elif isinstance(value, str):
        yield value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)


def warned(document: Any) -> list[dict[str, str]]:
    """The warnings of a document but that the machine is busy, as other tests make it."""
    return [each for each in document["warnings"] if each["code"] != MACHINE_BUSY]
