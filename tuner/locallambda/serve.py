"""Runs the local Lambda in the foreground: listens, announces its URL, and ends cleanly.

Whoever can send it a request runs code as this user. So it has keys of its own, which requests must
be signed with, where the caller says so and where other machines reach it.

It ends on SIGTERM, SIGINT and, with ``--parent-pipe``, when its standard input ends, which happens
when the process that started it dies in any way.
"""

import asyncio
import contextlib
import os
import resource
import signal
import stat
import sys
from collections.abc import Callable
from dataclasses import dataclass

from aiohttp import web

from tuner.errors import TargetError, UsageError
from tuner.locallambda.api.requests import is_loopback
from tuner.locallambda.api.server import LambdaServer, ignore_resets
from tuner.locallambda.api.signatures import Keys, new_keys
from tuner.locallambda.service import ServiceOptions, open_service

MAX_OPEN_FILES = 65_536


def serve(
    options: ServiceOptions,
    announce: Callable[[str], None],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    parent_pipe: bool = False,
    keys: Keys | None = None,
) -> int:
    """Serve until stopped; ``announce`` gets the URL once it answers. Returns the exit code, 0.

    ``keys`` are the only ones whose requests are answered. Without them any are good on loopback;
    elsewhere new ones are made, and announced as the commands that set them. Port 0 takes a free
    one. Raises TargetError (port in use, no data folder) or UsageError.
    """
    if not 0 <= port <= 65_535:
        raise UsageError("--port", f"{port} is not a port", "Use 0 to 65535.")
    if options.account_concurrency < 1:
        raise UsageError("--account-concurrency", "must be at least 1", "AWS's default is 1000.")
    _allow_many_files()
    make_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    with contextlib.suppress(ImportError):  # Windows, PyPy
        import uvloop

        make_loop = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=make_loop) as runner:
        runner.run(_serve(options, announce, _Listening(host, port, keys), parent_pipe))
    return 0


@dataclass(frozen=True)
class _Listening:
    host: str
    port: int
    keys: Keys | None


def _allow_many_files() -> None:
    """Each client and each sandbox takes descriptors; the usual 1024 end at some 300 sandboxes."""
    with contextlib.suppress(ValueError, OSError):
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = MAX_OPEN_FILES if most == resource.RLIM_INFINITY else min(most, MAX_OPEN_FILES)
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


async def _serve(
    options: ServiceOptions,
    announce: Callable[[str], None],
    where: _Listening,
    parent_pipe: bool,
) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(ignore_resets)
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, stop.set)
    new = new_keys() if where.keys is None and not is_loopback(where.host) else None
    service = open_service(options)
    server = LambdaServer(service, where.host, where.keys or new).server()
    runner = web.ServerRunner(server, shutdown_timeout=0.25)
    try:
        await service.start()
        url = await _listen(runner, where.host, where.port)
        if parent_pipe:
            await _watch_parent(stop)
        announce(url)
        if new is not None:
            announce(f"export AWS_ACCESS_KEY_ID={new.access_key}")
            announce(f"export AWS_SECRET_ACCESS_KEY={new.secret_key}")
        await stop.wait()
    finally:
        await runner.cleanup()
        await service.close()


async def _listen(runner: web.ServerRunner, host: str, port: int) -> str:
    await runner.setup()
    site = web.TCPSite(runner, host, port, backlog=1024)
    try:
        await site.start()
    except OSError as error:
        raise TargetError(
            f"{host}:{port}",
            f"cannot listen there ({error.strerror or error})",
            "Stop what uses the port, or choose another --port (0 takes a free one).",
        ) from error
    host, port = runner.addresses[0][:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _watch_parent(stop: asyncio.Event) -> None:
    mode = os.fstat(sys.stdin.fileno()).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        raise UsageError("--parent-pipe", "standard input is not a pipe", "Leave the option out.")

    class _Watch(asyncio.Protocol):
        def connection_lost(self, _error: Exception | None) -> None:
            stop.set()

    await asyncio.get_running_loop().connect_read_pipe(_Watch, sys.stdin)
