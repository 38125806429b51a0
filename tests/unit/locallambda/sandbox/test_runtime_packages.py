"""What a Python function may import without shipping it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tuner.locallambda.sandbox.runtime_packages import runtime_packages

pytest.importorskip("awslambdaric", reason="handlers need awslambdaric, absent here")


@pytest.fixture(autouse=True)
def forget(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    runtime_packages.cache_clear()
    yield
    runtime_packages.cache_clear()


def imported(packages: Path, name: str) -> bool:
    """Return whether an interpreter without site-packages imports a name from the folder."""
    code = f"import sys; sys.path.append({str(packages)!r}); import {name}"
    argv = [sys.executable, "-I", "-S", "-B", "-c", code]
    return subprocess.run(argv, capture_output=True, check=False).returncode == 0


def test_awss_client_and_boto3_are_there_and_nothing_else_of_ours():
    packages = runtime_packages(sys.executable).folder / "packages"
    for name in ("awslambdaric.bootstrap", "boto3", "botocore.session", "six", "runtime_client"):
        assert imported(packages, name), name
    for name in ("numpy", "requests", "typer", "ruamel.yaml", "locust", "gevent", "tuner", "pip"):
        assert not imported(packages, name), name


def test_the_folder_is_made_once_and_again_when_it_is_damaged():
    first = runtime_packages(sys.executable)
    made = first.folder.stat().st_ino
    runtime_packages.cache_clear()
    assert runtime_packages(sys.executable) == first
    assert first.folder.stat().st_ino == made
    (first.folder / "packages" / "boto3").unlink()
    runtime_packages.cache_clear()
    assert (runtime_packages(sys.executable).folder / "packages" / "boto3").exists()


def test_without_a_cache_the_folder_is_made_for_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    folder = runtime_packages(sys.executable).folder
    assert (folder / "bootstrap.py").exists()
    shutil.rmtree(folder)
