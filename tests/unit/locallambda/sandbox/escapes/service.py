"""A service of its own with secrets around it, which lets a handler make every attempt.

``python service.py FOLDER KIND [ATTEMPT...]`` prints what each attempt got as JSON; of which kind
(``isolation.KINDS``) its sandboxes are, "best" leaves to the host.
"""

import asyncio
import ctypes
import json
import os
import shutil
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from tuner.locallambda.limits.process_tree import descendants
from tuner.locallambda.sandbox.host import SandboxHost
from tuner.locallambda.sandbox.invocation import Invocation, SandboxSpec
from tuner.locallambda.sandbox.isolation import not_enforced
from tuner.locallambda.sandbox.launch import PROCESSES
from tuner.locallambda.sandbox.sandbox import Sandbox

SECRET = "TOP-SECRET"
TMP_MB = 16
KEY = f"tuner-{os.getpid()}"
SHM_KEY = 0x74756E00 + os.getpid() % 256


def prepare(folder: Path) -> dict[str, Any]:
    """Put secrets where tools and people have them; what an attacker knows of them."""
    shutil.copy(Path(__file__).with_name("attempts.py"), folder / "task" / "app.py")
    kept = [folder / "project" / ".tuner" / name for name in ("runs.db", "journal.jsonl")]
    (folder / "data").mkdir(exist_ok=True)
    for path in (*kept, folder / "home" / ".aws" / "credentials"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SECRET)
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.shmget(SHM_KEY, 4096, 0o1666) >= 0
    if os.uname().machine == "x86_64":  # a key in the session's ring
        libc.syscall(248, b"user", KEY.encode(), SECRET.encode(), len(SECRET), -3)
    return {
        "service": os.getpid(),
        "owner": os.getuid(),
        "homes": [str(folder / "home"), "/root"],
        "kept": [str(path) for path in kept],
        "beside": [str(folder), str(folder / "project"), "/boot", "/mnt", "/var/log", "/var/lib"],
        "shm_key": SHM_KEY,
        "key": KEY,
        "disks": [[253, 0], [254, 0], [259, 0], [8, 0], [1, 1]],
        "processes": PROCESSES,
        "tmp_mb": TMP_MB,
    }


def listen(name: str) -> socket.socket:
    """A server that any user may connect to."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(name)
    if not name.startswith("\0"):
        Path(name).chmod(0o666)
    server.listen(64)
    return server


async def attempt(host: SandboxHost, spec: SandboxSpec, event: dict[str, Any]) -> dict[str, Any]:
    """What one attempt gets in a fresh sandbox, and whether anything of it stays."""
    sandbox = host.create(spec)
    await sandbox.start()
    uid = sandbox.resources.uid if sandbox.resources.way.kind == "root" else os.getuid()
    call = Invocation("r", json.dumps({**event, "uid": uid}).encode(), "arn")
    result = await sandbox.invoke(call)
    inside = set(descendants(sandbox._runtime._root)) - {0} if sandbox._runtime.alive else set()
    await sandbox.stop()
    if left := [pid for pid in inside if Path(f"/proc/{pid}").exists()]:
        return {"got": f"it stays: {left}"}
    if result.function_error is not None:
        return {"error": f"ended: {json.loads(result.payload)['errorMessage']}"}
    told: dict[str, Any] = json.loads(result.payload)
    return told


async def serves(victim: Sandbox) -> bool:
    event = json.dumps({"do": "shared_memory"}).encode()
    result = await victim.invoke(Invocation("v", event, "arn"))
    return result.function_error is None


async def run(folder: Path, kind: str, chosen: list[str]) -> dict[str, Any]:
    event = prepare(folder)
    host = SandboxHost(hide=[folder / "data"])
    await host.start(calibrate=False)
    if kind != "best":
        host._way = replace(host._way, kind=kind)
    spec = SandboxSpec(
        *("f", "$LATEST", "arn", "eu-west-1", 1769, 30.0, "app.handler"),
        *(f"python3.{sys.version_info.minor}", {}, folder / "task", "g", "s"),
        ephemeral_mb=TMP_MB,
    )
    victim = host.create(replace(spec, function_name="victim", environment={"KEY": SECRET}))
    await victim.start()
    runtime = victim._runtime
    event |= {"guard": victim.resources.link.pid, "victim": runtime._pid}
    event |= {"victim_api": runtime._api.address, "victim_tmp": str(victim.resources.tmp)}
    event |= {"victim_task": str(victim.spec.task_dir)}
    event |= {"socket": str(folder / "socket"), "abstract": f"tuner-{os.getpid()}"}
    (victim.resources.tmp / "secret").write_text(SECRET)
    sleeper = [sys.executable, "-c", "input()", SECRET]
    bystander = subprocess.Popen(sleeper, stdin=subprocess.PIPE)
    event |= {"bystander": bystander.pid, "own_pids": host._way.own_pids}
    got = {}
    try:
        with listen(event["socket"]), listen(f"\0{event['abstract']}"):
            names = await victim.invoke(Invocation("r", b'{"do": "list"}', "arn"))
            for name in chosen or json.loads(names.payload):
                got[name] = await attempt(host, spec, {**event, "do": name})
                harmless = await serves(victim) and bystander.poll() is None
                got[name] |= {} if harmless else {"got": "another has ended"}
    finally:
        bystander.communicate(b"\n")
        await host.close()
        libc = ctypes.CDLL(None)
        libc.shmctl(libc.shmget(SHM_KEY, 0, 0), 0, None)
    return {"kind": host._way.kind, "not_enforced": not_enforced(host._way), "attempts": got}


if __name__ == "__main__":
    told = asyncio.run(run(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
    sys.stdout.write(json.dumps(told))
