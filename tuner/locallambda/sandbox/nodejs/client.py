"""AWS's runtime client for Node.js: which version runs a runtime, fetched once and pinned.

The package of npm is kept as it came and compared with its hash whenever it is used. Its JavaScript
runs as it is; the native half comes from a package that npm has compiled for all of this machine,
else a file of our own does its work (``rapid_client.js``).
"""

import base64
import functools
import hashlib
import io
import json
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from tuner.errors import TunerError, UsageError
from tuner.locallambda.sandbox.nodejs.npm import cache_folder, run_npm
from tuner.locallambda.sandbox.nodejs.versions import Node

PACKAGE = "aws-lambda-ric"
NATIVE = "rapid-client.node"


@dataclass(frozen=True)
class Client:
    """A version of the client, its hash as npm publishes it, and the oldest Node.js for it."""

    version: str
    integrity: str
    code: str  # the file of the package that is its JavaScript
    start: str  # what Node.js is started with
    least_node: int

    @property
    def file(self) -> str:
        return f"{PACKAGE}-{self.version}.tgz"


#: Takes callbacks and event emitters' endings, as AWS's runtimes do up to Node.js 22.
_WITH_CALLBACKS = Client(
    "3.3.0",
    "sha512-9p06TbKVK4a050NY/vYOxhMHvnIiUu5o1W0//q6yNLSqA/c91pn4BOj3C3sRTpplkUNsGJdU5qWyU2STo6L8hA==",
    "package/dist/index.mjs",
    "start.mjs",
    18,
)
#: Refuses callbacks, as AWS's runtimes do from Node.js 24 on.
_WITHOUT_CALLBACKS = Client(
    "4.0.2",
    "sha512-FE5Vskx7mYNnqAnWWJXUOsLp2VGgdsJsCoRLFTa8L4Yk0QVtArqR8q58yPA++QC1a73ZWJXBQ2AH31nIAv7NOQ==",
    "package/index.mjs",
    "index.mjs",
    22,
)


def client_for(runtime: str) -> Client:
    """The client of ``nodejs22.x`` and others."""
    return _WITH_CALLBACKS if runtime in ("nodejs20.x", "nodejs22.x") else _WITHOUT_CALLBACKS


def is_fetched(client: Client) -> bool:
    """Return whether the client is in the cache; it may still be damaged."""
    return (cache_folder() / client.file).is_file()


def fetch(client: Client, node: Node) -> bytes:
    """The package of the client, from the cache or from npm.

    Raises UsageError with the next step if it cannot be had, or is not what it should be.
    """
    kept = cache_folder() / client.file
    if not kept.is_file():
        with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
            named = f"{PACKAGE}@{client.version}"
            failed = run_npm(node.path, ["pack", named], Path(folder))
            if failed is None and not (Path(folder) / client.file).is_file():
                failed = "npm gave another file"
            if failed is not None:
                reason = f"AWS's runtime client {named} is not here, and {failed}"
                fix = f"Run `npm pack {named}` where npm works, and put the file into {kept.parent}"
                raise UsageError("Node.js", reason, f"{fix}.")
            (Path(folder) / client.file).replace(kept)
    data = kept.read_bytes()
    found = base64.b64encode(hashlib.sha512(data).digest()).decode()
    if f"sha512-{found}" != client.integrity:
        raise UsageError(str(kept), "is not the package that AWS published", "Remove it.")
    return data


@functools.cache
def runtime_folder(client: Client, node: Node, parent: Path) -> Path:
    """Make the folder that is /var/runtime in a sandbox, once. Raises TunerError, OSError."""
    data = fetch(client, node)
    folder = Path(tempfile.mkdtemp(prefix="node-", dir=parent))
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            code = archive.extractfile(client.code)
            (folder / "index.mjs").write_bytes(code.read() if code else b"")
    except (tarfile.TarError, KeyError) as error:
        raise TunerError(client.file, f"has no {client.code}", "Remove it.") from error
    native = _compiled(client, node)
    if native is not None:
        shutil.copyfile(native, folder / NATIVE)
    else:
        # Node.js takes a folder of that name for the module, too.
        (folder / NATIVE).mkdir()
        (folder / NATIVE / "index.js").write_bytes(_ours("rapid_client.js"))
    (folder / "start.mjs").write_bytes(_ours("start.mjs"))
    (folder / "node_modules").mkdir()  # where the SDK is shown
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    return folder


def _ours(name: str) -> bytes:
    return files("tuner.locallambda.sandbox.nodejs").joinpath(name).read_bytes()


def _compiled(client: Client, node: Node) -> Path | None:
    """The native half of the same version, if ``npm install -g`` has compiled it."""
    package = Path(node.path).parent.parent / "lib" / "node_modules" / PACKAGE
    try:
        version = json.loads((package / "package.json").read_bytes()).get("version")
    except (OSError, ValueError, AttributeError):
        return None
    native = package / Path(client.code).relative_to("package").parent / NATIVE
    return native if version == client.version and native.is_file() else None
