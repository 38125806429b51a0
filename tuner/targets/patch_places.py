"""Where the functions of a file in YAML or JSON stand, and which of them is meant.

Knows the shapes of SAM and CloudFormation, of the Serverless Framework (a map, a list, or a file of
functions that others include), and of Terraform in JSON.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import PurePath
from typing import Any

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from tuner.errors import UsageError
from tuner.targets.hcl import FUNCTIONS
from tuner.targets.intrinsics import Values, shown
from tuner.targets.loops import LOOP, Loops
from tuner.targets.patch_hcl import by_address, may_be, not_one, not_there
from tuner.targets.sam import NESTED
from tuner.targets.yaml_nodes import children, plain

_TYPES = ("AWS::Serverless::Function", "AWS::Lambda::Function")
_ANY = ""  # any key
#: Keys that a function of Serverless has, one or the other.
_OF_A_FUNCTION = {"handler", "image"}


@dataclass(frozen=True)
class Keys:
    """What a kind of file calls its settings; ``listed``: an architecture is in a list."""

    memory: str
    arch: str
    listed: bool = True


_CLOUDFORMATION = Keys("MemorySize", "Architectures")
_SERVERLESS = Keys("memorySize", "architecture", listed=False)
_TERRAFORM = Keys("memory_size", "architectures")


@dataclass(frozen=True)
class Place:
    """The mapping of a function; ``thing`` is the file, for messages, ``path`` leads there in the
    plain value of a document."""

    thing: str
    name: str
    mapping: MappingNode
    path: tuple[str | int, ...]
    keys: Keys

    def refused(self, reason: str, fix: str) -> UsageError:
        """The error of this function."""
        return UsageError(f"{self.thing}: {self.name}", reason, fix)

    def settings(self, document: Any) -> Any:
        """Its settings in the plain value of a document."""
        for key in self.path:
            document = document[key]
        return document


def places(root: Node | None, thing: str, resource: str | None = None) -> list[Place]:
    """Every function of a file; of one of variables those that may hold a memory size, or are named
    ``resource``. Raises UsageError if it is of no kind that has any."""
    top = children(root)
    if thing.lower().endswith(".tf.json"):
        functions = (_below((), root, "resource", kind, _ANY) for kind in FUNCTIONS)
        found = _named(thing, chain(*functions), _TERRAFORM, 1)
        return found + _named(thing, _below((), root, "module", _ANY), _TERRAFORM, 0)
    if thing.lower().endswith(".tfvars.json"):
        return list(_variables(thing, root, resource))
    if isinstance(top.get("Resources"), MappingNode):
        bodies = children(top["Resources"]).items()
        made = ((("Resources", name), body) for name, body in bodies)
        inner = (((*path, "Properties"), _properties(body)) for path, body in made)
        return _named(thing, inner, _CLOUDFORMATION, 1, -1)
    if "functions" in top:
        return _named(thing, _of_serverless(top["functions"], thing), _SERVERLESS, 1)
    if _OF_A_FUNCTION & top.keys() and isinstance(root, MappingNode):
        return [Place(thing, PurePath(thing).stem, root, (), _SERVERLESS)]
    if any(_OF_A_FUNCTION & children(body).keys() for body in top.values()):
        return _named(thing, (((name,), body) for name, body in top.items()), _SERVERLESS, 0)
    if "planned_values" in top:
        fix = "Patch the .tf file instead."
        raise UsageError(thing, "is a plan, which `terraform plan` makes anew", fix)
    fix = "Name a SAM or CloudFormation template, or a serverless.yml."
    raise UsageError(thing, "has neither Resources nor functions", fix)


def _variables(
    thing: str, root: Node | None, resource: str | None, above: tuple[str | int, ...] = ()
) -> Iterator[Place]:
    """The maps of a file of variables that hold a memory size, each named after that."""
    inner = children(root)
    arch = next((str(key) for key in inner if may_be(str(key), None, memory=False)), "")
    for key, value in inner.items():
        if isinstance(value, MappingNode):
            yield from _variables(thing, value, resource, (*above, str(key)))
            continue
        name = ".".join(map(str, (*above, key)))
        meant = may_be(name, None) or resource in (name, key)
        if isinstance(root, MappingNode) and meant:
            keys = Keys(str(key), arch, listed=isinstance(inner.get(arch), SequenceNode))
            yield Place(thing, name, root, above, keys)


def chosen(root: Node | None, resource: str | None, thing: str) -> Place:
    """The function that is meant; without a name, the only one. Raises UsageError that lists the
    choices."""
    every = places(root, thing, resource)
    if thing.lower().endswith(".tfvars.json"):
        meant = [place for place in every if may_be(place.name, resource)]
        resource = meant[0].name if len(meant) == 1 else resource
    names = [place.name for place in every]
    if any(place.keys is _TERRAFORM for place in every):
        resource = by_address(names, resource, thing)
    looped = _looped(root, thing)
    if resource is not None and resource in looped:
        reason = f"is made by {looped[resource]}, together with others"
        fix = "Set MemorySize there by hand, for all of them."
        raise UsageError(f"{thing}: {resource}", reason, fix)
    found = [place for place in every if resource in (None, place.name)]
    if len(found) == 1 and (resource is not None or not looped):
        return found[0]
    if found or resource is None:
        raise not_one([*names, *looped], thing)
    missing = not_there(resource, [*names, *looped], thing)
    raise _without_place(root, resource, thing, missing.fix) or missing


def _without_place(root: Node | None, resource: str, thing: str, fix: str) -> UsageError | None:
    """The error of a name that the file has, but no place to write at; ``fix`` lists those."""
    top = children(root)
    body = children(top.get("Resources")).get(resource.partition(".")[0])
    where = f"{thing}: {resource}"
    if body is not None:
        kind = plain(children(body).get("Type"))
        if kind in _TYPES:
            fix = "Write its MemorySize by hand."
            return UsageError(where, "has no Properties that are written out", fix)
        inner = plain(children(children(body).get("Properties")).get(NESTED.get(str(kind), "")))
        if isinstance(inner, str):
            fix = f"If the function is in {inner}, name that with --file."
        return UsageError(where, f"is of type {shown(kind)}, no function", fix)
    elsewhere = children(top.get("functions")).get(resource)
    if isinstance(elsewhere, ScalarNode):
        file = _file_of(str(elsewhere.value))
        return UsageError(where, f"is in {file}", "Name that with --file.")
    return None


_Bodies = Iterable[tuple[tuple[str | int, ...], Node | None]]


def _named(
    thing: str, bodies: _Bodies, keys: Keys, first: int, last: int | None = None
) -> list[Place]:
    """Those bodies that are mappings; words of their paths, from ``first`` on, are their names."""
    return [
        Place(
            thing, ".".join([p for p in path if isinstance(p, str)][first:last]), body, path, keys
        )
        for path, body in bodies
        if isinstance(body, MappingNode)
    ]


def _properties(body: Node) -> Node | None:
    """Those of a resource that is a function."""
    keys = children(body)
    kind = keys.get("Type")
    known = isinstance(kind, ScalarNode) and kind.value in _TYPES
    inner = keys.get("Properties") if known else None
    chosen_by = [key for key in children(inner) if str(key).startswith("Fn::")]
    return None if chosen_by and chosen_by != ["Fn::Transform"] else inner


def _of_serverless(functions: Node, thing: str) -> _Bodies:
    """The functions of a map, or of a list of maps. Those in other files are patched there; raises
    UsageError where all are."""
    parts = functions.value if isinstance(functions, SequenceNode) else [functions]
    files = [_file_of(str(part.value)) for part in parts if isinstance(part, ScalarNode)]
    if files and len(files) == len(parts):
        raise UsageError(
            thing, f"its functions are in {', '.join(files)}", "Name that with --file."
        )
    return _below(("functions",), functions, _ANY)


def _file_of(variable: str) -> str:
    """``${file(functions.yml)}`` is functions.yml."""
    found = re.match(r"\$\{file\(([^)]+)\)", variable)
    return found[1].strip() if found else variable


def _below(
    path: tuple[str | int, ...], node: Node | None, *keys: str
) -> Iterator[tuple[tuple[str | int, ...], Node]]:
    """The nodes below one at these keys; every block on the way may be in a list."""
    if isinstance(node, SequenceNode):
        for number, each in enumerate(node.value):
            yield from _below((*path, number), each, *keys)
    elif not keys:
        assert node is not None, "a value of a map"
        yield path, node
    else:
        for name, inner in children(node).items():
            if keys[0] in (_ANY, name):
                yield from _below((*path, name), inner, *keys[1:])


def _looped(root: Node | None, thing: str) -> Mapping[str, str]:
    """The functions that ``Fn::ForEach`` makes, and the name of the loop that makes each."""
    loops = [
        name for name in children(children(root).get("Resources")) if str(name).startswith(LOOP)
    ]
    found: dict[str, str] = {}
    for loop in loops:
        document = plain(root)
        written_out = Loops(Values(document, thing)).written_out(
            {loop: document["Resources"][loop]}
        )
        found |= {str(name): str(loop) for name in written_out}
    return found
