"""Posts a message to a webhook, when one asked for it. An address is a secret and is never shown.

Only https, or http on this machine; redirects are not followed, for they could take the secret
elsewhere. A refusal that may pass (429, 5xx, no answer) is tried again twice.
"""

import json
import os
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from tuner.errors import Partial, UsageError

_TIMEOUT_S = 10.0
_PAUSES_S = (1.0, 4.0)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def is_address(to: str) -> bool:
    """Whether something is an address, or names a variable that has one, and no file."""
    return to.startswith("env:") or "://" in to


def address(to: str, option: str) -> str:
    """The address itself, checked. Raises UsageError that does not repeat it."""
    if to.startswith("env:"):
        name = to.removeprefix("env:")
        url = os.environ.get(name, "").strip()
        if not url:
            raise UsageError(f"{option} {to[:60]}", "is not set or empty", f"Export {name[:40]}.")
    else:
        url = to.strip()
    try:
        parts = urlsplit(url)
        good = bool(parts.hostname) and (
            parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
        )
    except ValueError:
        good = False
    if not good or any(ord(c) <= 0x20 or ord(c) > 0x7E for c in url):
        fix = "Use an https:// address, best as env:NAME of a variable that has it."
        raise UsageError(f"{option} (address hidden)", "is not an https address", fix)
    return url


def post(
    url: str, payload: Mapping[str, Any], option: str, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Send JSON. Raises Partial, which names the host only, when it was not taken."""
    body = json.dumps(payload).encode()
    headers = {"Content-Type": "application/json", "User-Agent": "tuner"}
    reason = ""
    for pause in (*_PAUSES_S, None):
        refused, again = _sent(Request(url, data=body, headers=headers, method="POST"))
        if refused is None:
            return
        reason = refused
        if pause is None or not again:
            break
        sleep(pause)
    host = urlsplit(url).hostname
    fix = "The run itself is in the store; check the address and who may post to it."
    raise Partial(f"{option} to {host}", f"was not taken: {reason}", fix)


def _sent(request: Request) -> tuple[str | None, bool]:
    """Why it was refused (None: it was not), and whether trying again may help."""
    try:
        with build_opener(_Stay).open(request, timeout=_TIMEOUT_S):
            return None, False
    except HTTPError as error:
        with error:
            again = error.code == HTTPStatus.TOO_MANY_REQUESTS or error.code >= 500
            return f"HTTP {error.code}", again
    except (URLError, OSError) as error:  # its text may hold the address
        cause = getattr(error, "reason", error)
        return f"no answer ({type(cause).__name__})", True


class _Stay(HTTPRedirectHandler):
    """A redirect is an answer like any other refusal."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        """Follow none."""
        return
