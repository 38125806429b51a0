"""Set memory and architecture in a file of Terraform's language, and leave all else as it is.

In ``.tf`` files, the block of a Lambda function or of a module that makes one; in ``.tfvars`` and
``terragrunt.hcl``, the variable that a memory size is kept in. Only plain values are changed, never
expressions. What was changed is read again: all else has to be as before.
What patches of every kind of file refuse in the same words is here, too.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tuner.errors import UsageError
from tuner.targets.hcl import FUNCTIONS, Block, attributes, blocks, masked, variables

_INDENT = re.compile(r"\n([ \t]+)\S")
#: What the variable of a function's memory or architecture is usually called.
_USUAL = r"(\w*(lambda|function|fn)\w*?_?)?{}"
_MEMORY, _ARCHITECTURES = "memory_size", "architectures"
#: An architecture as a variable has it: alone, or in a list.
_ARCH = r'\[?\s*"(?P<kept>x86_64|arm64)"\s*,?\s*\]?'
_FIX_LAYOUT = "Set {} = {} by hand."


@dataclass(frozen=True)
class Value:
    """A key, its new value, and what its present one must look like to be replaced, as a pattern
    and in words. What is in the pattern's group ``kept`` alone is replaced."""

    key: str
    text: str
    plain: str
    words: str

    def is_now(self, written: str) -> bool:
        """Return whether what is written is the new value."""
        found = re.fullmatch(self.plain, written, re.ASCII)
        return found is not None and found["kept"] == self.text

    def not_plain(self, present: str) -> tuple[str, str]:
        """Reason and advice where the present value is an expression."""
        shown = " ".join(present.split())[:60]
        reason = f"its {self.key} is {shown or 'empty'}, not {self.words}"
        return reason, f"Set it to {self.text} where the value is defined."


def not_one(names: Iterable[str], thing: str) -> UsageError:
    """The error of a file without one function to choose."""
    fix = f"Name one with --resource; there are: {', '.join(names) or 'none'}."
    return UsageError(thing, "has more than one Lambda function, or none", fix)


def not_there(resource: str, names: Iterable[str], thing: str) -> UsageError:
    """The error of a name that no function has."""
    fix = f"There are: {', '.join(names) or 'none'}."
    return UsageError(f"{thing}: {resource}", "is not there", fix)


def by_address(addresses: Iterable[str], resource: str | None, thing: str) -> str:
    """The one address that ``resource`` is, whole or its last part; without one, the only function,
    else the only module. Raises UsageError that lists the choices."""
    every = list(addresses)
    if resource is None:
        chosen = [each for each in every if not each.startswith("module.")] or every
    else:
        chosen = [each for each in every if each in _addresses(resource)]
        if not chosen:
            raise _inside(resource, every, thing) or not_there(resource, every, thing)
    if len(chosen) != 1:
        raise not_one(chosen, thing)
    return chosen[0]


def _addresses(resource: str) -> Sequence[str]:
    """What a name may stand for."""
    return resource, *(f"{kind}.{resource}" for kind in (*FUNCTIONS, "module"))


def _inside(resource: str, addresses: Iterable[str], thing: str) -> UsageError | None:
    """The error of an address below a block of this file."""
    where = f"{thing}: {resource}"
    base, _, rest = resource.partition("[")
    block = next((each for each in addresses if each in _addresses(base)), None)
    if block is not None and rest.endswith("]"):
        reason = "is made by count or for_each, of a block that has one memory_size"
        return UsageError(where, reason, f"Name {block} to set it for all that the block makes.")
    if module := re.match(r"(module\.[\w-]+)(\[[^\]]*\])?\.", resource):
        fix = f"Name with --file the file that has it, in the source of {module[1]}."
        return UsageError(where, f"is inside {module[1]}", fix)
    return None


def values_of(memory_mb: int, arch: str | None) -> Iterator[Value]:
    """The values to set in HCL; ``arch`` is ``None`` where that stays."""
    yield Value(_MEMORY, str(memory_mb), r'(?P<quote>"?)(?P<kept>\d+)(?P=quote)', "a number")
    if arch is not None:
        plain = r'(?P<kept>\[\s*"\w+"\s*,?\s*\])'
        yield Value(_ARCHITECTURES, f'["{arch}"]', plain, "a list of one text")


def patch_terraform(
    text: str, memory_mb: int, resource: str | None, thing: str, arch: str | None = None
) -> str:
    """The text with the function's memory, and architecture if one is given. ``resource`` is an
    address such as ``aws_lambda_function.orders``, or its last part. Raises UsageError that lists
    the choices."""
    for value in values_of(memory_mb, arch):
        found = list(blocks(text))
        address = by_address((block.address for block in found), resource, thing)
        block = next(each for each in found if each.address == address)
        new = _with(text, value, block, f"{thing}: {address}")
        after = [each for each in blocks(new) if each.address == address]
        rest = text[: block.start], text[block.end :]
        if len(after) != 1 or rest != (new[: after[0].start], new[after[0].end :]):
            after = []
        _check(value, block.attributes, after, f"{thing}: {address}")
        text = new
    return text


