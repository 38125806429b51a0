"""What the scripts here share: a local Lambda of their own, and a function that computes on it."""

import io
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3

REGION = "eu-west-1"
CODE = """
import hashlib

def handler(event, context):
    hashlib.pbkdf2_hmac("sha1", b"a", b"b", 45000)
"""


@contextmanager
def local_lambda(*arguments: str) -> Iterator[str]:
    """The URL of a local Lambda that ends with the block; any credentials are set for clients."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "any", "AWS_SECRET_ACCESS_KEY": "any"}
    command = [sys.executable, "-P", "-m", "tuner.locallambda", "--parent-pipe", *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin and server.stdout
        try:
            yield server.stdout.readline().strip()
        finally:
            server.stdin.close()


def zipped(code: str, name: str = "app.py") -> bytes:
    """A package of one file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = 0o644 << 16  # else it has 0600, which Lambda cannot read
        archive.writestr(entry, code)
    return packed.getvalue()


def computing_function(url: str, name: str) -> tuple[Any, str]:
    """A client, and the ARN of a new function of 1,024 MB that takes some milliseconds of CPU."""
    client = boto3.client("lambda", REGION, endpoint_url=url)
    arn: str = client.create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="app.handler",
        Role="arn:aws:iam::000000000000:role/r",
        MemorySize=1024,
        Timeout=30,
        Code={"ZipFile": zipped(CODE)},
    )["FunctionArn"]
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    return client, arn
