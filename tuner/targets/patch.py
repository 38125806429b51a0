"""Set memory and architecture of a function that is managed as code, and show the change.

Text in, text out; writing is the command's. Templates of SAM and CloudFormation, serverless.yml and
Terraform in JSON are patched here: the nodes of the YAML say where the value stands, and only its
own characters are replaced, or one line is added, so that comments, order and layout stay.
References and other expressions are not changed, and a change that would reach anything but the
named function is refused. For kinds that are programs (CDK, Pulumi) there is a hint instead of a
patch, and for what tools make anew the name of what it is made of.
"""

import difflib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml.nodes import Node, SequenceNode

from tuner.errors import UsageError
from tuner.targets.names import TEMPLATES
from tuner.targets.patch_hcl import Value, patch_terraform, patch_variables
from tuner.targets.patch_places import Place, chosen, places
from tuner.targets.yaml_nodes import compose, own, plain

#: How CDK writes an architecture.
_CDK_ARCH = {"x86_64": "X86_64", "arm64": "ARM_64"}
_PROGRAMS = {
    "serverless": "memorySize: {mb}",
    "sst.config": 'memory: "{mb} MB"',
    ".ts": "memorySize: {mb}",
    ".js": "memorySize: {mb}",
    ".py": "memory_size={mb}",
    ".java": ".memorySize({mb})",
    ".cs": "MemorySize = {mb}",
    ".go": "MemorySize: jsii.Number({mb})",
}
#: Folders that tools write templates into: what makes them, and of what.
_MADE = {
    "cdk.out": ("cdk synth", "the function's construct"),
    ".aws-sam": ("sam build", "the template"),
    ".serverless": ("serverless package", "serverless.yml"),
}


def patch(
    text: str, path: Path, memory_mb: int, resource: str | None, arch: str | None = None
) -> str:
    """The file's new text; ``arch`` is ``None`` where that stays. Raises UsageError, for a program
    with the line to write by hand."""
    suffix = path.suffix.lower()
    if path.name == "cdk.json" or suffix in _PROGRAMS:
        raise _program(path, memory_mb, arch)
    for folder, (tool, source) in _MADE.items():
        if folder in path.resolve().parts:
            fix = f"Patch {source} instead, then run it again."
            raise UsageError(str(path), f"is made anew by `{tool}`", fix)
    if suffix in (".tf", ".tofu"):
        return patch_terraform(text, memory_mb, resource, str(path), arch)
    if suffix == ".tfstate":
        fix = "Patch the .tf file instead, then run it."
        raise UsageError(str(path), "is made anew by `terraform apply`", fix)
    if suffix in (".tfvars", ".hcl"):
        return patch_variables(text, memory_mb, resource, str(path), arch)
    if suffix in TEMPLATES:
        return _patch_yaml(text, memory_mb, resource, str(path), arch)
    fix = "Name a template (.yaml, .json), a serverless.yml, or a .tf, .tf.json or .tfvars file."
    raise UsageError(str(path), "cannot be patched: unknown kind of file", fix)


def _program(path: Path, memory_mb: int, arch: str | None) -> UsageError:
    """The error of a file that is run, with the line to write in it."""
    kind = path.stem if path.stem in _PROGRAMS else path.suffix.lower()
    line = _PROGRAMS.get(kind, "memorySize: {mb}").format(mb=memory_mb)
    word = arch if kind == path.stem else _CDK_ARCH.get(arch or "")
    also = f" and the architecture {word}" if arch else ""
    where = "function" if kind == path.stem else "function's construct"
    fix = f"In the {where} write {line}{also}, then deploy."
    return UsageError(str(path), "is a program, which tuner does not edit", fix)


def diff(old: str, new: str, path: Path) -> str:
    """Return the change as a unified diff; empty if there is none."""
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), f"a/{path}", f"b/{path}"
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


@dataclass(frozen=True)
class _Value(Value):
    """A value of a template, alone in a list if ``listed``."""

    listed: bool = False

    def added(self, quoted: bool = False) -> str:
        """As it is written where there is none; ``quoted`` in JSON."""
        key, text = self.key, self.text
        if quoted:
            key, text = f'"{key}"', text if text.isdecimal() else f'"{text}"'
        return f"{key}: {f'[{text}]' if self.listed else text}"

    def is_in(self, settings: Any) -> bool:
        """Return whether the plain settings of a function have it."""
        found = settings.get(self.key)
        if self.listed:
            return isinstance(found, list) and [str(each) for each in found] == [self.text]
        return str(found) == self.text


