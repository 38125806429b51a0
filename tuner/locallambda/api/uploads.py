"""Code as a request gives it: in the request itself, or as an object of S3.

Objects are at one endpoint that speaks S3 (moto, LocalStack) and does not check signatures; never
at the real S3. What it refuses is told in AWS's words.
"""

import asyncio
import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from aiohttp import ClientError, ClientSession, ClientTimeout

from tuner.locallambda.registry.configuration import CodePackage
from tuner.locallambda.registry.packages import MAX_UNZIPPED
from tuner.locallambda.responses import ApiError, invalid, mismatch, violated
from tuner.locallambda.service import Service

_ELEMENT = r"<{0}>(?:<!\[CDATA\[)?([^<\]]*)(?:\]\]>)?</{0}>"
_BUCKET = r"[0-9A-Za-z\.\-_]*(?<!\.)"  # botocore's model
_AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=tuner/20260101/{}/s3/aws4_request, SignedHeaders=host, "
    "Signature=unchecked"
)
_LIMIT = ClientTimeout(total=60)


async def upload(service: Service, code: Mapping[str, Any], region: str) -> CodePackage:
    """Unpack what a request uploads or names, off the event loop. Raises AWS's ApiError."""
    if code.get("ZipFile") is not None:
        try:
            archive = base64.b64decode(code["ZipFile"], validate=True)
        except (binascii.Error, ValueError, TypeError) as error:
            raise invalid(f"ZipFile is not base64: {error}") from error
        return await asyncio.to_thread(service.store.packages.add, archive)
    if code.get("ImageUri"):
        raise invalid(
            "The local Lambda has no container images. Upload the package itself as ZipFile."
        )
    if not code.get("S3Bucket"):
        raise invalid("Please provide a source for function code.")
    if not service.options.s3_endpoint:
        raise invalid(
            "The local Lambda has no S3. Upload the package itself as ZipFile, or start it with "
            "--s3-endpoint."
        )
    archive = await _object(service.options.s3_endpoint, code, region)
    return await asyncio.to_thread(service.store.packages.add, archive, False)


async def _object(endpoint: str, code: Mapping[str, Any], region: str) -> bytes:
    """The object that a request names."""
    bucket, key, version = (code.get(f"S3{part}") for part in ("Bucket", "Key", "ObjectVersion"))
    if not isinstance(bucket, str) or not re.fullmatch(_BUCKET, bucket, re.ASCII):
        raise violated([mismatch(str(bucket), "code.s3Bucket", _BUCKET)])
    if not key:
        raise invalid("Please provide a source for function code.")
    query = f"?versionId={quote(str(version), safe='')}" if version else ""
    url = f"{endpoint.rstrip('/')}/{bucket}/{quote(str(key), safe='/~')}{query}"
    headers, data = {"Authorization": _AUTHORIZATION.format(region)}, bytearray()
    try:
        async with (
            ClientSession(timeout=_LIMIT) as session,
            session.get(url, headers=headers, allow_redirects=False) as answer,
        ):
            async for part in answer.content.iter_chunked(1 << 20):
                data += part
                if len(data) >= MAX_UNZIPPED:
                    raise invalid(f"Unzipped size must be smaller than {MAX_UNZIPPED} bytes")
            status = answer.status
    except (ClientError, TimeoutError, OSError) as error:
        reason = str(error) or type(error).__name__
        raise invalid(f"Nothing answers at --s3-endpoint {endpoint} ({reason}).") from error
    if status != 200:
        raise _refused(status, data[:4096].decode("utf-8", "replace"))
    return bytes(data)


def _refused(status: int, said: str) -> ApiError:
    """S3's error, as Lambda tells it."""
    code, text = (
        match[1] if (match := re.search(_ELEMENT.format(word), said)) else str(status)
        for word in ("Code", "Message")
    )
    return invalid(
        f"Error occurred while GetObject. S3 Error Code: {code}. S3 Error Message: {text}"
    )
