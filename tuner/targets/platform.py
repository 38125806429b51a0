"""What a local Lambda tells of its machine: how CPU is limited, how well, how many cores.

AWS and other services do not answer this question; then nothing is known. Asked on loopback only.
"""

import json
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import urlsplit

PLATFORM_PATH = "/tuner/platform"


def platform_facts(url: str, timeout_s: float = 5.0) -> Mapping[str, Any]:
    """The platform facts of the service at ``url``; empty if it is not a local Lambda of ours."""
    told = ask_local(url, PLATFORM_PATH, timeout_s)
    return told[0] if told is not None and isinstance(told[0], dict) else {}


def ask_local(url: str, path: str, timeout_s: float = 5.0) -> tuple[Any, Mapping[str, str]] | None:
    """What a local Lambda of ours tells on one of its own pages, with the answer's headers in
    lower case; ``None`` if the service at ``url`` has no such page."""
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=timeout_s)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            return None
        return json.loads(body), {name.lower(): value for name, value in answer.getheaders()}
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()
