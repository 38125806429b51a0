"""What clients do wrong, or leave undone, is no failure of the server, and is not logged as one."""

import asyncio
import logging
import socket
import struct
from typing import Any

import pytest
from aiohttp import web

from tuner.locallambda.api.server import LambdaServer, ignore_resets

POST = b"POST /x HTTP/1.1\r\nHost: 127.0.0.1\r\n"


def reset_after(port: int, sent: bytes, *, reads: bool) -> bytes:
    """Send bytes, read what is answered, and reset the connection."""
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.sendall(sent)
        return client.recv(1000) if reads else b""


async def served(*requests: bytes, reads: bool) -> list[bytes]:
    unused: Any = None  # no request here comes as far as the service
    runner = web.ServerRunner(LambdaServer(unused, "127.0.0.1").server(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    answers = [await asyncio.to_thread(reset_after, port, each, reads=reads) for each in requests]
    await runner.cleanup()
    return answers


@pytest.mark.parametrize("reads", [True, False], ids=["after the answer", "before the answer"])
def test_a_client_that_resets_or_sends_no_http_is_not_logged(
    caplog: pytest.LogCaptureFixture, reads: bool
) -> None:
    broken_chunk = POST + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n"
    not_gzip = POST + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nabcde"
    with caplog.at_level(logging.WARNING):
        answers = asyncio.run(served(broken_chunk, not_gzip, b"\x16\x03\r\n\r\n", reads=reads))
    assert caplog.text == ""
    assert all(each.startswith(b"HTTP/1.") for each in answers) or not reads


def test_a_loop_says_what_is_no_reset(caplog: pytest.LogCaptureFixture) -> None:
    loop = asyncio.new_event_loop()
    ignore_resets(loop, {"message": "gone", "exception": ConnectionResetError()})
    assert caplog.text == ""
    ignore_resets(loop, {"message": "a fault of ours", "exception": ValueError()})
    assert "a fault of ours" in caplog.text
    loop.close()
