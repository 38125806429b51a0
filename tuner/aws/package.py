"""The code of a function as it was deployed: fetched, to be given to Lambda once more.

Lambda gives an address that is good for ten minutes; the bytes are those that were uploaded.
Nothing is unpacked or kept.
"""

import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from tuner.errors import TargetError

#: What CreateFunction and UpdateFunctionCode take as bytes (Lambda quotas, "deployment package":
#: 50 MB zipped).
UPLOAD_LIMIT = 50 * 2**20


def code_of(found: Mapping[str, Any], thing: str, fix: str) -> dict[str, Any]:
    """The code in an answer of GetFunction, as a request takes it: an image, or the zip's bytes.

    Raises :class:`TargetError`, with ``fix``, where it cannot be had.
    """
    code = found.get("Code") or {}
    if code.get("RepositoryType") == "ECR":
        return {"ImageUri": code.get("ResolvedImageUri") or code["ImageUri"]}
    return {"ZipFile": download(str(code.get("Location", "")), thing, fix)}


def download(url: str, thing: str, fix: str) -> bytes:
    """A package by its address."""
    if not url.startswith(("https://", "http://127.0.0.1", "http://localhost", "http://[::1]")):
        raise TargetError(thing, "Lambda gives no address to fetch its package from", fix)
    try:
        with urllib.request.urlopen(url, timeout=60) as answer:
            package = bytes(answer.read(UPLOAD_LIMIT + 1))
    except (OSError, urllib.error.URLError) as error:
        raise TargetError(thing, f"its package cannot be fetched ({error})", fix) from error
    if len(package) > UPLOAD_LIMIT:
        raise TargetError(thing, "its package is above 50 MB, the most that can be uploaded", fix)
    return package


def code_sha256(package: bytes) -> str:
    """As Lambda's CodeSha256 is written."""
    return b64encode(sha256(package).digest()).decode()
