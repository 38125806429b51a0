"""The outline of a file in Terraform's language: its blocks and attributes, and where they stand.

Scans braces, strings, comments and heredocs; it is no parser of HCL, and knows no expressions.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

#: Types of resources that are functions, of the providers aws and awscc.
FUNCTIONS = ("aws_lambda_function", "awscc_lambda_function")
_NAME = r'(?:"([^"\n]+)"|([\w-]+))'
_HEADER = re.compile(rf"\b(resource|module)[ \t]+{_NAME}(?:[ \t]+{_NAME})?[ \t]*$")
_KEY = re.compile(r"(?:^|(?<=[\n{,]))[ \t]*([A-Za-z_][\w-]*|\0+)[ \t]*=(?![=>])[ \t]*")
_BEGINS = re.compile(r'"|#|//|/\*|<<[-~]?(?P<word>\w+)\r?\n')
#: What stands for a character of a string: neither a space nor anything that counts.
_IN_STRING = "\0"
#: Maps in maps that are looked into.
_DEEPEST = 8


@dataclass(frozen=True)
class Block:
    """A function's block: its address, where its body is in the text, and what is set in it."""

    address: str
    start: int
    end: int
    attributes: Mapping[str, Sequence[str]]


def variables(text: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """Every attribute by its path, such as ``inputs.memory_size``, and where its value is."""
    waiting = [("", 0, text)]
    while waiting:
        above, offset, body = waiting.pop()
        for key, (start, end) in attributes(body):
            name = f"{above}{key}"
            yield name, (offset + start, offset + end)
            if body.startswith("{", start) and name.count(".") < _DEEPEST:
                waiting.append((f"{name}.", offset + start + 1, body[start + 1 : end - 1]))


def blocks(text: str) -> Iterator[Block]:
    """Top-level blocks of functions and modules, in order."""
    depth, start, header = 0, 0, None
    for position, char in enumerate(masked(text)):
        if char == "{":
            if depth == 0:
                line = text.rfind("\n", 0, position) + 1
                header = _HEADER.search(text[line:position].rstrip())
                start = position + 1
            depth += 1
        elif char == "}" and depth:
            depth -= 1
            if depth == 0 and header is not None:
                kind, *names = header.groups()
                first, second = (quoted or bare for quoted, bare in (names[:2], names[2:]))
                function = kind == "resource" and first in FUNCTIONS and second
                if kind == "module" or function:
                    body = text[start:position]
                    found: dict[str, list[str]] = {}
                    for key, (at, end) in attributes(body):
                        found.setdefault(key, []).append(body[at:end])
                    address = f"{first}.{second}" if function else f"module.{first}"
                    yield Block(address, start, position, found)


def attributes(body: str) -> Iterator[tuple[str, tuple[int, int]]]:
    """The attributes of a body, not those of blocks and maps in it, and where their values are."""
    code = masked(body)
    outer = _outer(code)
    for key in _KEY.finditer(outer):
        end = _value_end(code, key.end())
        value = code[key.end() : end].rstrip()
        name = body[key.start(1) : key.end(1)].strip('"')
        yield name, (key.end(), key.end() + len(value))


def _value_end(code: str, at: int) -> int:
    """The place after a value: a line's end, a comma or a closing brace that is not in brackets."""
    depth = 0
    for place in range(at, len(code)):
        char = code[place]
        if depth == 0 and char in "\n,}])":
            return place
        depth += (char in "{[(") - (char in "}])")
    return len(code)


def masked(text: str) -> str:
    """The text with comments blanked and strings and heredocs made unreadable; same length."""
    parts, at = [], 0
    while (begins := _BEGINS.search(text, at)) is not None:
        start = begins.start()
        if begins["word"]:
            closing = re.compile(rf"^[ \t]*{begins['word']}\b", re.M).search(text, begins.end())
            end = closing.end() if closing else len(text)
        elif begins[0] == '"':
            end = _string_end(text, start + 1)
        elif begins[0] == "/*":
            closed = text.find("*/", start + 2)
            end = len(text) if closed < 0 else closed + 2
        else:
            line = text.find("\n", start)
            end = len(text) if line < 0 else line
        comment = begins[0] in ("#", "//", "/*")
        hidden = re.sub(r"[^\n]", " ", text[start:end]) if comment else _IN_STRING * (end - start)
        parts += [text[at:start], hidden]
        at = end
    return "".join([*parts, text[at:]])


_IN_TEXT = re.compile(r'\\.|"|\$\$\{|%%\{|[$%]\{|[{}\n]', re.S)


def _string_end(text: str, at: int) -> int:
    """The place after a string: its quote, or the end of its line. In ``${...}`` are others."""
    inside: list[str] = ['"']
    for found in _IN_TEXT.finditer(text, at):
        mark = found[0]
        if mark == "\n" and inside[-1] == '"':
            return found.start()
        if inside[-1] == '"':
            if mark == '"':
                inside.pop()
            elif mark in ("${", "%{"):
                inside.append("{")
        elif mark.endswith("{"):
            inside.append("{")
        elif mark == '"':
            inside.append('"')
        elif mark == "}":
            inside.pop()
        if not inside:
            return found.end()
    return len(text)


def _outer(code: str) -> str:
    """A masked body with nested blocks, maps and lists blanked; same length."""
    kept, depth = [], 0
    for char in code:
        depth -= char in "}])"
        kept.append(char if depth <= 0 or char == "\n" else " ")
        depth += char in "{[("
    return "".join(kept)
