"""Scripts for the server on loopback that the ``serve`` fixture starts."""

import socket
import time
from collections.abc import Callable
from typing import Any

Script = Callable[..., bool]


def good(answer: Callable[..., bytes], delay_s: float = 0.0) -> Script:
    """Answer every request well, after so long."""

    def script(_server: Any, connection: socket.socket, _number: int) -> bool:
        time.sleep(delay_s)
        connection.sendall(answer())
        return True

    return script
