"""Sandboxes for the tests: one running host per module, and functions made from a few words."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tuner.locallambda.sandbox.host import SandboxHost
from tuner.locallambda.sandbox.invocation import Invocation, InvocationResult, SandboxSpec
from tuner.locallambda.sandbox.sandbox import Sandbox

HANDLERS = Path(__file__).parents[3] / "handlers"
T = TypeVar("T")
NOBODY = 65534

PROBE = SandboxSpec(
    function_name="probe",
    version="$LATEST",
    arn="arn:aws:lambda:eu-west-1:000000000000:function:probe",
    region="eu-west-1",
    memory_mb=1769,
    timeout_s=60.0,
    handler="probe.handler",
    runtime="python3.11",
    environment={},
    task_dir=HANDLERS,
    log_group="/aws/lambda/probe",
    log_stream="2026/01/01/[$LATEST]0123",
)


@dataclass
class Local:
    """A sandbox host with its event loop, for tests that are not coroutines."""

    runner: asyncio.Runner
    host: SandboxHost

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run it to its end."""
        return self.runner.run(coroutine)

    def sandbox(self, **changes: Any) -> Sandbox:
        """A started sandbox of the probe handler, with these fields of its spec changed."""
        spec = replace(PROBE, **changes)
        if spec.task_dir != HANDLERS:
            spec.task_dir.chmod(0o755)  # as the service leaves it: sandboxes may be other users
        sandbox = self.host.create(spec)
        self.run(sandbox.start())
        return sandbox

    @property
    def isolated(self) -> bool:
        """True if this kernel gives a sandbox a view of its own."""
        return self.host.platform()["own_tmp"] == "mount namespace"

    def shown(self, task_dir: Path) -> str:
        """Where a sandbox sees its code."""
        return "/var/task" if self.isolated else str(task_dir)

    def invoke(self, sandbox: Sandbox, request_id: str = "r-1", **event: Any) -> InvocationResult:
        """One invocation with this event."""
        call = Invocation(request_id, json.dumps(event).encode(), sandbox.spec.arn)
        return self.run(sandbox.invoke(call))


@pytest.fixture(scope="module")
def start_local() -> Iterator[Any]:
    """Start a host with these methods, as ``start_local(cpu="duty-cycle", memory="rss")``."""
    started: list[Local] = []

    def start(**methods: str) -> Local:
        local = Local(asyncio.Runner(), SandboxHost(**methods))
        started.append(local)
        local.run(local.host.start(calibrate=False))
        return local

    yield start
    for local in started:
        local.run(local.host.close())
        local.runner.close()


@pytest.fixture(scope="module")
def local(start_local: Any) -> Local:
    """A host with the best methods that this machine has."""
    return start_local()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may read, unlike those of pytest."""
    place = next(path for path in ("/srv", "/var/tmp") if os.access(path, os.W_OK))
    with tempfile.TemporaryDirectory(dir=place) as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture
def as_nobody() -> Callable[[list[str]], tuple[list[str], str]]:
    """A command as an ordinary user runs it, under a Python that this user may read.

    With it the PYTHONPATH that it needs.
    """
    return _as_nobody


def _as_nobody(argv: list[str]) -> tuple[list[str], str]:
    python, change = shutil.which(f"python3.{sys.version_info.minor}", path="/usr/bin"), "setpriv"
    if os.getuid() != 0 or python is None or shutil.which(change) is None:
        pytest.skip("needs root, setpriv and a Python for all users")
    path = os.pathsep.join(each for each in (str(Path(__file__).parents[4]), *sys.path[1:]) if each)
    user = [change, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", python, "-P"]
    look = subprocess.run(
        [*user, "-c", "import tuner.locallambda.sandbox.host, awslambdaric"],
        env={"PYTHONPATH": path},
        capture_output=True,
        check=False,
    )
    if look.returncode != 0:
        pytest.skip("an ordinary user may not read this installation")
    return [*user, *argv[1:]], path
