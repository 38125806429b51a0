"""What a sandbox starts for a Node.js function, as AWS's own bootstrap starts it."""

import functools
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from tuner.locallambda.sandbox.invocation import LAYERS_FOLDER, SandboxSpec
from tuner.locallambda.sandbox.launch import FRAMES, FRAMES_FD
from tuner.locallambda.sandbox.nodejs import sdk
from tuner.locallambda.sandbox.nodejs.client import (
    Client,
    client_for,
    fetch,
    is_fetched,
    runtime_folder,
)
from tuner.locallambda.sandbox.nodejs.versions import Node, node_for
from tuner.locallambda.sandbox.program import RUNTIME_ROOT, Program

#: Switched off by AWS unless NODE_OPTIONS has the other form: the runtimes and the first versions
#: of Node.js that know the option ("Building Lambda functions with Node.js").
_SWITCHED_OFF = {
    "experimental-require-module": (("nodejs20.x", "nodejs22.x"), (20, 17, 0)),
    "experimental-detect-module": (("nodejs22.x",), (20, 10, 0)),
}


def prepare(
    runtime: str, packages: frozenset[str], progress: Callable[[str], None] = lambda _text: None
) -> None:
    """Fetch what a function of this runtime needs, unless it is there already.

    ``packages`` of the SDK are fetched if they can be (``sdk.wanted`` says which). Raises
    UsageError without Node.js or its client.
    """
    node, client = _chosen(runtime)
    if not is_fetched(client):
        progress(f"fetching AWS's runtime client for Node.js, {client.version} (once)")
    fetch(client, node)
    if packages and sdk.folder_of(packages) is None:
        progress(f"fetching {', '.join(sorted(packages))}, which AWS's runtime has (once)")
        sdk.fetch(packages, node)


def version(runtime: str) -> str:
    """The version of the Node.js that runs a runtime."""
    return _chosen(runtime)[0].text


def program(spec: SandboxSpec, links: Path, task: str, *, in_view: bool) -> Program:
    """The program; ``task`` is where the sandbox sees its code. Raises UsageError, OSError."""
    node, client = _chosen(spec.runtime)
    folder = runtime_folder(client, node, links)
    where = RUNTIME_ROOT if in_view else str(folder)
    modules = sdk.folder_of(sdk.wanted(spec.task_dir))
    argv = [node.path, *_options(spec, node), f"{where}/{client.start}"]
    keep = {str(Path(path).parent) for path in (node.path, os.path.realpath(node.path))}
    return Program(
        argv=argv,
        keep=(*sorted(keep), str(folder), *([str(modules)] if modules else ())),
        var=_shown(spec, folder, modules, links),
        defaults={"NODE_PATH": _node_path(spec, where, task, None if in_view else modules)},
        reserved={"LAMBDA_RUNTIME_DIR": where, FRAMES: str(FRAMES_FD)},
    )


def _chosen(runtime: str) -> tuple[Node, Client]:
    client = client_for(runtime)
    return node_for(runtime, client.least_node), client


def _options(spec: SandboxSpec, node: Node) -> Iterator[str]:
    """The options that AWS starts Node.js with, as its images' /var/runtime/bootstrap shows."""
    new_space = spec.memory_mb // 10
    yield from ("--expose-gc", "--max-http-header-size", "81920")
    yield f"--max-semi-space-size={new_space // 2}"
    yield f"--max-old-space-size={spec.memory_mb - new_space}"
    asked = spec.environment.get("NODE_OPTIONS", "").split()
    for name, (runtimes, first) in _SWITCHED_OFF.items():
        if spec.runtime in runtimes and node.version >= first and f"--{name}" not in asked:
            yield f"--no-{name}"


def _node_path(spec: SandboxSpec, runtime: str, task: str, modules: Path | None) -> str:
    opt = "/opt" if runtime == RUNTIME_ROOT else f"{task}/{LAYERS_FOLDER}"
    places = [f"{opt}/{folder}" for folder in _layer_folders(spec)]
    sdk_there = [str(modules)] if modules else []
    return ":".join([*places, f"{runtime}/node_modules", *sdk_there, runtime, task])


def _layer_folders(spec: SandboxSpec) -> tuple[str, ...]:
    """The folders of layers that hold packages, the first before the second."""
    major = spec.runtime.removeprefix("nodejs").removesuffix(".x")
    return f"nodejs/node{major}/node_modules", "nodejs/node_modules"


def _shown(spec: SandboxSpec, folder: Path, modules: Path | None, links: Path) -> dict[str, str]:
    """What is below /var: the client, the SDK, and where ES modules find this and layers.

    They do not look at NODE_PATH, but upwards from /var/task, so also into /var/node_modules; AWS's
    Node.js is changed to look at NODE_PATH ("Node.js 18.x runtime now available", 2022).
    """
    shown = {"runtime": str(folder)}
    if modules is not None:
        shown["runtime/node_modules"] = str(modules)
    layers = [path for path in _layer_folders(spec) if (_opt(spec) / path).is_dir()]
    if layers:
        shown["node_modules"] = str(_merged(_opt(spec), tuple(layers), modules, links))
    elif modules is not None:
        shown["node_modules"] = str(modules)
    return shown


def _opt(spec: SandboxSpec) -> Path:
    return spec.task_dir / LAYERS_FOLDER


@functools.cache
def _merged(opt: Path, layers: tuple[str, ...], modules: Path | None, links: Path) -> Path:
    """A folder of links to every package, each by the path that a sandbox knows."""
    found: dict[str, str] = {}
    sources = [*((f"/opt/{layer}", opt / layer) for layer in layers)]
    if modules is not None:
        sources.append((f"{RUNTIME_ROOT}/node_modules", modules))
    for shown, real in sources:
        for package in _packages(real):
            found.setdefault(package, f"{shown}/{package}")
    folder = Path(tempfile.mkdtemp(prefix="modules-", dir=links))
    folder.chmod(0o755)
    for package, target in found.items():
        link = folder / package
        link.parent.mkdir(mode=0o755, exist_ok=True)
        link.symlink_to(target)
    return folder


def _packages(modules: Path) -> Iterator[str]:
    """The names of the packages in a ``node_modules``, those in a scope with it."""
    for entry in modules.iterdir():
        if entry.name.startswith("@"):
            yield from (f"{entry.name}/{each.name}" for each in entry.iterdir())
        elif not entry.name.startswith("."):
            yield entry.name
