"""Event templates: the payloads that an event source would send, filled anew for every call.

A template is JSON: ``{"about": ..., "batch": 10, "most": 10000, "event": {...}}``. In texts of the
event, placeholders are filled (``placeholders.py``). Three forms of an object are read as more:
``{"$each": record}`` in a list becomes as many records as a batch has, ``{"$json": value}`` becomes
the value as JSON text, ``{"$base64": value}`` that in base64, ``{"$gzip": value}`` the same, zipped
first. Any other JSON file is an event as it is. The files that a ``row`` names are beside it.
"""

import gzip
import json
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from tuner.engine.profiles.placeholders import Scope, fill
from tuner.engine.profiles.profile_file import find_file, names_in
from tuner.errors import UsageError
from tuner.files import read_text
from tuner.recording.table import read_table_text

#: A synchronous invocation takes at most 6 MB (Lambda quotas; the API counts 6,291,556 bytes).
_LARGEST = 6_291_556
_TEMPLATE_KEYS = {"about", "batch", "most", "event"}
_DEEPEST = 64


@dataclass(frozen=True)
class EventTemplate:
    """An event to be filled. ``batch`` is how many records it has, 0 where it has none."""

    name: str
    about: str
    event: Any
    batch: int
    folder: Path

    def render(self, count: int, seed: int, now_s: float) -> tuple[bytes, ...]:
        """Return so many events as JSON; ``now_s`` is seconds since 1970. Raises UsageError."""
        return tuple(self.filled({}, index, seed, now_s) for index in range(count))

    def filled(self, row: Any, index: int, seed: int, now_s: float) -> bytes:
        """Event number ``index`` as JSON, with a row's fields where it names them.

        Raises UsageError.
        """
        if not isinstance(row, Mapping):
            reason = "needs rows that are objects, whose fields it can name"
            raise UsageError(f"event {self.name}", reason, 'Write rows like {"id": 7}.')
        random = Random(f"{seed}/{self.name}/{index}")
        body = _compact(_Filler(self, random, now_s, index, row).event()).encode()
        if len(body) > _LARGEST:
            reason = f"is {len(body):,} bytes; Lambda takes at most {_LARGEST:,}"
            raise UsageError(f"event {self.name}", reason, "Ask for a smaller batch.")
        return body


def event_names() -> list[str]:
    """Names of the templates that can be named here."""
    return names_in("events", ".json")


def load_event(text: str) -> EventTemplate:
    """Return the template of ``NAME``, ``NAME:BATCH`` or a file. Raises UsageError."""
    name, colon, size = text.rpartition(":")
    if not colon or not (size.isascii() and size.isdigit()):
        name, size = text, ""
    path = find_file(name, "events", ".json", "event")
    try:
        document = json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise UsageError(str(path), f"is not JSON: {error}", "Check the file.") from None
    return _template(path, document, size[:9])


def inline_event(text: str) -> EventTemplate:
    """Return the template that a text is. Raises UsageError."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        fix = "Write JSON, or @FILE."
        raise UsageError("--template", f"is not JSON: {error}", fix) from None
    return _template(Path("--template"), document, "")


def _template(path: Path, document: Any, size: str) -> EventTemplate:
    keys = set(document) if isinstance(document, dict) else set()
    if "event" not in keys or keys - _TEMPLATE_KEYS:
        document = {"event": document}
    usual, most = (document.get(key, 0) for key in ("batch", "most"))
    if not isinstance(usual, int) or not isinstance(most, int):
        raise UsageError(str(path), "batch and most are not whole numbers", "Check the file.")
    batch = int(size) if size else usual
    if size and not usual:
        raise UsageError(f"event {path.stem}", "has no batch size", f"Write --event {path.stem}.")
    if (size and batch < 1) or (most and batch > most):
        fix = f"Its source sends 1 to {most or 'any number of'} records at once."
        raise UsageError(f"event {path.stem}:{batch}", "is not a possible batch size", fix)
    about = str(document.get("about", ""))
    return EventTemplate(path.stem, about, document["event"], batch, path.parent)


@dataclass(frozen=True)
class _Filler:
    """Fills event number ``index``; records of a batch have a scope each."""

    template: EventTemplate
    random: Random
    now_s: float
    index: int
    row: Mapping[str, Any]

    def event(self) -> Any:
        return self._filled(self.template.event, self._scope(self.index), 0)

    def _scope(self, number: int) -> Scope:
        folder = self.template.folder
        return Scope(self.random, self.now_s, number, lambda n: _table(folder / n), self.row)

    def _filled(self, value: Any, scope: Scope, depth: int) -> Any:
        if depth > _DEEPEST:
            raise UsageError(f"event {self.template.name}", "is nested too deeply", "")
        if isinstance(value, str):
            return fill(value, scope)
        if isinstance(value, list):
            return [item for part in value for item in self._items(part, scope, depth + 1)]
        if isinstance(value, dict):
            form = next(iter(value)) if len(value) == 1 else ""
            if form in _FORMS:
                return _FORMS[form](self._filled(value[form], scope, depth + 1))
            return {key: self._filled(item, scope, depth + 1) for key, item in value.items()}
        return value

    def _items(self, part: Any, scope: Scope, depth: int) -> list[Any]:
        if not (isinstance(part, dict) and set(part) == {"$each"}):
            return [self._filled(part, scope, depth)]
        batch = max(1, self.template.batch)
        first = self.index * batch
        return [
            self._filled(part["$each"], self._scope(first + place), depth) for place in range(batch)
        ]


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _compact(value)


_FORMS: Mapping[str, Callable[[Any], str]] = {
    "$json": _compact,
    "$base64": lambda value: b64encode(_text(value).encode()).decode(),
    "$gzip": lambda value: b64encode(gzip.compress(_text(value).encode(), mtime=0)).decode(),
}


@cache
def _table(path: Path) -> Sequence[Mapping[str, str]]:
    """Return the rows of a CSV with a header. Raises UsageError."""
    fix = "Put a CSV with a header and rows beside the event."
    table = read_table_text(read_text(path, fix=fix), str(path))
    rows = [dict(zip(table.header, cells, strict=True)) for _, cells in table.rows]
    if not rows:
        raise UsageError(str(path), "has no rows", fix)
    return rows
