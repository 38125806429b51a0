"""What a function may read of its package: what the archive's modes give to others, as on AWS."""

import io
import json
import stat
import zipfile

import pytest

from tuner.locallambda.registry.packages import unpack

HANDLER = b"""
import os
from pkg import part
def handler(event, context):
    try:
        open(event["path"], event.get("mode", "r")).close()
    except OSError as error:
        return error.strerror
    return part.VALUE
"""


def unpacked(folder, modes):
    """A package with these modes of ``app.py``, ``pkg/`` and ``pkg/part.py``."""
    contents = {"app.py": HANDLER, "pkg/": b"", "pkg/part.py": b"VALUE = 'read'"}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in contents.items():
            entry = zipfile.ZipInfo(name)
            kind = stat.S_IFDIR if entry.is_dir() else stat.S_IFREG
            mode = modes.get(name, 0o755 if entry.is_dir() else 0o644)
            archive.writestr(entry, content)  # which replaces a mode of 0
            entry.external_attr = 0 if mode is None else (kind | mode) << 16
    task = folder / "task"
    task.mkdir()
    unpack(out.getvalue(), task)
    return {"task_dir": task, "handler": "app.handler"}


@pytest.mark.parametrize("mode", [0o000, 0o400, 0o600, 0o640, 0o711])
def test_code_that_others_may_not_read_is_no_module(local, tmp_path, mode):
    sandbox = local.sandbox(**unpacked(tmp_path, {"app.py": mode}))
    answer = json.loads(local.invoke(sandbox, path="/etc/passwd").payload)
    assert "Permission denied" in answer["errorMessage"]
    where = local.shown(tmp_path / "task")
    assert f"{where}/app.py" in answer["errorMessage"]


@pytest.mark.parametrize("mode", [0o700, 0o750, 0o754])
def test_folder_that_others_may_not_enter_hides_its_modules(local, tmp_path, mode):
    if local.sandbox().resources.way.kind != "root":
        pytest.skip("sandboxes are the owner of the code here")
    sandbox = local.sandbox(**unpacked(tmp_path, {"pkg/": mode}))
    answer = json.loads(local.invoke(sandbox, path="/etc/passwd").payload)
    assert answer["errorType"] == "Runtime.ImportModuleError"


@pytest.mark.parametrize("mode", [None, 0o644, 0o604, 0o777, 0o004])
def test_code_that_others_may_read_runs(local, tmp_path, mode):
    sandbox = local.sandbox(**unpacked(tmp_path, {"app.py": mode, "pkg/part.py": mode}))
    assert local.invoke(sandbox, path="/etc/passwd").payload == b'"read"'


def test_writing_fails_for_the_file_system_whatever_the_mode(local, tmp_path):
    if not local.isolated:
        pytest.skip("this kernel lets a sandbox have no view of its own")
    sandbox = local.sandbox(**unpacked(tmp_path, {"pkg/part.py": 0o444}))
    for path in ("/var/task/pkg/part.py", "/var/task/pkg/new.py"):
        answer = local.invoke(sandbox, path=path, mode="w")
        assert json.loads(answer.payload) == "Read-only file system"
