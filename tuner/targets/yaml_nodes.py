"""YAML as a tree of nodes that know their place in the text; anchors and merge keys are followed.

A tree that contains itself, or that its anchors blow up, is refused before anything walks it.
"""

import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode
from ruamel.yaml.scanner import Scanner

from tuner.errors import UsageError
from tuner.files import read_text

#: Nodes that a document may have with every anchor written out; CloudFormation takes 1 MB of text.
MOST_NODES = 500_000
#: Characters of a template (CloudFormation quotas), and of what is read as YAML, which takes
#: seconds for so many. A plan of Terraform, which is JSON and no template, may have more.
_LONGEST = 1_048_576
#: Brackets that may be open at once; the parser's time grows with their square.
_DEEPEST = 2_000
_CORE = "tag:yaml.org,2002:"
_MERGE = f"{_CORE}merge"
_FIX = "Fix the file first."


@dataclass(frozen=True)
class Tagged:
    """``!Ref x``, ``!Sub x``: not a value yet."""

    name: str
    value: Any


def compose(text: str, thing: str) -> Node | None:
    """The root of the only document; ``None`` if it is empty. Raises UsageError."""
    if len(text) > _LONGEST:
        raise _too_large(thing)
    if _nested(text) > _DEEPEST:
        raise UsageError(thing, "is not YAML (it is nested too deeply)", _FIX)
    if text.lstrip().startswith("{"):
        text = text.replace("\t", " ")  # JSON may be indented by tabs; every place stays
    try:
        reader = YAML(typ="safe", pure=True)
        reader.Scanner = _Scanner
        root: Node | None = reader.compose(text)
        if root is not None:
            _measure(root, thing, {})
    except RecursionError:
        raise UsageError(thing, "is not YAML (it is nested too deeply)", _FIX) from None
    except (YAMLError, ValueError, TypeError, AttributeError) as error:
        said = " ".join(str(getattr(error, "problem", None) or error).split())[:120]
        mark = getattr(error, "problem_mark", None)
        where = f"{thing}, line {mark.line + 1}" if mark else thing
        raise UsageError(where, f"is not YAML ({said})", _FIX) from None
    return root


def _too_large(thing: str) -> UsageError:
    fix = "Split it, such as into nested stacks."
    return UsageError(thing, "is larger than 1 MB, CloudFormation's limit", fix)


class _Scanner(Scanner):
    """Takes blank lines with a few spaces before a block of text, as the YAML of AWS's tools."""

    def scan_block_scalar_indentation(self) -> tuple[list[Any], int, Any]:
        """The line breaks before the text, its indentation, and where the breaks end."""
        reader, breaks, most = self.reader, [], 0
        end = reader.get_mark()
        while (char := reader.peek()) in " \r\n\x85\u2028\u2029":
            if char == " ":
                reader.forward()
                most = max(most, reader.column)
            else:
                breaks.append(self.scan_line_break())
                end = reader.get_mark()
        return breaks, most, end


def _nested(text: str) -> int:
    """The most brackets that are open at once, also those in texts."""
    steps = (1 if bracket in "{[" else -1 for bracket in re.findall(r"[\[\]{}]", text))
    return max(accumulate(steps), default=0)


def _measure(node: Node, thing: str, sizes: dict[int, int | None]) -> int:
    """The number of nodes with every anchor written out. Raises UsageError."""
    if id(node) in sizes:
        known = sizes[id(node)]
        if known is None:
            raise UsageError(thing, f"its anchor &{node.anchor} contains itself", _FIX)
        return known
    sizes[id(node)] = None
    inner = chain(*node.value) if isinstance(node, MappingNode) else node.value
    parts = () if isinstance(node, ScalarNode) else inner
    size = 1 + sum(_measure(part, thing, sizes) for part in parts)
    if size > MOST_NODES:
        reason = f"its anchors make it larger than {MOST_NODES:,} values"
        raise UsageError(thing, reason, "Write them out.")
    sizes[id(node)] = size
    return size


def read_yaml(path: Path) -> dict[str, Any]:
    """A template in YAML or JSON as plain values. Raises UsageError, which names the line."""
    where = str(path)
    if not os.path.lexists(path):
        raise UsageError(where, "there is no such template", "Check the path.")
    text = read_text(path, fix="Check its permissions.")
    template = None
    if text.lstrip().startswith("{"):  # JSON is read far faster than YAML
        with suppress(ValueError, RecursionError):
            template = json.loads(text)
    if isinstance(template, dict) and "Resources" in template and len(text) > _LONGEST:
        raise _too_large(where)
    if template is None:
        try:
            template = plain(compose(text, where))
        except RecursionError:
            raise UsageError(where, "is nested too deeply", "Fix the template.") from None
    if not isinstance(template, dict):
        raise UsageError(where, "is not a template", "It needs a Resources section.")
    return template


def own(mapping: Node, name: str) -> list[tuple[Node, Node]]:
    """The keys of this name that are written in a mapping itself, with their values."""
    pairs = mapping.value if isinstance(mapping, MappingNode) else []
    return [(key, value) for key, value in pairs if key.value == name]


def children(mapping: Node | None) -> dict[Any, Node]:
    """The values of a mapping by key: merged ones first, its own win, the last of two wins."""
    if not isinstance(mapping, MappingNode):
        return {}
    merged: dict[Any, Node] = {}
    written: dict[Any, Node] = {}
    for key, value in mapping.value:
        if key.tag == _MERGE:
            sources = value.value if isinstance(value, SequenceNode) else [value]
            for source in sources:  # the first of several wins
                merged = {**children(source), **merged}
        elif isinstance(key, ScalarNode):
            written[_scalar(key)] = value
        else:
            line = key.start_mark.line + 1
            raise UsageError(f"line {line}", "has a key that is not text", _FIX)
    return {**merged, **written}


def plain(node: Node | None) -> Any:
    """The value of a node; nothing in it is shared, and what has a tag stays :class:`Tagged`."""
    if node is None:
        return None
    value: Any
    if isinstance(node, MappingNode):
        value = {key: plain(inner) for key, inner in children(node).items()}
    elif isinstance(node, SequenceNode):
        value = [plain(inner) for inner in node.value]
    else:
        value = _scalar(node)
    tag = str(node.tag)
    return Tagged(tag[1:], value) if tag.startswith("!") and len(tag) > 1 else value


def _scalar(node: Node) -> Any:
    readers = {
        "int": SafeConstructor.construct_yaml_int,
        "float": SafeConstructor.construct_yaml_float,
        "bool": SafeConstructor.construct_yaml_bool,
        "null": SafeConstructor.construct_yaml_null,
    }
    read = readers.get(str(node.tag).removeprefix(_CORE))
    if read is None:
        return node.value
    try:
        return read(YAML(typ="safe", pure=True).constructor, node)
    except (ValueError, KeyError):
        return node.value
