"""A handler can do what it could do on AWS, and sees nothing of who runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tuner.locallambda.sandbox import isolation

#: Tries one thing after another; an error is its class and number.
TRIES = """
import errno, glob, os, signal, sys

def tried(what):
    try:
        return what()
    except OSError as error:
        return errno.errorcode.get(error.errno, error.errno)
    except Exception as error:
        return type(error).__name__

def secrets():
    found = []
    for path in glob.glob("/proc/[0-9]*/environ"):
        seen = tried(lambda: open(path, "rb").read())
        if isinstance(seen, bytes) and b"TOP-SECRET" in seen:
            found.append(path)
    return found

def fork():
    children = []
    try:
        for _ in range(1500):
            child = os.fork()
            if child == 0:
                signal.pause()
            children.append(child)
    except OSError as error:
        return errno.errorcode[error.errno]
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)

def big():
    with open("/tmp/big", "wb") as file:
        file.truncate(600 << 20)

def trace(pid):
    import ctypes
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(16, pid, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")

def handler(event, context):
    status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
    return {
        "file": __file__,
        "new": tried(lambda: open("out.txt", "w")),
        "own": tried(lambda: open(__file__, "a")),
        "code": os.listdir("/var/task"),
        "tmp": tried(lambda: open("/tmp/x", "w").write("x")),
        "big": tried(big),
        "shm": os.path.exists("/dev/shm"),
        "sockets": [name for name in os.listdir("/run") if name not in event["resolver"]],
        "cgroup": tried(lambda: [open(path, "w") for path in glob.glob("/sys/fs/cgroup/*/cpu.*")
                                 + glob.glob("/sys/fs/cgroup/cpu.*")] and "written"),
        "null": tried(lambda: open("/dev/null", "w").write("x")),
        "shadow": tried(lambda: open("/etc/shadow").read(1)),
        "homes": [name for home in event["homes"] for name in tried(lambda: os.listdir(home))
                  if not sys.base_prefix.startswith(os.path.join(home, name))],
        "secrets": secrets(),
        "parent": tried(lambda: open("/proc/%d/environ" % event["guard"]).read()),
        "memory": tried(lambda: open("/proc/%d/mem" % event["guard"], "rb").read(1)),
        "trace": tried(lambda: trace(event["guard"])),
        "service": tried(lambda: open(event["service_file"]).read()),
        "capabilities": [status[key].strip() for key in ("CapPrm", "CapEff", "CapBnd")],
        "no_new_privs": status["NoNewPrivs"].strip(),
        "files": len(tried(lambda: [open("/dev/null") for _ in range(10_000)])),
        "fork": tried(fork) if event["fork"] else None,
        "processes": [int(name) for name in os.listdir("/proc") if name.isdigit()] == [os.getpid()],
        "usr": tried(lambda: open("/usr/x", "w")),
        "beside": [name for name in os.listdir("/mnt")] if os.path.isdir("/mnt") else [],
        "uid": os.getuid(),
    }
"""
NO_CAPABILITIES = "0" * 16


def seen_by_a_handler(local, tmp_path, fork):
    (tmp_path / "app.py").write_text(TRIES)
    (tmp_path / "app.py").chmod(0o666)
    sandbox = local.sandbox(task_dir=tmp_path, handler="app.handler")
    event = {
        "guard": sandbox.resources.link.pid,
        "homes": [home for home in isolation.homes() if Path(home).is_dir()],
        "service_file": str(tmp_path / "app.py"),
        "fork": fork,
        "resolver": os.path.realpath("/etc/resolv.conf"),
    }
    result = local.invoke(sandbox, **event)
    assert result.function_error is None, result.log.decode()
    return json.loads(result.payload)


CHILDREN = """
import os, signal, subprocess, time

def handler(event, context):
    if event["do"] == "orphans":
        for _ in range(20):
            subprocess.run(["sh", "-c", "sleep 0.05 &"])
        time.sleep(0.3)
        stats = [f"/proc/{name}/stat" for name in os.listdir("/proc") if name.isdigit()]
        return [open(path).read().rpartition(")")[2].split()[0] for path in stats]
    os.kill(os.getpid(), getattr(signal, event["do"]))
    time.sleep(5)
"""


def test_a_runtime_of_its_own_process_ids_ends_and_reaps_as_elsewhere(local, tmp_path):
    (tmp_path / "app.py").write_text(CHILDREN)
    sandbox = local.sandbox(task_dir=tmp_path, handler="app.handler")
    for name in ("SIGTERM", "SIGABRT", "SIGKILL", "SIGSEGV"):
        result = local.invoke(sandbox, do=name)
        assert result.function_error == "Unhandled"
        assert result.report.error_type == "Runtime.ExitError", result.log.decode()
    states = json.loads(local.invoke(sandbox, do="orphans").payload)
    assert "Z" not in states
    assert len(states) < 5  # none of the twenty waits for a parent


@pytest.fixture
def seen(local, tmp_path, monkeypatch):
    if not local.isolated:
        pytest.skip("this kernel lets a sandbox have no view of its own")
    return seen_by_a_handler(local, tmp_path, fork=os.getuid() == 0)


def test_a_handler_gets_no_further_than_on_aws(seen):
    assert seen["file"] == "/var/task/app.py"
    assert (seen["new"], seen["own"]) == ("EROFS", "EROFS")
    assert seen["code"] == ["app.py"]
    assert seen["tmp"] == 1
    assert seen["big"] in (None, "EFBIG")  # longer than /tmp is large, without writing
    assert not seen["shm"]
    assert seen["sockets"] == []
    assert seen["cgroup"] in ([], "EACCES", "EROFS")
    assert seen["null"] == 1
    assert (seen["shadow"], seen["homes"], seen["service"]) == ("EACCES", [], "ENOENT")
    assert seen["parent"] in ("ENOENT", "EACCES")
    assert seen["memory"] in ("ENOENT", "EACCES")
    assert seen["trace"] in ("EPERM", "ESRCH")
    assert seen["capabilities"] == [NO_CAPABILITIES] * 3
    assert seen["no_new_privs"] == "1"
    assert seen["files"] == len("EMFILE")
    assert seen["fork"] in ("EAGAIN", None)
    assert seen["processes"]
    assert seen["usr"] in ("EROFS", "EACCES")
    assert seen["beside"] == []


def test_a_kernel_without_namespaces_takes_rights_and_says_the_rest(start_local, tmp_path):
    own = start_local()
    own.host._way = isolation.Way()
    (tmp_path / "app.py").write_text(
        "def handler(event, context):\n"
        "    status = dict(line.split(':', 1) for line in open('/proc/self/status'))\n"
        "    return [status[key].strip() for key in ('CapEff', 'CapBnd', 'NoNewPrivs')]\n"
    )
    sandbox = own.sandbox(task_dir=tmp_path, handler="app.handler")
    effective, bounding, no_new_privs = json.loads(own.invoke(sandbox).payload)
    assert (effective, no_new_privs) == (NO_CAPABILITIES, "1")
    assert bounding == NO_CAPABILITIES or os.getuid() != 0
    assert "/dev/shm is there" in own.host.platform()["not_enforced"]


def test_two_sandboxes_of_a_root_service_are_two_users(local, tmp_path):
    if os.getuid() != 0 or not local.isolated:
        pytest.skip("only root can give sandboxes users")
    one, other = (seen_by_a_handler(local, tmp_path, fork=False)["uid"] for _ in range(2))
    assert 0 not in (one, other)
    assert one != other


#: A service of its own with a secret in its environment, run by an ordinary user.
SERVICE = """
import asyncio, json, sys
from pathlib import Path
from tuner.locallambda.sandbox.host import SandboxHost
from tuner.locallambda.sandbox.invocation import Invocation, SandboxSpec

async def main():
    host = SandboxHost()
    await host.start(calibrate=False)
    spec = SandboxSpec("f", "$LATEST", "arn", "eu-west-1", 1769, 30.0, "app.handler",
                       f"python3.{sys.version_info.minor}", {}, Path(sys.argv[1]), "g", "s")
    sandbox = host.create(spec)
    await sandbox.start()
    event = {"guard": sandbox.resources.link.pid, "homes": [], "fork": False, "resolver": "",
             "service_file": str(Path(sys.argv[1]) / "app.py")}
    result = await sandbox.invoke(Invocation("r", json.dumps(event).encode(), "arn"))
    print(json.dumps([host.platform()["not_enforced"], json.loads(result.payload)]))
    await host.close()

asyncio.run(main())
"""


@pytest.mark.parametrize("root", [True, False])
def test_no_process_shows_the_secrets_of_who_started_the_service(root, open_folder, as_nobody):
    (open_folder / "app.py").write_text(TRIES)
    argv = [sys.executable, "-c", SERVICE, str(open_folder)]
    environment = {"PATH": os.defpath, "AWS_SECRET_ACCESS_KEY": "TOP-SECRET"}
    if not root:
        argv, path = as_nobody(argv)
        environment["PYTHONPATH"] = path
    elif os.getuid() != 0:
        pytest.skip("not root")
    done = subprocess.run(argv, env=environment, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    not_enforced, seen = json.loads(done.stdout)
    assert seen["secrets"] == [] or not_enforced
