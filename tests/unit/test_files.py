"""Files that users name may be pipes: one with a writer is read whole, one without ends in time."""

import os
import threading
import time
from pathlib import Path

import pytest

from tuner import files
from tuner.errors import UsageError
from tuner.options.readers import read_text
from tuner.recording import read_recording


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "calls.csv"
    os.mkfifo(path)
    return path


def written(pipe: Path, *pieces: bytes, pause_s: float = 0.0) -> threading.Thread:
    """Write pieces to a pipe, with a pause before each."""

    def write() -> None:
        with pipe.open("wb", buffering=0) as stream:
            for piece in pieces:
                time.sleep(pause_s)
                stream.write(piece)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


def test_a_pipe_that_nobody_writes_is_an_error(pipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "WRITER_S", 0.05)
    with pytest.raises(UsageError, match="nobody writes to this pipe"):
        read_recording(pipe)
    with pytest.raises(UsageError, match=r"--payload .*: cannot be read: nobody writes"):
        read_text(str(pipe), "--payload")


def test_a_recording_comes_from_a_pipe_whose_writer_is_slow(
    pipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "WRITER_S", 0.1)
    thread = written(pipe, b"memory_mb,duration_ms\n", b"512,24\n", pause_s=0.15)
    time.sleep(0.02)  # it has its end open
    assert [row.duration_ms for row in read_recording(pipe).rows(512)] == [24.0]
    thread.join()


def test_a_pipe_that_ends_without_a_byte_is_empty(pipe: Path) -> None:
    thread = written(pipe)
    assert files.read_bytes(pipe) == b""
    thread.join()


def test_a_file_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a\r\n\0")
    assert files.read_bytes(tmp_path / "a") == b"a\r\n\0"
    with pytest.raises(FileNotFoundError):
        files.read_bytes(tmp_path / "b")
