"""Other programs of the machine, of the same user and of another one, get nowhere in a load.

What workers without the secret, handlers, files of the working directory and clients of the local
Lambda try is in the tests of those.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import zmq

from support import intruder
from support.waiting import wait_for

pytest.importorskip("awslambdaric", reason="handlers need awslambdaric, absent here")
pytestmark = pytest.mark.slow

SECRET = "TOP-SECRET-0123456789"
NETWORK = (
    "list functions unsigned", "list functions", "create a function", "invoke", "invoke unsigned",
    "read code", "replace code", "delete", "read logs", "read events", "invoke as a rebound name",
    "take an event", "take an event as a page", "take an event as a rebound name",
    "forge an answer", "forge an answer as a page", "fail the INIT", "join the load",
)  # fmt: skip
ASKED = set(NETWORK) - {"join the load"}  # by HTTP
SIGHT = ("find a key in a command line", "find a key in a file")
PROCESS = (
    "read an environment", "read memory", "list open files", "see where it works", "trace",
    "signal", "change a file",
)  # fmt: skip


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """A folder that every user may read, unlike those of pytest."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def load(open_folder: Path) -> Iterator[dict[str, Any]]:
    """A load of two workers on a local function, with keys; what everybody can know of it."""
    (open_folder / "app.py").write_text("def handler(event, context):\n    return 1\n")
    (open_folder / "tmp").mkdir()
    words = ("local:app.py", "--workers", "2", "--rate", "20", "--duration", "1h", "--yes", "-q")
    keys = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": SECRET}
    child = subprocess.Popen(
        [sys.executable, "-m", "tuner", "load", *words],
        cwd=open_folder,
        env={**os.environ, **keys, "TMPDIR": str(open_folder / "tmp")},
        stdout=subprocess.DEVNULL,
        umask=0,
    )
    try:
        yield wait_for(lambda: known(psutil.Process(child.pid)), "the load", 120.0)
    finally:
        child.kill()
        child.wait()


def known(root: psutil.Process) -> dict[str, Any] | None:
    """Ports and processes of a load that is under way; ``None`` before it is."""
    below, at = root.children(recursive=True), {}
    for each in below:
        try:
            words = " ".join(each.cmdline())
            ends = each.net_connections("tcp")
        except psutil.NoSuchProcess:
            continue
        at[words] = [end.laddr.port for end in ends if end.status == psutil.CONN_LISTEN]
    hub = [port for words, ports in at.items() if "locust_master" in words for port in ports]
    local = [port for words, ports in at.items() if "tuner.locallambda" in words for port in ports]
    api = [p for p in local if intruder.ask(p, "GET", "/tuner/platform") == "in"]
    if not (hub and api and len(local) > 1):
        return None
    return {
        "api": api[0],
        "runtime": [port for port in local if port != api[0]],
        "hub": hub[0],
        "pids": [root.pid, *(each.pid for each in below)],
        "function": "app",
        "secret": SECRET,
    }


def as_another_user() -> list[str]:
    """The command that runs a Python of all users as nobody."""
    python = shutil.which("python3", path="/usr/bin")
    if os.getuid() != 0 or python is None or shutil.which("setpriv") is None:
        pytest.skip("needs root, setpriv and a Python for all users")
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", python]


def came_of_it(python: list[str], load: dict[str, Any], folder: Path, other: bool) -> Any:
    given = {**load, "folder": str(folder), "other": other}
    program = Path(intruder.__file__).read_text()
    told = subprocess.run(
        [*python, "-I", "-c", program, json.dumps(given)],
        cwd="/", stdout=subprocess.PIPE, check=True, timeout=240,
    )  # fmt: skip
    return json.loads(told.stdout)


@pytest.fixture(scope="module")
def same_user(load: dict[str, Any], open_folder: Path) -> Any:
    return came_of_it([sys.executable], load, open_folder, other=False)


@pytest.fixture(scope="module")
def other_user(load: dict[str, Any], open_folder: Path) -> Any:
    return came_of_it(as_another_user(), load, open_folder, other=True)


def refused(came: Any, attempt: str) -> None:
    """It was answered with a refusal, or not at all."""
    if attempt in ASKED:
        assert came[attempt] == "403"
    else:
        assert not came[attempt].startswith("in"), came[attempt]


@pytest.mark.parametrize("attempt", (*NETWORK, *SIGHT))
def test_another_program_of_the_user_gets_nowhere(same_user: Any, attempt: str) -> None:
    refused(same_user, attempt)


@pytest.mark.parametrize("attempt", (*NETWORK, *SIGHT, *PROCESS))
def test_another_user_gets_nowhere(other_user: Any, attempt: str) -> None:
    refused(other_user, attempt)


def test_every_attempt_is_one_of_these(other_user: Any) -> None:
    assert set(other_user) == {*NETWORK, *SIGHT, *PROCESS}


def test_the_attempts_get_in_where_nothing_is_closed(tmp_path: Path) -> None:
    with zmq.Context() as context, context.socket(zmq.ROUTER) as open_to_all:
        assert intruder.joined(open_to_all.bind_to_random_port("tcp://127.0.0.1")) == "in"
    (tmp_path / "kept").write_text(SECRET)
    given = {"pids": [os.getpid()], "folder": str(tmp_path), "secret": SECRET}
    came = {**dict(intruder.by_process(given)), **dict(intruder.in_sight(given))}
    for attempt in ("read an environment", "read memory", "list open files", "signal"):
        assert came[attempt] == "in"
    for attempt in ("change a file", "find a key in a file"):
        assert came[attempt].startswith("in")
