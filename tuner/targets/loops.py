"""``Fn::ForEach`` of a template, written out: one entry for each item of a list.

Names in keys and texts are replaced as CloudFormation's language extensions do: ``${Name}`` by the
item, ``&{Name}`` by its letters and digits, ``Ref`` of the name by the item.
"""

import re
from collections.abc import Iterator
from typing import Any

from tuner.errors import UsageError
from tuner.targets.intrinsics import Values, intrinsic, text_of
from tuner.targets.yaml_nodes import Tagged

LOOP = "Fn::ForEach::"
#: Values that the loops of a template may make; CloudFormation takes 500 resources.
_MOST = 50_000
#: Characters that a loop may make a text grow to; CloudFormation takes a template of 1 MB.
_LONGEST = 100_000


class Loops:
    """Writes out the loops of one template."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._made = self._inside = 0

    def written_out(self, value: Any) -> Any:
        """A value with every loop in its maps written out. Raises UsageError."""
        self._made += self._inside > 0
        if self._made > _MOST:
            reason = f"Fn::ForEach makes more than {_MOST:,} values"
            raise UsageError(self._values.thing, reason, "Write fewer of them.")
        if isinstance(value, list):
            return [self.written_out(each) for each in value]
        if not isinstance(value, dict):
            return value
        found: dict[Any, Any] = {}
        for key, inner in value.items():
            if str(key).startswith(LOOP):
                self._inside += 1
                for each in self._entries(str(key), inner):
                    found |= self.written_out(each)
                self._inside -= 1
            else:
                found[key] = self.written_out(inner)
        return found

    def _entries(self, name: str, inner: Any) -> Iterator[dict[Any, Any]]:
        """The body of a loop for each of its items."""
        try:
            identifier, items, body = inner
            if not isinstance(body, dict):
                raise TypeError
            for item in self._values.listed(items):
                yield _replaced(body, str(identifier), text_of(item))
        except (TypeError, ValueError):
            fix = "Write it as [name, list, map]."
            raise UsageError(self._values.thing, f"{name} cannot be worked out", fix) from None


def _replaced(value: Any, identifier: str, item: str) -> Any:
    """A loop's body for one item; ``&{x}`` is the item without what names cannot have."""
    if isinstance(value, str):
        bare = re.sub(r"[^A-Za-z0-9]", "", item)
        text = value.replace(f"${{{identifier}}}", item).replace(f"&{{{identifier}}}", bare)
        if len(text) > max(_LONGEST, len(value)):
            raise ValueError("far too long")
        return text
    if intrinsic(value) == ("Ref", identifier):
        return item
    if isinstance(value, Tagged):
        return Tagged(value.name, _replaced(value.value, identifier, item))
    if isinstance(value, list):
        return [_replaced(each, identifier, item) for each in value]
    if isinstance(value, dict):
        pairs = ((str(k), v) for k, v in value.items())
        return {_replaced(k, identifier, item): _replaced(v, identifier, item) for k, v in pairs}
    return value
