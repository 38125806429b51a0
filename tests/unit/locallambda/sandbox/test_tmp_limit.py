"""A sandbox's /tmp holds no more than its size in all, however many files that are."""

import json
import sys
import time
from pathlib import Path

import pytest

from tuner.locallambda.limits import disk

if not sys.platform.startswith("linux"):
    pytest.skip("only Linux bounds what other processes may write", allow_module_level=True)

FILLS = """
import errno, os, pathlib, subprocess, tempfile, time

held = []

def handler(event, context):
    folder = pathlib.Path(tempfile.gettempdir())
    if event["do"] == "clear":
        for path in folder.iterdir():
            if path.is_file():
                path.unlink()
        held.clear()
        time.sleep(event["pause"])
        return folder.joinpath("again").write_bytes(b"x" * 1000)
    if event["do"] == "program":
        argv = ["head", "-c", str(20 << 20), "/dev/zero"]
        with open(folder / "one", "wb") as out:
            done = subprocess.run(argv, stdout=out, stderr=subprocess.PIPE, env={"LC_ALL": "C"})
        return [done.returncode, done.stderr.decode()]
    if event["do"] == "files":
        for number in range(100_000):
            try:
                folder.joinpath(str(number)).touch()
            except OSError as error:
                return [errno.errorcode[error.errno], number]
            time.sleep(0.001)
        return ["nothing", number]
    written = 0
    try:
        while written < 200 << 20:
            file = open(folder / f"part{written}", "wb", buffering=0)
            held.append(file)
            if event["do"] == "deleted":
                os.unlink(file.name)
            written += file.write(b"x" * (1 << 20))
            time.sleep(0.02)
    except OSError as error:
        return [errno.errorcode[error.errno], written]
    return ["nothing", written]
"""


@pytest.fixture(scope="module")
def watched(start_local):
    """A host that has no file systems for sandboxes."""
    local = start_local()
    local.host._disks = False
    return local


@pytest.fixture
def filling(watched, tmp_path):
    return filling_sandbox(watched, tmp_path)


def filling_sandbox(local, folder):
    (folder / "app.py").write_text(FILLS)
    return local.sandbox(task_dir=folder, handler="app.handler", ephemeral_mb=8)


@pytest.fixture
def filling_disk(local, tmp_path):
    if local.host.platform()["tmp_method"] != "file system":
        pytest.skip("needs root, mke2fs and loop devices")
    return filling_sandbox(local, tmp_path)


@pytest.mark.parametrize("how", ["kept", "deleted"])
def test_a_file_system_of_its_own_is_full_as_on_aws(how, local, filling_disk):
    error, written = json.loads(local.invoke(filling_disk, do=how).payload)
    assert error == "ENOSPC"
    assert 8 << 20 <= written <= 12 << 20
    assert local.invoke(filling_disk, do="clear", pause=0).payload == b"1000"


def test_a_program_is_told_that_no_space_is_left(local, filling_disk):
    code, said = json.loads(local.invoke(filling_disk, do="program").payload)
    assert code == 1, said
    assert "No space left on device" in said


def test_a_file_system_has_one_file_for_each_16_kb(local, filling_disk):
    error, made = json.loads(local.invoke(filling_disk, do="files").payload)
    assert error == "ENOSPC"
    assert 0.9 < made / ((8 << 20) / disk.FILE_BYTES) < 1.1


def test_files_outlive_the_runtime_but_not_the_sandbox(local):
    sandbox = local.sandbox(timeout_s=0.5)
    local.invoke(sandbox, do="write", name="one", text="kept")
    assert local.invoke(sandbox, do="sleep", seconds=2).report.status == "timeout"
    assert local.invoke(sandbox, do="read", name="one").payload == b'"kept"'
    assert b"FileNotFoundError" in local.invoke(local.sandbox(), do="read", name="one").payload


def test_a_disk_ends_with_its_sandbox(local, filling_disk):
    behind = Path("/sys/block", Path(filling_disk._runtime._disk.device).name, "loop/backing_file")
    assert behind.read_text().startswith(str(filling_disk.resources.directory))
    local.run(filling_disk.stop())
    until = time.monotonic() + 10
    while behind.exists() and str(filling_disk.resources.directory) in behind.read_text():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("how", ["kept", "deleted"])
def test_many_files_fill_it_and_room_comes_back(how, watched, filling):
    error, written = json.loads(watched.invoke(filling, do=how).payload)
    assert error == "EFBIG"
    assert 8 << 20 < written < 200 << 20
    pause = 20 * disk.CHECK_EVERY_S
    assert watched.invoke(filling, do="clear", pause=pause).payload == b"1000"


def test_a_program_that_fills_it_gets_an_error_and_is_not_ended_by_a_signal(watched, filling):
    code, said = json.loads(watched.invoke(filling, do="program").payload)
    assert code == 1, said  # a signal would be negative
    assert "File too large" in said


def test_more_files_than_it_has_room_for_end_the_runtime_and_stay_readable(watched, filling):
    result = watched.invoke(filling, do="files")
    assert result.report.error_type == "Runtime.ExitError"
    assert b"more files in /tmp than AWS has room for" in result.log
    again = watched.invoke(filling, do="clear", pause=0.3)
    assert again.payload == b"1000", again.log.decode()


def test_what_a_folder_holds_counts_folders_below_and_no_links(tmp_path):
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "file").write_bytes(b"x" * 50_000)
    (tmp_path / "link").symlink_to("/usr")
    sparse = (tmp_path / "sparse").open("wb")
    sparse.truncate(1 << 30)
    seen = disk.used(tmp_path)
    assert seen.files == 4
    assert 50_000 <= seen.bytes < 1 << 20
