"""Which layers of a Terraform plan a function's ``layers`` mean.

Their ARNs are known only after ``terraform apply``, but the plan's ``configuration`` says which
resources the expression names, in its order, also through the arguments of modules.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from tuner.targets.intrinsics import VARIABLE
from tuner.targets.yaml_nodes import Tagged

_MODULE = re.compile(r'module\.([^.\["]+)(?:\[(?:\d+|"(?:[^"\\]|\\.)*")\])?\.')
_INDEX = re.compile(r"\[[^\]]*\]$")


def layers_of(
    address: str, written: Any, unknown: Any, root: Mapping[str, Any], layers: Mapping[str, str]
) -> Any:
    """The ``layers`` of a function, by the addresses of their resources where these are known.

    ``written`` and ``unknown`` are what the plan says of them, ``root`` is its configuration, and
    ``layers`` has the address of each of its layers by itself and by the ARN that it has already.
    """
    listed: list[Any] = [layers.get(str(each), each) for each in _listed(written)]
    later = Tagged(VARIABLE, f"{address}.layers")
    missing = listed.count(None)
    if unknown is not True and not missing:
        return listed
    named = list(dict.fromkeys(_named(address, root, set(layers.values()))))
    if unknown is True:
        return named or later
    found = iter(named if len(named) == missing else [])
    return [next(found, later) if each is None else each for each in listed]


def _named(address: str, root: Mapping[str, Any], layers: Collection[str]) -> Iterator[str]:
    """The layers that the expression of a function names."""
    calls = list(_MODULE.finditer(address))
    own = _INDEX.sub("", address[calls[-1].end() if calls else 0 :])
    modules: list[Any] = [root]
    for call in calls:
        modules.append(_at(modules[-1], "module_calls", call[1], "module"))
    for resource in _listed(_at(modules[-1], "resources")):
        if _at(resource, "address") == own:
            expression = _at(resource, "expressions", "layers")
            yield from _referenced(expression, address, calls, modules, layers)


def _referenced(
    expression: Any,
    address: str,
    calls: list[re.Match[str]],
    modules: list[Any],
    layers: Collection[str],
) -> Iterator[str]:
    """The layers that an expression of the innermost module names; its variables are the
    arguments of the module's call."""
    module = address[: calls[-1].end()] if calls else ""
    references = [each for each in _listed(_at(expression, "references")) if isinstance(each, str)]
    for reference in references:
        named = f"{module}{reference}"
        if reference.startswith("var.") and calls:
            call = _at(modules[-2], "module_calls", calls[-1][1], "expressions")
            given = _at(call, reference.split(".")[1])
            yield from _referenced(given, address, calls[:-1], modules[:-1], layers)
        elif named in layers:
            yield named
        elif not any(other.startswith(f"{reference}[") for other in references):
            yield from sorted(each for each in layers if each.startswith(f"{named}["))


def _at(holder: Any, *path: str) -> Any:
    """The value at the end of a path; ``None`` if there is none."""
    for key in path:
        holder = holder.get(key) if isinstance(holder, dict) else None
    return holder


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
