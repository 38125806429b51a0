"""A sandbox's /tmp holds no more than its size in all, however many files that are."""

import json
import sys

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
            folder.joinpath(str(number)).touch()
            time.sleep(0.001)
        return "all"
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


@pytest.fixture
def filling(local, tmp_path):
    (tmp_path / "app.py").write_text(FILLS)
    return local.sandbox(task_dir=tmp_path, handler="app.handler", ephemeral_mb=8)


@pytest.mark.parametrize("how", ["kept", "deleted"])
def test_many_files_fill_it_and_room_comes_back(how, local, filling):
    error, written = json.loads(local.invoke(filling, do=how).payload)
    assert error == "EFBIG"
    assert 8 << 20 < written < 200 << 20
    pause = 20 * disk.CHECK_EVERY_S
    assert local.invoke(filling, do="clear", pause=pause).payload == b"1000"


def test_a_program_that_fills_it_gets_an_error_and_is_not_ended_by_a_signal(local, filling):
    code, said = json.loads(local.invoke(filling, do="program").payload)
    assert code == 1, said  # a signal would be negative
    assert "File too large" in said


def test_more_files_than_it_has_room_for_end_the_runtime_and_stay_readable(local, filling):
    result = local.invoke(filling, do="files")
    assert result.report.error_type == "Runtime.ExitError"
    assert b"more files in /tmp than AWS has room for" in result.log
    again = local.invoke(filling, do="clear", pause=0.3)
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