def _patch_yaml(
    text: str, memory_mb: int, resource: str | None, thing: str, arch: str | None = None
) -> str:
    """The text with the function's memory, and architecture if one is given. ``resource`` is a
    logical id, the function's key in serverless.yml, or an address of Terraform. Raises UsageError
    that lists the choices."""
    root = compose(text, thing)
    place = chosen(root, resource, thing)
    keys = place.keys
    values = [_Value(keys.memory, str(memory_mb), r"[\d_]+(?:\.0*)?", "a number")]
    if arch is not None and not keys.arch:
        raise place.refused("has no variable for an architecture", "Set it by hand.")
    if arch is not None:
        words, names = "x86_64|arm64", "x86_64 or arm64"
        names = f"a list of {names}" if keys.listed else names
        values.append(_Value(keys.arch, arch, words, names, listed=keys.listed))
    for value in values:
        text = _with(text, value, place.name, thing)
    return text


def _with(text: str, value: _Value, name: str, thing: str) -> str:
    root = compose(text, thing)
    every = places(root, thing, name)
    place = next(each for each in every if each.name == name)
    there = own(place.mapping, value.key)
    if len(there) > 1:
        raise place.refused(f"has {value.key} {len(there)} times", "Keep one of them.")
    new = _replaced(text, place, *there[0], value) if there else _added(text, place, value)
    _check_others(place, every, plain(root), plain(compose(new, thing)), value)
    return new


def _check_others(
    place: Place, places: list[Place], before: Any, after: Any, value: _Value
) -> None:
    """Refuse a change that misses its function or reaches more than it. Raises UsageError."""
    try:
        differ = [p.name for p in places if p.settings(before) != p.settings(after)]
        landed = value.is_in(place.settings(after))
        for document in (before, after):
            place.settings(document).pop(value.key, None)
        same = before == after
    except (KeyError, TypeError, AttributeError):
        differ, landed, same = [], False, False
    others = [name for name in differ if name != place.name]
    if others or (landed and not same):
        whose = _listed(others) or "another part of the file"
        fix = f"Write its {value.key} apart from them, by hand."
        raise place.refused(f"shares its settings with {whose} by a YAML anchor", fix)
    if not landed:
        raise place.refused("has a layout that cannot be patched", f"Set {value.added()} by hand.")


def _listed(names: list[str]) -> str:
    head, tail = names[:-1], names[-1:]
    return " and ".join([", ".join(head), *tail] if head else tail)


def _replaced(text: str, place: Place, key: Node, found: Node, value: _Value) -> str:
    alone = value.listed and isinstance(found, SequenceNode) and len(found.value) == 1
    start = (found.value[0] if alone else found).start_mark.index
    present = None
    if start >= key.end_mark.index and alone is value.listed:  # else it is an alias
        pattern = rf"(?:[&!]\S*\s+)*(['\"]?)({value.plain})\1(?=[\s,}}\]#]|$)"
        present = re.compile(pattern, re.ASCII).match(text, start)
    if present is None:
        raise place.refused(*value.not_plain(_written(text, key, found)))
    return text[: present.start(2)] + value.text + text[present.end(2) :]


def _written(text: str, key: Node, found: Node) -> str:
    """A value as it stands behind its key; of an alias, the rest of the line."""
    at = key.end_mark.index
    said = text[at : found.end_mark.index]
    if found.start_mark.index < at:
        said = "".join(text[at:].splitlines()[:1])
    said = said.lstrip(": \r\n")
    return said[1:-1] if said[:1] in ("'", '"') and said[-1:] == said[:1] else said


def _added(text: str, place: Place, value: _Value) -> str:
    pairs = place.mapping.value
    first = pairs[0][0].start_mark if pairs else None
    indent = text[first.index - first.column : first.index] if first else ""
    if place.mapping.flow_style and (first is None or indent.strip()):
        return _added_inside(text, place.mapping, value)
    if first is None or indent.strip():
        reason = f"has no {value.key}, and its layout has no line for one"
        raise place.refused(reason, f"Add {value.added()} by hand.")
    ends = re.compile(r"\r?\n").search(text, first.index)
    end = ends[0] if ends else "\n"
    start = first.index - first.column
    added = value.added()
    if place.mapping.flow_style:
        added = value.added(quoted=text.startswith('"', first.index)) + ","
    return f"{text[:start]}{indent}{added}{end}{text[start:]}"


def _added_inside(text: str, mapping: Node, value: _Value) -> str:
    """The text with the value first in a map in braces, on its line."""
    quoted = text.lstrip("\ufeff \t\r\n").startswith("{")  # JSON
    if mapping.value:
        quoted = text.startswith('"', mapping.value[0][0].start_mark.index)
    start = text.index("{", mapping.start_mark.index) + 1
    space = re.compile(r"[ \t]*").match(text, start)
    at = space.end() if space and mapping.value else start
    return f"{text[:at]}{value.added(quoted)}{', ' if mapping.value else ''}{text[at:]}"
