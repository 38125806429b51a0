"""What tests of several rooms share: a running local Lambda, and zips to put on it."""

import io
import itertools
import os
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

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


@pytest.fixture(scope="session")
def local_lambda_url() -> Iterator[str]:
    """The URL of one local Lambda for the whole session; give functions names of your own."""
    with running_local_lambda() as url:
        yield url


@pytest.fixture(scope="session")
def start_local_lambda() -> Callable[..., Any]:
    """``with start_local_lambda("--time-scale", "60") as url``: one with options of your own."""
    return running_local_lambda


@pytest.fixture(scope="session")
def make_zip() -> Callable[[Path | Mapping[str, str | bytes]], bytes]:
    """Zip a folder of handlers, or files given as ``{"app.py": "..."}``; bootstrap can run."""
    return zipped


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


@pytest.fixture
def lambda_client(local_lambda_url: str) -> Any:
    """A boto3 client of the session's local Lambda, without retries."""
    return boto3_client(local_lambda_url)


def boto3_client(url: str, region: str = "eu-west-1") -> Any:
    """A boto3 Lambda client with any credentials; it never retries."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        "lambda",
        endpoint_url=url,
        region_name=region,
        aws_access_key_id="any",
        aws_secret_access_key="any",
        config=Config(retries={"total_max_attempts": 1}, read_timeout=60, max_pool_connections=50),
    )


_numbers = itertools.count(1)


@pytest.fixture
def new_function(lambda_client: Any) -> Callable[..., str]:
    """Create a function and wait until it is active: ``new_function(handler_source, **more)``."""

    def create(source: str | Mapping[str, str | bytes], **more: Any) -> str:
        name = f"test-{os.getpid()}-{next(_numbers)}"
        files = {"app.py": source} if isinstance(source, str) else source
        given = {
            "Runtime": f"python3.{sys.version_info.minor}",
            "Handler": "app.handler",
            "Role": ROLE,
            "MemorySize": 1769,
            "Code": {"ZipFile": zipped(files)},
            **more,
        }
        lambda_client.create_function(FunctionName=name, **given)
        wait_until_settled(lambda_client, name)
        return name

    return create


def wait_until_settled(client: Any, name: str) -> dict[str, Any]:
    """Poll until a creation or update has settled; gives the configuration then."""
    import time

    for _ in range(500):
        told: dict[str, Any] = client.get_function_configuration(FunctionName=name)
        if told["State"] == "Active" and told.get("LastUpdateStatus") == "Successful":
            return told
        time.sleep(0.02)
    raise AssertionError(f"{name} does not settle: {told}")


@pytest.fixture(scope="session")
def settled() -> Callable[[Any, str], dict[str, Any]]:
    """``settled(client, name)`` waits for a creation or update."""
    return wait_until_settled
