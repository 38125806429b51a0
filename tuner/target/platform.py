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
    parts = urlsplit(url)
    connection = HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=timeout_s)
    try:
        connection.request("GET", PLATFORM_PATH)
        answer = connection.getresponse()
        found = json.loads(answer.read()) if answer.status == 200 else {}
    except (OSError, HTTPException, ValueError):
        return {}
    finally:
        connection.close()
    return found if isinstance(found, dict) else {}
