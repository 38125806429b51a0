"""Set ``memory_size`` and ``architectures`` in a Terraform file and leave all else as it is.

Finds the block of a Lambda function (or of a module that makes one) by scanning braces, strings,
comments and heredocs; it is no parser of HCL and changes plain values only, never expressions.
What patches of every kind of file refuse in the same words is here, too.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tuner.errors import UsageError

_HEADER = re.compile(
    r'(?P<kind>resource|module)[ \t]+"(?P<first>[^"\n]+)"(?:[ \t]+"(?P<second>[^"\n]+)")?[ \t]*$'
)
_INDENT = re.compile(r"\n([ \t]+)\S")
_SKIP = re.compile(
    r'"(?:\\.|[^"\\\n])*"|#[^\n]*|//[^\n]*|/\*.*?\*/|<<[-~]?(?P<word>\w+)\n.*?\n[ \t]*(?P=word)\b',
    re.S,
)


@dataclass(frozen=True)
class _Block:
    """A function's block: its address, and where its body is in the text."""

    address: str
    start: int
    end: int


def patch_terraform(
    text: str, memory_mb: int, resource: str | None, thing: str, arch: str | None = None
) -> str:
    """The text with the function's memory, and architecture if one is given. ``resource`` is an
    address such as ``aws_lambda_function.orders``, or its last part. Raises UsageError that lists
    the choices."""
    values = [Value("memory_size", str(memory_mb), r"\d+", "a number")]
    if arch is not None:
        plain = r'\[\s*"\w+"\s*,?\s*\]'
        values.append(Value("architectures", f'["{arch}"]', plain, "a list of one text"))
    for value in values:
        text = _with(text, value, resource, thing)
    return text


@dataclass(frozen=True)
class Value:
    """A key, its new value, and what its present one must look like to be replaced, as a pattern
    and in words."""

    key: str
    text: str
    plain: str
    words: str

    def not_plain(self, present: str) -> tuple[str, str]:
        """Reason and advice where the present value is an expression."""
        reason = f"its {self.key} is {present[:60] or 'empty'}, not {self.words}"
        return reason, f"Set it to {self.text} where the value is defined."


def not_one(names: Iterable[str], thing: str) -> UsageError:
    """The error of a file without one function to choose."""
    fix = f"Name one with --resource; there are: {', '.join(names) or 'none'}."
    return UsageError(thing, "has more than one Lambda function, or none", fix)


def not_there(resource: str, names: Iterable[str], thing: str) -> UsageError:
    """The error of a name that no function has."""
    fix = f"There are: {', '.join(names) or 'none'}."
    return UsageError(f"{thing}: {resource}", "is not there", fix)


def _with(text: str, value: Value, resource: str | None, thing: str) -> str:
    block = _choose(list(_blocks(text)), resource, thing)
    body = text[block.start : block.end]
    attribute = re.compile(rf"^[ \t]*{value.key}[ \t]*=[ \t]*", re.M)
    found = attribute.search(_outer(body))
    if found is None:
        indent = _INDENT.search(body)
        line = f"\n{indent[1] if indent else '  '}{value.key} = {value.text}"
        return text[: block.start] + line + text[block.start :]
    at = block.start + found.end()
    there = re.split(r"#|//|/\*", text[at : block.end].partition("\n")[0])[0].strip()
    if not re.fullmatch(value.plain, there, re.ASCII):
        raise UsageError(f"{thing}: {block.address}", *value.not_plain(there))
    return text[:at] + value.text + text[at + len(there) :]


def _blocks(text: str) -> Iterator[_Block]:
    """Top-level blocks of functions and modules, in order."""
    depth, start, header = 0, 0, None
    for position, char in enumerate(_masked(text)):
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
                if kind == "module":
                    yield _Block(f"module.{names[0]}", start, position)
                elif names[0] == "aws_lambda_function":
                    yield _Block(".".join(map(str, names)), start, position)


def _choose(blocks: list[_Block], resource: str | None, thing: str) -> _Block:
    addresses = [block.address for block in blocks]
    if resource is None:
        chosen = [b for b in blocks if not b.address.startswith("module.")] or blocks
    else:
        wanted = (resource, f"aws_lambda_function.{resource}", f"module.{resource}")
        chosen = [b for b in blocks if b.address in wanted]
        if not chosen:
            raise not_there(resource, addresses, thing)
    if len(chosen) != 1:
        raise not_one((b.address for b in chosen), thing)
    return chosen[0]


def _masked(text: str) -> str:
    """The text with strings, comments and heredocs blanked, so that braces in them do not count."""
    return _SKIP.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)


def _outer(body: str) -> str:
    """A block's body with strings, comments and nested blocks blanked; same length."""
    kept, depth = [], 0
    for char in _masked(body):
        depth -= char == "}"
        kept.append(char if depth <= 0 or char == "\n" else " ")
        depth += char == "{"
    return "".join(kept)
