"""Tries to get into a load that runs on this machine: ``python intruder.py '{"api": ..., ...}'``.

It is given what every program of the machine can find out, and needs nothing but Python. It prints
one line of JSON: what came of each attempt, ``in`` if it got anywhere.
"""

import ctypes
import errno
import http.client
import json
import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

FUNCTIONS = "/2015-03-31/functions"
NEXT = "/2018-06-01/runtime/invocation/next"
RESPONSE = "/2018-06-01/runtime/invocation/94f4a28a-dbe3-4114-9f2b-0b3ae40f4dbc/response"
INIT_ERROR = "/2018-06-01/runtime/init/error"
FORGED = "AWS4-HMAC-SHA256 Credential=AKID/20260101/us-east-1/lambda/aws4_request, " + (
    "SignedHeaders=host;x-amz-date, Signature=" + "0" * 64
)
#: The greeting of a ZeroMQ peer that asks for no encryption (RFC 23, ZMTP 3.0), and its READY.
GREETING = b"\xff\0\0\0\0\0\0\0\1\x7f\3\0NULL".ljust(64, b"\0")
READY = b"\4\x1e\5READY\x0bSocket-Type\0\0\0\6DEALER"


def ask(port: int, method: str, path: str, body: bytes | None = None, **headers: str) -> str:
    """The status of an answer; ``in`` if it is one of success."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request(method, path, body, headers)
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    finally:
        connection.close()
    return "in" if status < 300 else str(status)


def tried(act: Callable[[], Any]) -> str:
    """The name of the error; ``in`` if there was none, or the process has ended meanwhile."""
    try:
        act()
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, type(error).__name__)
    return "in"


def joined(port: int) -> str:
    """``in`` if a master of a load answers more than its greeting to one without the secret."""
    with socket.create_connection(("127.0.0.1", port), 2) as link:
        link.sendall(GREETING)
        got, spoken = b"", False
        try:
            while more := link.recv(65536):
                got += more
                if len(got) >= 64 and not spoken:
                    spoken = True
                    link.sendall(READY)
        except (TimeoutError, ConnectionError):
            pass
    return "in" if len(got) > 64 else f"{len(got)} bytes"


def attached(pid: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(16, pid, None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")
    os.waitpid(pid, 0)
    libc.ptrace(17, pid, None, None)


def files(folder: str) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        yield from (Path(place, name) for name in (*folders, *names))


def holds(path: Path, secret: bytes) -> bool:
    try:
        return path.is_file() and secret in path.read_bytes()
    except OSError:
        return False


def by_network(given: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Attempts at the ports of a load."""
    api, function = given["api"], FUNCTIONS + "/" + given["function"]
    create = json.dumps({"FunctionName": "evil", "Runtime": "python3.11"}).encode()
    yield "list functions unsigned", ask(api, "GET", f"{FUNCTIONS}/")
    yield "list functions", ask(api, "GET", f"{FUNCTIONS}/", Authorization=FORGED)
    yield "create a function", ask(api, "POST", FUNCTIONS, create, Authorization=FORGED)
    yield "invoke", ask(api, "POST", f"{function}/invocations", b"{}", Authorization=FORGED)
    yield "invoke unsigned", ask(api, "POST", f"{function}/invocations", b"{}")
    yield "read code", ask(api, "GET", function, Authorization=FORGED)
    yield "replace code", ask(api, "PUT", f"{function}/code", b"{}", Authorization=FORGED)
    yield "delete", ask(api, "DELETE", function, Authorization=FORGED)
    yield "read logs", ask(api, "GET", f"/tuner/logs?group=/aws/lambda/{given['function']}")
    yield "read events", ask(api, "GET", "/tuner/events")
    yield (
        "invoke as a rebound name",
        ask(
            *(api, "POST", f"{function}/invocations", b"{}"),
            Authorization=FORGED,
            Host="evil.example",
        ),
    )
    for port in given["runtime"]:
        here = {"Host": f"127.0.0.1:{port}"}
        page = {**here, "Origin": "http://evil.example"}
        yield "take an event", ask(port, "GET", NEXT, **here)
        yield "take an event as a page", ask(port, "GET", NEXT, **page)
        yield "take an event as a rebound name", ask(port, "GET", NEXT, Host="evil.example")
        yield "forge an answer", ask(port, "POST", RESPONSE, b"1", **here)
        yield "forge an answer as a page", ask(port, "POST", RESPONSE, b"1", **page)
        yield "fail the INIT", ask(port, "POST", INIT_ERROR, b"{}", **here)
    yield "join the load", joined(given["hub"])


def by_process(given: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Attempts of another user at the processes and files of a load."""
    for pid in given["pids"]:
        proc = Path(f"/proc/{pid}")
        yield "read an environment", tried((proc / "environ").read_bytes)
        yield "read memory", tried((proc / "mem").open)
        yield "list open files", tried(lambda proc=proc: list((proc / "fd").iterdir()))
        yield "see where it works", tried((proc / "cwd").readlink)
        yield "trace", tried(lambda pid=pid: attached(pid))
        yield "signal", tried(lambda pid=pid: os.kill(pid, 0))
    written = [path for path in files(given["folder"]) if os.access(path, os.W_OK)]
    yield "change a file", f"in {written}" if written else "none"


def in_sight(given: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What every user may see."""
    secret = given["secret"].encode()
    shown = [pid for pid in given["pids"] if holds(Path(f"/proc/{pid}/cmdline"), secret)]
    yield "find a key in a command line", f"in {shown}" if shown else "none"
    found = [str(path) for path in files(given["folder"]) if holds(path, secret)]
    yield "find a key in a file", f"in {found}" if found else "none"


def main() -> None:
    """Try all; of several alike the one that got furthest counts."""
    given = json.loads(sys.argv[1])
    came: dict[str, str] = {}
    for attempts in (by_network, in_sight, *((by_process,) if given["other"] else ())):
        for name, how in attempts(given):
            if not came.get(name, "").startswith("in"):
                came[name] = how
    sys.stdout.write(json.dumps(came) + "\n")


if __name__ == "__main__":
    main()
