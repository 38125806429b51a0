"""Files that users name are read to an end: a pipe with a writer whole, a device not at all."""

import gzip
import io
import os
import re
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner import files
from tuner.errors import UsageError
from tuner.files import decoded, own_folder, read_text, refuse_utf16, written_whole
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
        read_text(pipe, f"--payload {pipe}")


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


def test_a_pipe_that_falls_silent_is_an_error(pipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "SILENT_S", 0.0)
    writer = os.open(pipe, os.O_RDWR)
    os.write(writer, b"memory_mb,duration_ms\n")
    with pytest.raises(UsageError, match="has sent nothing for 0 s"):
        read_recording(pipe)
    os.close(writer)


def test_no_more_is_read_than_is_said(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"12345")
    assert files.read_bytes(tmp_path / "a", 5) == b"12345"
    with pytest.raises(OSError, match="larger than"):
        files.read_bytes(tmp_path / "a", 4)
    with pytest.raises(UsageError, match="a: cannot be read: it is larger than 0 MB"):
        read_text(tmp_path / "a", most=4)


def test_a_stream_ends_where_it_or_a_line_of_it_is_too_long() -> None:
    lines = b"12\n34\n5\n"
    assert [*files.bounded(io.BytesIO(lines), most=8, line=2)] == [b"12\n", b"34\n", b"5\n"]
    with pytest.raises(OSError, match="larger than"):
        files.bounded(io.BytesIO(lines), most=7, line=9).read()
    with pytest.raises(OSError, match="a line of more than"):
        files.bounded(io.BytesIO(b"1\n" * 9 + b"1" * 200_000), line=100_000).read()


def test_only_a_plain_file_is_read_where_that_is_said(pipe: Path) -> None:
    with pytest.raises(OSError, match="is a pipe"):
        files.read_bytes(pipe, plain=True)
    with pytest.raises(OSError, match="is a folder"):
        files.read_bytes(pipe.parent)
    with pytest.raises(OSError, match="is a device"):
        files.read_bytes(Path("/dev/zero"))
    assert files.read_bytes(Path("/dev/null")) == b""


@pytest.mark.parametrize("raw", ["a;b".encode("utf-16"), "a;b".encode("utf-16-be")])
def test_utf_16_is_named(raw: bytes) -> None:
    with pytest.raises(UsageError, match="UTF-16"):
        decoded(raw, "t.csv")
    assert decoded("\ufeffé".encode(), "t.csv") == "é"


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        ('{"a": 1}'.encode("utf-32"), "UTF-32"),
        ('{"a": 1}'.encode("utf-32-be"), "UTF-32"),
        (gzip.compress(b"{}", mtime=0), "compressed by gzip"),
        ("é".encode("latin-1"), "not text in UTF-8"),
        (b"\0asm\1\0\0\0", "is not text$"),  # WebAssembly
        (b"\0\0\0\x18ftypmp42", "is not text$"),
        (b"\0\0\1\0\1\0", "is not text$"),  # an icon
        (b"MZ\x90\0\3\0\0\0", "is not text$"),
    ],
)
def test_other_encodings_are_named(raw: bytes, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        decoded(raw, "t.csv")
    assert re.search(says, caught.value.reason)


@given(st.text("abc{}[]; \n", min_size=2), st.sampled_from(["16-le", "16-be", "32-le", "32-be"]))
def test_wide_text_without_a_mark_is_told_from_binary(text: str, encoding: str) -> None:
    with pytest.raises(UsageError, match=f"UTF-{encoding[:2]}"):
        refuse_utf16(text.encode(f"utf-{encoding}"), "t.csv")


def test_what_replaces_a_secret_is_secret_while_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "secret.tfvars"
    path.touch(mode=0o600)
    path.write_text("a")
    with written_whole(path) as beside:
        beside.write_text("b")
        assert beside.stat().st_mode & 0o777 == 0o600
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("b", 0o600)
    path.chmod(0o644)
    with written_whole(path) as beside:
        beside.write_text("c")
    assert path.stat().st_mode & 0o777 == 0o644


def test_git_leaves_our_folder_alone_whoever_makes_it_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own_folder(Path(".tuner/journal"))
    assert Path(".tuner/.gitignore").read_text() == "*\n"
    own_folder(Path(".tuner/applied"))
    own_folder(Path("kept/journal"))
    assert not Path("kept/.gitignore").exists()
