"""``tuner worker``: send part of a load that another machine's ``tuner load`` asks for."""

import os
import socket

from tuner.errors import UsageError
from tuner.options.manage import WorkerCommand

_PORT = 5557  # Locust's own


def worker(options: WorkerCommand) -> None:
    """Connects to the machine that runs `tuner load TARGET --expect-workers N`, sends its share of
    the calls, and ends with the load. It gets the requests and the credentials to sign them with,
    unencrypted: use it only within a network that you trust.

    Example: tuner worker --master 10.0.0.7
    """
    host, port = parse_master(options.master)
    from tuner.engine.worker_process import own_process

    try:
        socket.getaddrinfo(host, port)
    except OSError as error:
        fix = "Check the name, or give the address of the machine that runs `tuner load`."
        raise UsageError(
            f"--master {host[:60]}", f"is not known here: {error.strerror}", fix
        ) from None
    command = own_process("tuner.engine.worker.locust_worker", host, port, "alone")
    os.execv(command[0], command)


def parse_master(text: str) -> tuple[str, int]:
    """Host and port of ``HOST``, ``HOST:PORT`` or ``[IPV6]:PORT``. Raises UsageError."""
    host, colon, port = text.rpartition(":")
    if not colon or "]" in port or (":" in host and not host.startswith("[")):
        host, port = text, str(_PORT)  # no port; an IPv6 address is full of colons
    host = host.removeprefix("[").removesuffix("]")
    known = port.isascii() and port.isdigit() and 0 < int(port) < 65536
    if not known or not host or any(c.isspace() for c in host):
        raise UsageError(
            "--master", f"{text!r:.80} is not of the form HOST:PORT", f"Write it like ci-1:{_PORT}."
        )
    return host, int(port)
