"""What a Python function may import without shipping it."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tuner.locallambda.sandbox.invocation import LAYERS_FOLDER
from tuner.locallambda.sandbox.python_runtime import runtime_packages

pytest.importorskip("awslambdaric", reason="handlers need awslambdaric, absent here")


def imported(packages: Path, name: str) -> bool:
    """Return whether an interpreter without site-packages imports a name from the folder."""
    code = f"import sys; sys.path.append({str(packages)!r}); import {name}"
    argv = [sys.executable, "-I", "-S", "-B", "-c", code]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def test_awss_client_and_boto3_are_there_and_nothing_else_of_ours(tmp_path):
    packages = runtime_packages(sys.executable, tmp_path).folder / "packages"
    for name in ("awslambdaric.bootstrap", "boto3", "botocore.session", "six", "runtime_client"):
        assert imported(packages, name), name
    # AWS's own samples install packages into /tmp by it.
    assert imported(packages, "pip._internal") == (importlib.util.find_spec("pip") is not None)
    for name in ("numpy", "requests", "typer", "ruamel.yaml", "locust", "gevent", "tuner"):
        assert not imported(packages, name), name


CHILD = """
import subprocess, sys

def handler(event, context):
    code = "import importlib.util as u, sys; print([n for n in sys.argv[1:] if u.find_spec(n)])"
    argv = [sys.executable, "-c", code, *event["names"]]
    return subprocess.run(argv, capture_output=True, text=True).stdout.strip()
"""


def test_a_python_that_a_handler_starts_finds_no_more_than_it(local, tmp_path):
    if not local.isolated:
        pytest.skip("this kernel gives a sandbox no view of its own")
    (tmp_path / "app.py").write_text(CHILD)
    sandbox = local.sandbox(task_dir=tmp_path, handler="app.handler")
    names = ["boto3", "six", "numpy", "requests", "typer", "locust", "tuner"]
    assert json.loads(local.invoke(sandbox, names=names).payload) == "['boto3', 'six']"


def test_layers_are_found_by_the_version_that_the_runtime_names(local, tmp_path):
    """Another Python may stand in for it, but layers are laid out for the one on AWS."""
    layer = tmp_path / LAYERS_FOLDER / "python" / "lib" / "python3.14" / "site-packages"
    layer.mkdir(parents=True)
    (layer / "deep.py").write_text("WHERE = __file__\n")
    (tmp_path / "app.py").write_text(
        "import deep\ndef handler(event, context): return deep.WHERE\n"
    )
    sandbox = local.sandbox(task_dir=tmp_path, handler="app.handler", runtime="python3.14")
    found = json.loads(local.invoke(sandbox).payload)
    assert found.endswith("/python/lib/python3.14/site-packages/deep.py")
