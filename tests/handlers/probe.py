"""A handler for the tests of the sandboxes: does what the event's ``do`` says."""

import ctypes
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

CALLS = [0]
HELD = []


def handler(event, context):
    """``{"do": NAME, ...}``: NAME is a function below; the rest are its arguments."""
    CALLS[0] += 1
    arguments = dict(event or {})
    return globals()[arguments.pop("do", "nothing")](context, **arguments)


def nothing(context):
    return None


def calls(context):
    return CALLS[0]


def describe(context):
    return {
        "environment": dict(os.environ),
        "cwd": str(Path.cwd()),
        "tmp": sorted(path.name for path in Path("/tmp").iterdir()),
        "open_files": resource.getrlimit(resource.RLIMIT_NOFILE),
        "request_id": context.aws_request_id,
        "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb,
        "remaining_ms": context.get_remaining_time_in_millis(),
        "version": context.function_version,
        "client_context": context.client_context and context.client_context.custom,
    }


def say(context, text):
    print(text)
    return text


def fail(context):
    raise ValueError("no such luck")


def sleep(context, seconds):
    time.sleep(seconds)
    return "awake"


def leave(context, status):
    sys.exit(status)


def crash(context):
    ctypes.string_at(0)


def answer(context, size):
    return "x" * size


def hold(context, mb):
    """Keeps so much memory for ever."""
    HELD.append(bytearray(b"\1") * (mb * 1024 * 1024))
    return mb


def child_holds(context, mb):
    """A child process that holds so much memory and ends again."""
    code = f"b = bytearray(b'1') * ({mb} << 20)"
    return subprocess.run([sys.executable, "-I", "-S", "-c", code], check=False).returncode


def cache_file(context, mb):
    """Write a file and read it back, so that the kernel caches it."""
    path = _in_tmp("big")
    with path.open("wb") as file:
        for _ in range(mb):
            file.write(b"\1" * (1 << 20))
    with path.open("rb") as file:
        return sum(len(chunk) for chunk in iter(lambda: file.read(1 << 20), b"")) >> 20


def write_and_delete(context, mb):
    """Write a file, and delete it with what the kernel caches of it."""
    path = _in_tmp("gone")
    with path.open("wb") as file:
        for _ in range(mb):
            file.write(b"\1" * (1 << 20))
    path.unlink()


def write(context, name, text):
    _in_tmp(name).write_text(text)


def read(context, name):
    return _in_tmp(name).read_text()


def _in_tmp(name):
    return Path(os.environ.get("TMPDIR", "/tmp")) / name


def leave_daemons(context):
    """Two processes that outlive the handler: a plain child, and one that has detached itself."""
    plain = subprocess.Popen(["sleep", "300"])
    reader, writer = os.pipe()
    code = (
        "import os\n"
        "if os.fork(): os._exit(0)\n"
        "os.setsid()\n"
        f"os.write({writer}, str(os.getpid()).encode())\n"
        "os.execlp('sleep', 'sleep', '300')"
    )
    subprocess.run([sys.executable, "-I", "-S", "-c", code], pass_fds=[writer], check=True)
    return [os.getpid(), plain.pid, int(os.read(reader, 32))]


def spin(context, seconds):
    """Uses the CPU for so long by the wall clock; says what it got and where it was stopped.

    ``share`` in cores, ``pauses_ms`` and ``bursts_ms`` in the order in which they happened.
    """
    wall, cpu = time.perf_counter, time.process_time
    begun = last = burst = wall()
    used = cpu()
    pauses, bursts = [], []
    while last < begun + seconds:
        now = wall()
        if now - last > 0.0015:
            pauses.append(round((now - last) * 1e3, 3))
            bursts.append(round((last - burst) * 1e3, 3))
            burst = now
        last = now
    return {"share": (cpu() - used) / (last - begun), "pauses_ms": pauses, "bursts_ms": bursts}