def _with(text: str, value: Value, block: Block, thing: str) -> str:
    body = text[block.start : block.end]
    places = [place for key, place in attributes(body) if key == value.key]
    if len(places) > 1:
        raise UsageError(thing, f"has {value.key} {len(places)} times", "Keep one of them.")
    if places:
        return _replaced(text, value, [block.start + at for at in places[0]], thing)
    end = "\r\n" if "\r\n" in text else "\n"
    line, _, more = body.partition("\n")
    first, indent = line.strip(), _INDENT.search(body)
    space = indent[1] if indent else "  "
    added = f"{end}{space}{value.key} = {value.text}"
    if not more and "\n" not in body:  # a block on one line, which may hold one attribute only
        body = f"{added}{f'{end}{space}{first}' if first else ''}{end}"
        return text[: block.start] + body + text[block.end :]
    if first and masked(line).strip():
        reason = f"has no {value.key}, and its layout has no line for one"
        raise UsageError(thing, reason, _FIX_LAYOUT.format(value.key, value.text))
    return text[: block.start] + added + text[block.start :]


def _replaced(text: str, value: Value, place: Sequence[int], thing: str) -> str:
    start, end = place
    found = re.fullmatch(value.plain, text[start:end], re.ASCII)
    if found is None:
        raise UsageError(thing, *value.not_plain(text[start:end]))
    first, last = found.span("kept")
    return text[: start + first] + value.text + text[start + last :]


def _check(
    value: Value, before: Mapping[str, Sequence[str]], after: Sequence[Block], thing: str
) -> None:
    """Refuse a change that has reached more than its value, or missed it."""
    now = dict(after[0].attributes) if after else {}
    landed = [value.is_now(each) for each in now.pop(value.key, ())] == [True]
    if not landed or now != {key: each for key, each in before.items() if key != value.key}:
        fix = _FIX_LAYOUT.format(value.key, value.text)
        raise UsageError(thing, "has a layout that cannot be patched", fix)


def patch_variables(
    text: str, memory_mb: int, resource: str | None, thing: str, arch: str | None = None
) -> str:
    """The text of a file of variables with the one that holds a memory size, and an architecture
    if one is given. ``resource`` is its name, or that of a map that it is in. Raises UsageError."""
    for value in values_of(memory_mb, arch):
        is_arch = value.key == _ARCHITECTURES
        sought = replace(value, text=str(arch), plain=_ARCH) if is_arch else value
        text = _with_variable(text, sought, resource, thing)
    return text


def _with_variable(text: str, value: Value, resource: str | None, thing: str) -> str:
    found = dict(_candidates(text, value, resource))
    if len(found) != 1:
        what = "a memory size" if value.key == _MEMORY else "an architecture"
        listed = ", ".join(found or dict(_candidates(text, value, None)))
        fix = f"Name it with --resource; there are: {listed}." if listed else "Set it by hand."
        many = f"has {len(found)} variables" if found else "has no variable"
        named = f" of {resource}" if resource else ""
        raise UsageError(thing, f"{many} for {what}{named}", fix)
    [(name, place)] = found.items()
    new = _replaced(text, value, place, f"{thing}: {name}")
    before, after = ({n: each[s:e] for n, (s, e) in variables(each)} for each in (text, new))
    landed = value.is_now(after.get(name, ""))
    same = [n for n in before if n != name and not name.startswith(f"{n}.")]
    if not landed or list(before) != list(after) or any(before[n] != after[n] for n in same):
        fix = _FIX_LAYOUT.format(name, value.text)
        raise UsageError(thing, "has a layout that cannot be patched", fix)
    return new


def _candidates(
    text: str, value: Value, resource: str | None
) -> Iterator[tuple[str, tuple[int, int]]]:
    """Variables that may be meant."""
    for name, (start, end) in variables(text):
        if not text.startswith("{", start) and may_be(name, resource, value.key == _MEMORY):
            yield name, (start, end)


def may_be(name: str, resource: str | None, memory: bool = True) -> bool:
    """Return whether a variable may hold the memory size, or the architecture: by ``resource``,
    else named as such a variable usually is."""
    above, _, key = name.rpartition(".")
    word = "memory_?(size)?(_?mb)?" if memory else "arch(itecture)?s?"
    usual = re.fullmatch(_USUAL.format(word), key, re.IGNORECASE)
    within = resource is None or resource in above.split(".")
    return bool((memory and resource in (name, key)) or (usual and within))
