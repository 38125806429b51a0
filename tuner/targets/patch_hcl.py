"""Set ``memory_size`` and ``architectures`` in a Terraform file and leave all else as it is.

Finds the block of a Lambda function (or of a module that makes one) by scanning braces, strings,
comments and heredocs; it is no parser of HCL and changes plain values only, never expressions.
"""

import re
from collections.abc import Iterator
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
    text = _with(text, _Value("memory_size", str(memory_mb), r"\d+", "a number"), resource, thing)
    if arch is None:
        return text
    value = _Value("architectures", f'["{arch}"]', r'\[\s*"\w+"\s*,?\s*\]', "a list of one text")
    return _with(text, value, resource, thing)


@dataclass(frozen=True)
class _Value:
    """An attribute, its new value, and what its present one must look like to be replaced."""

    name: str
    text: str
    plain: str
    words: str


def _with(text: str, value: _Value, resource: str | None, thing: str) -> str:
    block = _choose(list(_blocks(text)), resource, thing)
    body = text[block.start : block.end]
    attribute = re.compile(rf"^[ \t]*{value.name}[ \t]*=[ \t]*", re.M)
    found = attribute.search(_outer(body))
    if found is None:
        indent = _INDENT.search(body)
        line = f"\n{indent[1] if indent else '  '}{value.name} = {value.text}"
        return text[: block.start] + line + text[block.start :]
    at = block.start + found.end()
    there = re.split(r"#|//|/\*", text[at : block.end].partition("\n")[0])[0].strip()
    if not re.fullmatch(value.plain, there, re.ASCII):
        raise UsageError(
            f"{thing}: {block.address}",
            f"its {value.name} is {there[:60] or 'empty'}, not {value.words}",
            f"Set it to {value.text} where the value is defined.",
        )
    return text[:at] + value.text + text[at + len(there) :]


def _blocks(text: str) -> Iterator[_Block]:
    """Top-level blocks of functions and modules, in order."""
    masked = _masked(text)
    depth, start, header = 0, 0, None
    for position, char in enumerate(masked):
        if char == "{":
            if depth == 0:
                line = text.rfind("\n", 0, position) + 1
                header = _HEADER.search(text[line:position].rstrip())
                start = position + 1
            depth += 1
        elif char == "}" and depth:
            depth -= 1
            if depth == 0 and header is not None and _makes_function(header):
                yield _Block(_address(header), start, position)


def _makes_function(header: re.Match[str]) -> bool:
    return header["kind"] == "module" or header["first"] == "aws_lambda_function"


def _address(header: re.Match[str]) -> str:
    if header["kind"] == "module":
        return f"module.{header['first']}"
    return f"{header['first']}.{header['second']}"


def _choose(blocks: list[_Block], resource: str | None, thing: str) -> _Block:
    if resource is None:
        blocks = [b for b in blocks if not b.address.startswith("module.")] or blocks
    else:
        wanted = (resource, f"aws_lambda_function.{resource}", f"module.{resource}")
        named = [b for b in blocks if b.address in wanted]
        if not named:
            there = ", ".join(b.address for b in blocks) or "none"
            raise UsageError(f"{thing}: {resource}", "is not there", f"There are: {there}.")
        blocks = named
    if len(blocks) != 1:
        names = ", ".join(b.address for b in blocks) or "none"
        fix = f"Name one with --resource; there are: {names}."
        raise UsageError(thing, "has more than one Lambda function, or none", fix)
    return blocks[0]


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
