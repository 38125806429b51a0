"""A local Lambda in a process of its own, and what is put on it."""

import io
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from support.waiting import wait_for

ROLE = "arn:aws:iam::000000000000:role/test"


@contextmanager
def running_local_lambda(*arguments: str) -> Iterator[str]:
    """A local Lambda in a process of its own, by its URL; it never outlives this process."""
    pytest.importorskip("awslambdaric", reason="handlers need awslambdaric, absent here")
    with tempfile.TemporaryFile("w+") as complaints:
        process = subprocess.Popen(
            [sys.executable, "-m", "tuner.locallambda", "--parent-pipe", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
        )
        assert process.stdout is not None
        try:
            url = process.stdout.readline().strip()
            if not url:
                process.wait(10)
                complaints.seek(0)
                pytest.fail(f"the local Lambda did not start: {complaints.read()}")
            yield url
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


def zipped(source: Path | Mapping[str, str | bytes]) -> bytes:
    """The bytes of a deployment package."""
    if isinstance(source, Path):
        files: Mapping[str, str | bytes] = {
            str(path.relative_to(source)): path.read_bytes()
            for path in sorted(source.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        }
    else:
        files = source
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (0o755 if name == "bootstrap" else 0o644) << 16
            archive.writestr(entry, content)
    return packed.getvalue()


def boto3_client(
    url: str, region: str = "eu-west-1", keys: tuple[str, str] = ("any", "any")
) -> Any:
    """A boto3 Lambda client, with any credentials unless some are given; it never retries."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        "lambda",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id=keys[0],
        aws_secret_access_key=keys[1],
        config=Config(retries={"total_max_attempts": 1}, read_timeout=60, max_pool_connections=50),
    )


def wait_until_settled(client: Any, name: str) -> dict[str, Any]:
    """Poll until a creation or update has settled; gives the configuration then."""

    def look() -> dict[str, Any] | None:
        told: dict[str, Any] = client.get_function_configuration(FunctionName=name)
        settled = told["State"] == "Active" and told.get("LastUpdateStatus") == "Successful"
        return told if settled else None

    return wait_for(look, f"{name} to settle")
